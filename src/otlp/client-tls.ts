import { createSecureContext, type ConnectionOptions } from 'node:tls';
import type { Failure, Remark, Settings } from '../component.ts';
import { durationMs } from '../config/fragments.ts';
import { ChangingFiles, type ChangingFile } from '../http/changing-files.ts';
import { attempt, authorities, checkPair } from '../http/pem.ts';
import type { ClientTlsConfig } from './settings.ts';

/** How to speak TLS to an endpoint. What is renewed is taken over by the connections that follow. */
export class ClientTls {
  readonly #tls: ClientTlsConfig;
  readonly #files: ChangingFiles<ConnectionOptions>;

  constructor(tls: ClientTlsConfig, settings: Pick<Settings, 'logger' | 'now'>) {
    this.#tls = tls;
    this.#files = new ChangingFiles({
      title: 'tls',
      files: filesOf(tls),
      parse: (contents) => connectionOptions(tls, contents),
      settings,
      intervalMs: durationMs(tls.reload_interval),
    });
  }

  get failure(): Failure | undefined {
    return this.#files.failure;
  }

  /** Reads the files. Throws ConfigError, its path the setting. */
  load(): void {
    this.#files.load();
  }

  /** Another object once the files have changed. Only after load. */
  look(): ConnectionOptions {
    return this.#files.look() ?? this.#files.load();
  }

  /** For `agentcol validate`. */
  inspect(): readonly Remark[] {
    return this.#files.inspect(() => {
      if (!this.#tls.insecure_skip_verify) return [];
      const message = 'anybody in between could pose as the endpoint and read everything; set ca_file instead';
      return [{ path: ['tls', 'insecure_skip_verify'], message, severity: 'warning' }];
    });
  }
}

function filesOf(tls: ClientTlsConfig): readonly ChangingFile[] {
  return (['ca_file', 'cert_file', 'key_file'] as const).flatMap((name) => {
    const path = tls[name];
    return path === undefined ? [] : [{ setting: ['tls', name], path }];
  });
}

function connectionOptions(tls: ClientTlsConfig, contents: readonly Buffer[]): ConnectionOptions {
  const [ca] = tls.ca_file === undefined ? [] : contents;
  const [cert, key] = tls.ca_file === undefined ? contents : contents.slice(1);
  if (cert !== undefined && key !== undefined) checkPair(tls.cert_file ?? '', tls.key_file ?? '', cert, key);
  const options: ConnectionOptions = {
    ...(ca === undefined ? {} : { ca: authorities('ca_file', tls.ca_file ?? '', ca) }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(tls.server_name_override === undefined ? {} : { servername: tls.server_name_override }),
    minVersion: `TLSv${tls.min_version}`,
    rejectUnauthorized: !tls.insecure_skip_verify,
  };
  attempt('cert_file', 'use these files', () => createSecureContext(options));
  return options;
}

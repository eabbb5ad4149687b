import { constants } from 'node:crypto';
import type { Server, ServerOptions } from 'node:https';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Failure, Remark, Settings } from '../component.ts';
import { durationMs, type TlsConfig } from '../config/fragments.ts';
import { ChangingFiles } from './changing-files.ts';
import { attempt, authorities, checkPair } from './pem.ts';

/** The certificates of a listener. A certificate that is renewed is taken over by the connections that follow. */
export class Certificates {
  readonly #tls: TlsConfig;
  readonly #files: ChangingFiles<SecureContextOptions>;
  #timer: NodeJS.Timeout | undefined;

  constructor(tls: TlsConfig, settings: Pick<Settings, 'logger' | 'now'>) {
    this.#tls = tls;
    const ofClients =
      tls.client_ca_file === undefined ? [] : [{ setting: ['tls', 'client_ca_file'], path: tls.client_ca_file }];
    this.#files = new ChangingFiles({
      title: 'tls',
      files: [
        { setting: ['tls', 'cert_file'], path: tls.cert_file },
        { setting: ['tls', 'key_file'], path: tls.key_file },
        ...ofClients,
      ],
      parse: (contents) => contextOf(tls, contents),
      settings,
      // The timer decides how often.
      intervalMs: 0,
    });
  }

  get failure(): Failure | undefined {
    return this.#files.failure;
  }

  /** Reads the files. Throws ConfigError, its path the setting. */
  load(): ServerOptions {
    const clients = this.#tls.client_ca_file !== undefined;
    return {
      ...this.#files.load(),
      ALPNProtocols: ['http/1.1'],
      requestCert: clients,
      rejectUnauthorized: clients,
    };
  }

  /** For `agentcol validate`. */
  inspect(): readonly Remark[] {
    return this.#files.inspect(() => []);
  }

  /** Gives the server what the files hold, again and again. */
  watch(server: Server): void {
    let inUse = this.#files.look();
    const look = (): void => {
      const found = this.#files.look();
      if (found !== undefined && found !== inUse) server.setSecureContext(found);
      inUse = found;
    };
    this.#timer = setInterval(look, Math.min(durationMs(this.#tls.reload_interval), 2 ** 31 - 1)).unref();
  }

  unwatch(): void {
    clearInterval(this.#timer);
  }
}

function contextOf(
  tls: TlsConfig,
  [cert = Buffer.alloc(0), key = Buffer.alloc(0), ca]: readonly Buffer[],
): SecureContextOptions {
  checkPair(tls.cert_file, tls.key_file, cert, key);
  const options: SecureContextOptions = {
    cert,
    key,
    ...(ca === undefined ? {} : { ca: authorities('client_ca_file', tls.client_ca_file ?? '', ca) }),
    minVersion: `TLSv${tls.min_version}`,
    maxVersion: `TLSv${tls.max_version}`,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
  attempt('cert_file', `use ${tls.cert_file}`, () => createSecureContext(options));
  return options;
}

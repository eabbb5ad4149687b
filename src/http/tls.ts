import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import type { Server, ServerOptions } from 'node:https';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Failure, Remark, Settings } from '../component.ts';
import { durationMs, type TlsConfig } from '../config/fragments.ts';
import { ConfigError, describeError } from '../errors.ts';
import { ChangingFiles } from './changing-files.ts';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

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
  const leaf = attempt(
    ['tls', 'cert_file'],
    `no certificate in PEM in ${tls.cert_file}`,
    () => new X509Certificate(cert),
  );
  const privateKey = attempt(['tls', 'key_file'], `no private key in PEM without a passphrase in ${tls.key_file}`, () =>
    createPrivateKey(key),
  );
  if (!leaf.checkPrivateKey(privateKey)) {
    const message = `${tls.key_file} is not the key of the certificate in ${tls.cert_file}`;
    throw new ConfigError([{ path: ['tls', 'key_file'], message }]);
  }
  const options: SecureContextOptions = {
    cert,
    key,
    ...(ca === undefined ? {} : { ca: authorities(tls, ca) }),
    minVersion: `TLSv${tls.min_version}`,
    maxVersion: `TLSv${tls.max_version}`,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
  attempt(['tls', 'cert_file'], `use ${tls.cert_file}`, () => createSecureContext(options));
  return options;
}

/** OpenSSL ignores what is no certificate: an empty list would let nobody in, without a word. */
function authorities(tls: TlsConfig, ca: Buffer): string[] {
  const found = ca.toString('latin1').match(PEM_CERTIFICATE) ?? [];
  const message = `no certificate in PEM in ${tls.client_ca_file ?? ''}`;
  const path = ['tls', 'client_ca_file'];
  if (found.length === 0) throw new ConfigError([{ path, message }]);
  for (const one of found) attempt(path, message, () => new X509Certificate(one));
  return found;
}

function attempt<T>(path: readonly string[], message: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new ConfigError([{ path, message: `${message}: ${describeError(error)}` }], { cause: error });
  }
}

/** What the files of the setting `tls` hold. Everything here throws ConfigError, its path the setting. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { ConfigError, describeError } from '../errors.ts';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** That `cert_file` holds a certificate and `key_file` its key. */
export function checkPair(certFile: string, keyFile: string, cert: Buffer, key: Buffer): void {
  const leaf = attempt('cert_file', `no certificate in PEM in ${certFile}`, () => new X509Certificate(cert));
  const privateKey = attempt('key_file', `no private key in PEM without a passphrase in ${keyFile}`, () =>
    createPrivateKey(key),
  );
  if (leaf.checkPrivateKey(privateKey)) return;
  const message = `${keyFile} is not the key of the certificate in ${certFile}`;
  throw new ConfigError([{ path: ['tls', 'key_file'], message }]);
}

/** The certificates of `file`. OpenSSL ignores what is none: an empty list would trust nobody, without a word. */
export function authorities(setting: string, file: string, pem: Buffer): string[] {
  const found = pem.toString('latin1').match(PEM_CERTIFICATE) ?? [];
  const message = `no certificate in PEM in ${file}`;
  if (found.length === 0) throw new ConfigError([{ path: ['tls', setting], message }]);
  for (const one of found) attempt(setting, message, () => new X509Certificate(one));
  return found;
}

export function attempt<T>(setting: string, message: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new ConfigError([{ path: ['tls', setting], message: `${message}: ${describeError(error)}` }], {
      cause: error,
    });
  }
}

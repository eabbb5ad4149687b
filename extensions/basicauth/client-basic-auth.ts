import type { ClientAuthenticator } from '../../src/component.ts';
import type { ClientAuthConfig } from './config.ts';

/** Shows a name and password by HTTP's Basic scheme. */
export class ClientBasicAuth implements ClientAuthenticator {
  readonly #credentials: string;

  constructor({ username, password }: ClientAuthConfig) {
    this.#credentials = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  credentials(): string {
    return this.#credentials;
  }
}

import type { Authenticator, ClientAuthenticator, ExtensionFactory } from '../../src/component.ts';
import { schema, type Config } from './config.ts';
import { parseUsers } from './htpasswd.ts';

export const basicAuth: ExtensionFactory<Config> = {
  type: 'basicauth',
  kind: 'extension',
  signals: [],
  summary: 'Lets in who shows the name and password of a user of an htpasswd file (bcrypt), or shows a pair to others.',
  schema,
  async check({ htpasswd, client_auth }) {
    if (htpasswd?.inline !== undefined) parseUsers(htpasswd.inline, ['htpasswd', 'inline'], 'inline');
    if (htpasswd === undefined || client_auth === undefined) return [];
    return [
      { path: ['client_auth'], message: 'stands in an extension of its own, without htpasswd: basicauth/client' },
    ];
  },
  async create({ htpasswd, client_auth }, settings): Promise<Authenticator | ClientAuthenticator> {
    if (htpasswd !== undefined) return new (await import('./basicauth.ts')).BasicAuth({ htpasswd }, settings);
    if (client_auth !== undefined) return new (await import('./client-basic-auth.ts')).ClientBasicAuth(client_auth);
    throw new Error('neither htpasswd nor client_auth');
  },
};

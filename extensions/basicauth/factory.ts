import type { ExtensionFactory } from '../../src/component.ts';
import { schema, type Config } from './config.ts';
import { parseUsers } from './htpasswd.ts';

export const basicAuth: ExtensionFactory<Config> = {
  type: 'basicauth',
  kind: 'extension',
  signals: [],
  summary: 'Lets in who shows the name and password of a user of an htpasswd file (bcrypt).',
  schema,
  async check({ htpasswd: { inline } }) {
    if (inline !== undefined) parseUsers(inline, ['htpasswd', 'inline'], 'inline');
    return [];
  },
  async create(config, settings) {
    const { BasicAuth } = await import('./basicauth.ts');
    return new BasicAuth(config, settings);
  },
};

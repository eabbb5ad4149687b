import type { ExtensionFactory } from '../../src/component.ts';
import { schema, type Config } from './config.ts';
import { parseTokens } from './tokens.ts';

export const bearerTokenAuth: ExtensionFactory<Config> = {
  type: 'bearertokenauth',
  kind: 'extension',
  signals: [],
  summary: 'Lets in who shows one of a list of tokens, and shows the first of them to others.',
  schema,
  async check({ token }) {
    if (token !== undefined) parseTokens(token, ['token'], 'token');
    return [];
  },
  async create(config, settings) {
    const { BearerTokenAuth } = await import('./bearertokenauth.ts');
    return new BearerTokenAuth(config, settings);
  },
};

import type { ExtensionFactory } from '../../src/component.ts';
import { schema, type Config } from './config.ts';

export const fileStorage: ExtensionFactory<Config> = {
  type: 'file_storage',
  kind: 'extension',
  signals: [],
  summary: 'Keeps positions, totals and generated keys in a private folder, across restarts.',
  schema,
  async create(config) {
    const { FileStorage } = await import('./storage.ts');
    return new FileStorage(config);
  },
};

import type { ProcessorFactory } from '../../src/component.ts';
import { schema, type Config } from './config.ts';

export const attributesProcessor: ProcessorFactory<Config> = {
  type: 'attributes',
  kind: 'processor',
  signals: ['metrics', 'traces', 'logs'],
  summary: 'Inserts, updates, deletes and hashes attributes.',
  schema,
  async check(config) {
    const { actionProblems } = await import('../../src/config/actions.ts');
    return actionProblems(config.actions).map(({ path, message }) => ({ path: ['actions', ...path], message }));
  },
  async create(config, settings) {
    const { AttributesProcessor } = await import('./processor.ts');
    return new AttributesProcessor(config, settings);
  },
};

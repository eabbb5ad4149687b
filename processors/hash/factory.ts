import type { ProcessorFactory } from '../../src/component.ts';
import { schema, type Config } from './config.ts';

export const hashProcessor: ProcessorFactory<Config> = {
  type: 'hash',
  kind: 'processor',
  signals: ['metrics', 'traces', 'logs'],
  summary: 'Replaces the values of named attributes by keyed hashes, the same for the same value and key.',
  schema,
  async create(config, settings) {
    const { HashProcessor } = await import('./processor.ts');
    return new HashProcessor(config, settings);
  },
};

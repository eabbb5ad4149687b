import type { ProcessorFactory } from '../../src/component.ts';
import { schema, type Config } from './config.ts';

export const stripPathsProcessor: ProcessorFactory<Config> = {
  type: 'strip_paths',
  kind: 'processor',
  signals: ['metrics', 'traces', 'logs'],
  summary: 'Replaces absolute paths in attribute values by their last element.',
  schema,
  async create(config, settings) {
    const { StripPathsProcessor } = await import('./processor.ts');
    return new StripPathsProcessor(config, settings);
  },
};

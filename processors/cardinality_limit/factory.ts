import type { ProcessorFactory } from '../../src/component.ts';
import { schema, type Config } from './config.ts';

export const cardinalityLimitProcessor: ProcessorFactory<Config> = {
  type: 'cardinality_limit',
  kind: 'processor',
  signals: ['metrics'],
  summary: 'Bounds the series of each metric: what comes later is folded into one.',
  schema,
  async create(config, settings) {
    const { CardinalityLimitProcessor } = await import('./processor.ts');
    return new CardinalityLimitProcessor(config, settings);
  },
};

import type { ProcessorFactory } from '../../src/component.ts';
import { schema, type Config } from './config.ts';

export const resourceProcessor: ProcessorFactory<Config> = {
  type: 'resource',
  kind: 'processor',
  signals: ['metrics', 'traces', 'logs'],
  summary: 'Says what everything of a pipeline is about: host.name, service.instance.id.',
  schema,
  async check(config) {
    const { actionProblems } = await import('../../src/config/actions.ts');
    return actionProblems(config.attributes).map(({ path, message }) => ({ path: ['attributes', ...path], message }));
  },
  async create(config, settings) {
    const { ResourceProcessor } = await import('./processor.ts');
    return new ResourceProcessor(config, settings);
  },
};

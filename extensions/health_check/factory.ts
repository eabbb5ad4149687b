import type { ExtensionFactory } from '../../src/component.ts';
import { serverProblems } from '../../src/http/server-problems.ts';
import { schema, type Config } from './config.ts';

export const healthCheck: ExtensionFactory<Config> = {
  type: 'health_check',
  kind: 'extension',
  signals: [],
  summary: 'Tells over HTTP whether the collector is alive, has caught up, and how each component is doing.',
  schema,
  async check(config) {
    return serverProblems(config);
  },
  async create(config, settings) {
    const { HealthCheck } = await import('./health-check.ts');
    return new HealthCheck(config, settings);
  },
};

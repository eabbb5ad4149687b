import type { ExporterFactory } from '../../src/component.ts';
import { schema, type Config } from './config.ts';

export const debugExporter: ExporterFactory<Config> = {
  type: 'debug',
  kind: 'exporter',
  signals: ['metrics', 'traces', 'logs'],
  summary: 'Writes to standard output what an exporter would be given.',
  schema,
  async create(config) {
    const { DebugExporter } = await import('./exporter.ts');
    return new DebugExporter(config, process.stdout);
  },
};

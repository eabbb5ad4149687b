import type { ExporterFactory } from '../../src/component.ts';
import { schema, type Config } from './config.ts';

export const fileExporter: ExporterFactory<Config> = {
  type: 'file',
  kind: 'exporter',
  signals: ['metrics', 'traces', 'logs'],
  summary: 'Writes OTLP as JSON lines to a file, which the otlpjsonfile receiver of the Collector reads.',
  schema,
  async create(config, settings) {
    const { createExporter } = await import('./exporter.ts');
    return createExporter(config, settings);
  },
};

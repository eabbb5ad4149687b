import type { ExporterFactory } from '../../src/component.ts';
import { clientProblems, clientTlsProblems } from '../../src/otlp/client-problems.ts';
import { schema, type Config } from './config.ts';
import { urlProblems } from './urls.ts';

export const otlpHttpExporter: ExporterFactory<Config> = {
  type: 'otlp_http',
  aliases: ['otlphttp'],
  kind: 'exporter',
  signals: ['metrics', 'traces', 'logs'],
  summary: 'Sends OTLP over HTTP, to a Collector or any other endpoint that takes it.',
  schema,
  async check(config) {
    return [...urlProblems(config), ...clientTlsProblems(config.tls), ...clientProblems(config)];
  },
  async create(config, settings) {
    const { createExporter } = await import('./exporter.ts');
    return createExporter(config, settings);
  },
};

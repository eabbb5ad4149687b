import type { ExporterFactory } from '../../src/component.ts';
import { serverProblems } from '../../src/http/server-problems.ts';
import { schema, type Config } from './config.ts';

export const prometheusExporter: ExporterFactory<Config> = {
  type: 'prometheus',
  kind: 'exporter',
  signals: ['metrics'],
  summary: 'Serves metrics to Prometheus over HTTP, on loopback or a Unix socket.',
  schema,
  async check(config) {
    return serverProblems(config);
  },
  async create(config, settings) {
    const { PrometheusExporter } = await import('./exporter.ts');
    return new PrometheusExporter(config, settings);
  },
};

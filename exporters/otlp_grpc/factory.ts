import type { ExporterFactory } from '../../src/component.ts';
import { clientProblems, clientTlsProblems } from '../../src/otlp/client-problems.ts';
import { schema, type Config } from './config.ts';
import { targetProblems } from './target.ts';

export const otlpGrpcExporter: ExporterFactory<Config> = {
  type: 'otlp_grpc',
  aliases: ['otlp'],
  kind: 'exporter',
  signals: ['metrics', 'traces', 'logs'],
  summary: 'Sends OTLP over gRPC, to a Collector or any other endpoint that takes it.',
  schema,
  async check(config) {
    return [...targetProblems(config), ...clientTlsProblems(config.tls), ...clientProblems(config)];
  },
  async create(config, settings) {
    const { createExporter } = await import('./exporter.ts');
    return createExporter(config, settings);
  },
};

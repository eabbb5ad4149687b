import type { ExporterFactory } from '../../src/component.ts';
import { isLoopback, loopbackOf, parseEndpoint } from '../../src/config/fragments.ts';
import type { Problem } from '../../src/errors.ts';
import { schema, type Config } from './config.ts';

export const prometheusExporter: ExporterFactory<Config> = {
  type: 'prometheus',
  kind: 'exporter',
  signals: ['metrics'],
  summary: 'Serves metrics to Prometheus over HTTP, on loopback or a Unix socket.',
  schema,
  async check(config) {
    return problemsOf(config);
  },
  async create(config, settings) {
    const { PrometheusExporter } = await import('./exporter.ts');
    return new PrometheusExporter(config, settings);
  },
};

function problemsOf(config: Config): readonly Problem[] {
  const endpoint = parseEndpoint(config.endpoint);
  if (endpoint === undefined) {
    return [{ path: ['endpoint'], message: 'not host:port, [ipv6]:port or unix:/absolute/path' }];
  }
  if (isLoopback(endpoint) || config.allow_insecure_bind) return [];
  const message =
    `other machines could reach ${config.endpoint}, which has neither TLS nor authentication; ` +
    `set endpoint to ${loopbackOf(endpoint)} and put a proxy in front of it, or write allow_insecure_bind: true`;
  return [{ path: ['endpoint'], message }];
}

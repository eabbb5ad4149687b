import type { Settings } from '../../src/component.ts';
import { durationMs } from '../../src/config/fragments.ts';
import { OtlpExporter } from '../../src/otlp/exporter.ts';
import { retryPolicy } from '../../src/otlp/settings.ts';
import type { Config } from './config.ts';
import { GrpcTransport } from './transport.ts';

/** Throws ConfigError where the authenticator has nothing to show. */
export function createExporter(config: Config, settings: Settings): OtlpExporter {
  const options = {
    encoding: 'proto',
    intervalMs: durationMs(config.export_interval),
    retry: retryPolicy(config.retry_on_failure),
  } as const;
  return new OtlpExporter(new GrpcTransport(config, settings), options, settings);
}

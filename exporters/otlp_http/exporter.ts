import type { Settings } from '../../src/component.ts';
import { durationMs } from '../../src/config/fragments.ts';
import { OtlpExporter } from '../../src/otlp/exporter.ts';
import { retryPolicy } from '../../src/otlp/settings.ts';
import type { Config } from './config.ts';
import { HttpTransport } from './transport.ts';

/** Throws ConfigError where the authenticator has nothing to show. */
export function createExporter(config: Config, settings: Settings): OtlpExporter {
  const options = {
    encoding: config.encoding,
    intervalMs: durationMs(config.export_interval),
    retry: retryPolicy(config.retry_on_failure),
  };
  return new OtlpExporter(new HttpTransport(config, settings), options, settings);
}

import type { RetryPolicy, Settings } from '../../src/component.ts';
import { durationMs } from '../../src/config/fragments.ts';
import { OtlpExporter } from '../../src/otlp/exporter.ts';
import type { Config } from './config.ts';
import { FileTransport } from './transport.ts';

/** A disk is full until somebody makes room: nothing is dropped meanwhile. */
const RETRY: RetryPolicy = {
  enabled: true,
  initialMs: 1_000,
  multiplier: 2,
  randomizationFactor: 0.5,
  maxMs: 30_000,
  maxElapsedMs: 0,
};

export function createExporter(config: Config, settings: Settings): OtlpExporter {
  const intervalMs = durationMs(config.export_interval);
  return new OtlpExporter(
    new FileTransport(config, settings),
    { encoding: 'json', intervalMs, retry: RETRY },
    settings,
  );
}

import type { Logger, Status } from '../component.ts';
import type { PipelineConfig, TelemetryConfig } from '../config/config.ts';
import { Service } from '../pipeline/service.ts';
import { createLogger } from '../telemetry/logger.ts';
import { OwnMetrics } from '../telemetry/own-metrics.ts';
import { aborted } from './aborted.ts';
import { load } from './load.ts';
import { packageVersion } from './package.ts';
import { showProgress } from './progress.ts';
import { StatusLine } from './status-line.ts';

/** Collects until `stop`. Rejects with ConfigError when it cannot start. */
export async function run(files: readonly string[], sets: readonly string[], stop: AbortSignal): Promise<number> {
  const loaded = await load(files, sets);
  const { config } = loaded;
  const line = new StatusLine(process.stderr);
  const logger = createLogger({ level: config.service.telemetry.logs.level, stream: line });
  for (const warning of config.warnings) logger.warn(warning);
  const service = await Service.create(config, { logger });
  const ownMetrics = ownMetricsOf(config.service.telemetry, logger, () => service.status);
  await ownMetrics?.start();
  try {
    await service.start();
  } catch (error) {
    await ownMetrics?.shutdown();
    throw error;
  }
  const surviving = surviveFaults(logger);
  logger.info(`agentcol ${packageVersion()} started with ${loaded.files.join(', ')}`);
  for (const [id, pipeline] of config.service.pipelines) logger.info(`pipeline ${id}: ${describePipeline(pipeline)}`);
  const progress = showProgress({ sources: service.sources, line, logger });
  await aborted(stop);
  progress[Symbol.dispose]();
  logger.info('stopping');
  await service.shutdown();
  await ownMetrics?.shutdown();
  surviving[Symbol.dispose]();
  logger.info('stopped');
  logger.flush();
  return 0;
}

function ownMetricsOf(
  { metrics: { level, address, addressWritten } }: TelemetryConfig,
  logger: Logger,
  status: () => Status,
): OwnMetrics | undefined {
  if (level === 'none') return undefined;
  return new OwnMetrics({ level, address, addressWritten, version: packageVersion(), logger, status });
}

/** Meanwhile nothing ends the process but a signal: a fault in one part is no reason to lose the others. */
function surviveFaults(logger: Logger): Disposable {
  const log = (fault: unknown): void => {
    const fields = faultFields(fault);
    // Named in the message too: repetitions of a message are counted only, and another fault is none.
    logger.error(`unexpected error (${fields.error}), please report it`, fields);
  };
  process.on('uncaughtException', log).on('unhandledRejection', log);
  return {
    [Symbol.dispose]: () => {
      process.off('uncaughtException', log).off('unhandledRejection', log);
    },
  };
}

/** Not the message: that of JSON.parse, for one, quotes what it was given. */
function faultFields(fault: unknown): { readonly error: string; readonly [field: string]: unknown } {
  if (!(fault instanceof Error)) return { error: typeof fault };
  const frames = fault.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
  return {
    error: fault.name,
    ...('code' in fault ? { code: fault.code } : {}),
    stack: frames.map((line) => line.trim()),
  };
}

function describePipeline({ receivers, processors, exporters }: PipelineConfig): string {
  return [receivers, processors, exporters]
    .filter((ids) => ids.length > 0)
    .map((ids) => ids.join(', '))
    .join(' -> ');
}

import type { Logger } from '../component.ts';
import type { PipelineConfig } from '../config/config.ts';
import { Service } from '../pipeline/service.ts';
import { createLogger } from '../telemetry/logger.ts';
import { aborted } from './aborted.ts';
import { load } from './load.ts';
import { packageVersion } from './package.ts';

/** Collects until `stop`. Rejects with ConfigError when it cannot start. */
export async function run(files: readonly string[], sets: readonly string[], stop: AbortSignal): Promise<number> {
  const loaded = await load(files, sets);
  const { config } = loaded;
  const logger = createLogger({ level: config.service.telemetry.logs.level, stream: process.stderr });
  for (const warning of config.warnings) logger.warn(warning);
  const service = await Service.create(config, { logger });
  await service.start();
  const surviving = surviveFaults(logger);
  logger.info(`agentcol ${packageVersion()} started with ${loaded.files.join(', ')}`);
  for (const [id, pipeline] of config.service.pipelines) logger.info(`pipeline ${id}: ${describePipeline(pipeline)}`);
  await aborted(stop);
  logger.info('stopping');
  await service.shutdown();
  surviving[Symbol.dispose]();
  logger.info('stopped');
  return 0;
}

/** Meanwhile nothing ends the process but a signal: a fault in one part is no reason to lose the others. */
function surviveFaults(logger: Logger): Disposable {
  const log = (fault: unknown): void => logger.error('unexpected error, please report it', faultFields(fault));
  process.on('uncaughtException', log).on('unhandledRejection', log);
  return {
    [Symbol.dispose]: () => {
      process.off('uncaughtException', log).off('unhandledRejection', log);
    },
  };
}

/** Not the message: that of JSON.parse, for one, quotes what it was given. */
function faultFields(fault: unknown): Readonly<Record<string, unknown>> {
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

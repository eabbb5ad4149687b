import type { Logger } from '../component.ts';
import type { PipelineConfig } from '../config/config.ts';
import { framesOf } from '../telemetry/frames.ts';
import { createLogger } from '../telemetry/logger.ts';
import { aborted } from './aborted.ts';
import { Collector } from './collector.ts';
import { Hangups } from './hangups.ts';
import { load } from './load.ts';
import { packageVersion } from '../package.ts';
import { showProgress } from './progress.ts';
import { StatusLine } from './status-line.ts';

/** Collects until `stop`; SIGHUP has the configuration read again. Rejects with ConfigError when it cannot start. */
export async function run(files: readonly string[], sets: readonly string[], stop: AbortSignal): Promise<number> {
  using hangups = new Hangups();
  const loaded = await load(files, sets);
  const { config } = loaded;
  const line = new StatusLine(process.stderr);
  const logger = createLogger({ level: config.service.telemetry.logs.level, stream: line });
  for (const warning of config.warnings) logger.warn(warning);
  const collector = await Collector.create(config, logger);
  await collector.start();
  const surviving = surviveFaults(logger);
  logger.info(`agentcol ${packageVersion()} started with ${loaded.files.join(', ')}`);
  for (const [id, pipeline] of config.service.pipelines) logger.info(`pipeline ${id}: ${describePipeline(pipeline)}`);
  let { sources } = collector;
  let progress = showProgress({ sources, line, logger });
  hangups.answer(async () => {
    await collector.reload(async () => (await load(files, sets)).config);
    // Those of renamed pipelines have a first read of their own.
    if (collector.sources.every((source) => sources.includes(source))) return;
    progress[Symbol.dispose]();
    ({ sources } = collector);
    progress = showProgress({ sources, line, logger });
  });
  await aborted(stop);
  progress[Symbol.dispose]();
  logger.info('stopping');
  await collector.shutdown();
  surviving[Symbol.dispose]();
  logger.flush();
  logger.info('stopped');
  return 0;
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
  return {
    error: fault.name,
    ...('code' in fault ? { code: fault.code } : {}),
    stack: framesOf(fault),
  };
}

function describePipeline({ receivers, processors, exporters }: PipelineConfig): string {
  return [receivers, processors, exporters]
    .filter((ids) => ids.length > 0)
    .map((ids) => ids.join(', '))
    .join(' -> ');
}

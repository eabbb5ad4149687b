import { Service } from '../pipeline/service.ts';
import { createLogger } from '../telemetry/logger.ts';
import { aborted } from './aborted.ts';
import { load } from './load.ts';
import { print } from './print.ts';
import { showProgress } from './progress.ts';
import { StatusLine } from './status-line.ts';

/** Reads all there is, prints the metrics; 1 when a source could not be read. Rejects with ConfigError. */
export async function once(files: readonly string[], sets: readonly string[], stop: AbortSignal): Promise<number> {
  const { config } = await load(files, sets);
  const line = new StatusLine(process.stderr);
  const logger = createLogger({ level: config.service.telemetry.logs.level, stream: line });
  for (const warning of config.warnings) logger.warn(warning);
  const service = await Service.create(config, { logger, listen: false });
  try {
    await service.start();
    const progress = showProgress({ sources: service.sources, line, logger });
    await Promise.race([service.caughtUp(), aborted(stop)]);
    progress[Symbol.dispose]();
    if (stop.aborted) return 1;
    const { failures } = service;
    // The readers of one receiver fail together, with one message.
    const reasons = new Map(failures.map((failure) => [`${failure.component} ${failure.message}`, failure]));
    for (const { component, reason, message } of reasons.values()) logger.error(message, { component, reason });
    const { exposition } = await import('../../exporters/prometheus/exposition.ts');
    // As a scrape would show it: validated against the exporter's schema, which has these options.
    const settings = [...config.exporters.values()].find(({ type }) => type === 'prometheus')?.settings;
    await print(exposition(service.sources, 'text', settings as Parameters<typeof exposition>[2]));
    return failures.length > 0 ? 1 : 0;
  } finally {
    await service.shutdown();
    logger.flush();
  }
}

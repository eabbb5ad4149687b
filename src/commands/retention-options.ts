import { durationMs, isDuration } from '../config/fragments.ts';
import { UsageError } from './usage-error.ts';
import type { Values } from './words.ts';

export interface RetentionOptions {
  /** A duration: "90d". */
  readonly olderThan: string;
  /** undefined: those of agentcol's hooks that the configuration reads. */
  readonly database: string | undefined;
  readonly dryRun: boolean;
}

/** What is younger may still get late parts of itself. */
const SHORTEST_RETENTION = '1d';

/** Throws UsageError. */
export function parseRetention(values: Values): RetentionOptions {
  const { 'older-than': olderThan, 'dry-run': dryRun = false, database } = values;
  if (olderThan === undefined) throw new UsageError('retention needs --older-than, as in --older-than 90d');
  if (!isDuration(olderThan) || durationMs(olderThan) < durationMs(SHORTEST_RETENTION)) {
    throw new UsageError(`--older-than must be a duration of at least ${SHORTEST_RETENTION}, as in --older-than 90d`);
  }
  return { olderThan, dryRun, database };
}

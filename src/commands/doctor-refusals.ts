import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Database } from 'better-sqlite3';
import { fail, ok, warn, type Finding } from './doctor-finding.ts';

const DAY_MS = 86_400_000;
const REASON = /^[a-z_]{1,40}$/;
/** Of SQLite or the system: SQLITE_FULL, EACCES. */
const CODE = /^[A-Z][A-Z_]{1,40}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** Not lost: it was never for us. */
const OF_ANOTHER_AGENT = 'foreign_dialect';

interface Refused {
  readonly reason: string;
  readonly count: number;
  readonly last: string;
}

/**
 * Events that were not stored: those that `db` has counted, and those of the last day in the log beside `file`, since what
 * keeps an event out of the database keeps the count out as well.
 */
export async function checkRefusals(file: string, nowMs: number, db?: Database): Promise<readonly Finding[]> {
  const { LOG_FILE } = await import('../../receivers/claude_code_hooks/refusal-log.ts');
  const log = path.join(path.dirname(file), LOG_FILE);
  const since = new Date(nowMs - DAY_MS).toISOString();
  let logged: readonly Refused[];
  try {
    logged = [`${log}.1`, log].flatMap(readLog).filter(({ last }) => last >= since);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'it is no file';
    return [warn('refusals', `${log} cannot be read: ${reason}`, 'see what it is, and move it away')];
  }
  const refused = merged(db === undefined ? [] : counted(db), logged);
  if (refused.length === 0) return db === undefined ? [] : [ok('refusals', 'none')];
  const message = refused.map(({ reason, count, last }) => `${count} ${reason} (last ${last})`).join(', ');
  const isLost = refused.some(({ reason, last }) => reason !== OF_ANOTHER_AGENT && TIME.test(last) && last >= since);
  return [(isLost ? fail : warn)('refusals', message, `${log} tells more`)];
}

function counted(db: Database): readonly Refused[] {
  return db
    .prepare<[], { reason: unknown; count: number; last: unknown }>(
      'SELECT reason, CAST(count AS INTEGER) AS count, last_time AS last FROM refusals',
    )
    .all()
    .map(({ reason, count, last }) => ({ reason: reasonOf(reason), count, last: timeOf(last) }));
}

/** Nothing where there is none. Throws where it cannot be read. */
function readLog(file: string): readonly Refused[] {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  // Reading a pipe would wait for a writer.
  if (!stats.isFile()) throw new Error('not a file');
  return readFileSync(file, 'utf8').split('\n').flatMap(readLine);
}

/** Nothing of a line that is cut off, or none of ours. */
function readLine(line: string): readonly Refused[] {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return [];
  }
  if (typeof entry !== 'object' || entry === null) return [];
  const [time, reason, detail] = ['time', 'reason', 'detail'].map((name): unknown => Reflect.get(entry, name));
  if (typeof time !== 'string' || !TIME.test(time)) return [];
  const code = typeof detail === 'string' && CODE.test(detail) ? ` ${detail}` : '';
  return [{ reason: reasonOf(reason) + code, count: 1, last: time }];
}

/** What is both in the database and in the log counts once. The most frequent first. */
function merged(counted: readonly Refused[], logged: readonly Refused[]): readonly Refused[] {
  const [all, ofLog] = [summed(counted), summed(logged)];
  for (const [reason, one] of ofLog) {
    const known = all.get(reason);
    all.set(
      reason,
      known === undefined ? one : { reason, count: Math.max(known.count, one.count), last: later(known, one) },
    );
  }
  return [...all.values()].sort((one, other) => other.count - one.count);
}

function summed(refused: readonly Refused[]): Map<string, Refused> {
  const sums = new Map<string, Refused>();
  for (const one of refused) {
    const known = sums.get(one.reason);
    sums.set(
      one.reason,
      known === undefined ? one : { ...one, count: known.count + one.count, last: later(known, one) },
    );
  }
  return sums;
}

function later(one: Refused, other: Refused): string {
  if (!TIME.test(one.last)) return other.last;
  return TIME.test(other.last) && other.last > one.last ? other.last : one.last;
}

/** Others may have written to the database: what is no reason of ours is not shown. */
function reasonOf(value: unknown): string {
  return typeof value === 'string' && REASON.test(value) ? value : 'for a reason unknown here';
}

/** Likewise, of times. */
export function timeOf(value: unknown): string {
  return typeof value === 'string' && TIME.test(value) ? value : 'a time unknown here';
}

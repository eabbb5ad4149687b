import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import type { Reader, StorageExtension } from '../component.ts';
import { durationMs } from '../config/fragments.ts';
import { ConfigError, describeError } from '../errors.ts';
import { assemble, sinkOf, type Assembly, type LanePlan } from '../pipeline/assembly.ts';
import { definitionsOf } from '../pipeline/reader-totals.ts';
import { readCounted, type Counted, type CountedState } from '../state/counted.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { RetentionOptions } from './retention-options.ts';
import { load } from './load.ts';
import { print } from './print.ts';

/** Locks of hooks are short; nothing is lost by waiting. */
const PATIENCE_MS = 10_000;
const NOTHING_PASSED = -1;
const NOTHING_SENT: Counted = { cursor: undefined, openRows: [], metrics: new Map() };

type Options = RetentionOptions & { readonly files: readonly string[]; readonly sets: readonly string[] };

/** One reader of a table on its way into a pipeline. */
interface Way {
  readonly lane: LanePlan;
  readonly reader: Reader;
  readonly file: string;
  readonly table: string;
}

/** How far all who count a table have come, and which rows before that must stay. */
interface CountedTable {
  readonly upto: number;
  readonly kept: readonly number[];
}

/** Deletes old rows that were counted from the databases of agentcol's hooks. Rejects with ConfigError. */
export async function retention({ files, sets, ...options }: Options, now: () => number = Date.now): Promise<number> {
  const { config } = await load(files, sets);
  const logger = createLogger({ level: 'warn', stream: process.stderr });
  const assembly = await assemble(config, { logger, now });
  try {
    const ways = waysOf(assembly);
    const databases = options.database === undefined ? databasesOf(ways) : [canonical(options.database)];
    for (const file of databases)
      await print(await clear(file, ways, now() - durationMs(options.olderThan), options.dryRun));
    return 0;
  } finally {
    for (const { receiver } of assembly.lanes) await receiver.instance.shutdown?.();
  }
}

async function clear(file: string, all: readonly Way[], beforeMs: number, dryRun: boolean): Promise<string> {
  const ways = all.filter((way) => way.file === file);
  if (ways.length === 0) {
    throw new ConfigError(`no receiver of the configuration reads ${file}: nothing tells what of it was counted`);
  }
  const { openHookDatabase } = await import('../../receivers/claude_code_hooks/database.ts');
  const { retain } = await import('../../receivers/claude_code_hooks/retention.ts');
  try {
    const db = openHookDatabase(file);
    if (db === undefined) {
      throw new ConfigError(
        `${file} is not there, or no database of agentcol's hooks: agentcol hooks install makes it one`,
      );
    }
    try {
      db.pragma(`busy_timeout = ${PATIENCE_MS}`);
      const counted = countedTables(ways, db);
      const { deleted, freedBytes } = await retain(db, { beforeMs, counted, dryRun, pause: delay });
      return describe({ file, deleted, freedBytes, beforeMs, dryRun });
    } finally {
      db.close();
    }
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`delete old rows of ${file}: ${describeError(error)}`, { cause: error });
  }
}

/** By table. Throws ConfigError where rows would be missing that a collector has still to count, or to count again. */
function countedTables(ways: readonly Way[], db: Database): ReadonlyMap<string, CountedTable> {
  const states = new Map<string, CountedState>();
  const tables = new Map<string, CountedTable>();
  for (const { lane, reader, table } of ways) {
    const { directory } = storageOf(lane);
    const state = states.get(directory) ?? readCounted(directory);
    if (state === undefined) throw new ConfigError(`there is no state in ${directory} yet: run the collector first`);
    states.set(directory, state);
    const shares = sharesOf(lane, reader, state);
    const { upto, kept } = tables.get(table) ?? { upto: Infinity, kept: [] };
    tables.set(table, {
      upto: Math.min(upto, ...shares.map(({ cursor }) => cursor ?? NOTHING_PASSED)),
      kept: [...kept, ...shares.flatMap(({ cursor, openRows }) => [...lastPassed(db, table, cursor), ...openRows])],
    });
  }
  return tables;
}

function storageOf({ storage, receiver: { configured } }: LanePlan): StorageExtension {
  if (storage !== undefined) return storage;
  throw new ConfigError(
    configured.place({
      path: ['storage'],
      message: 'without storage, totals are rebuilt from the rows at every start, and would fall: nothing is deleted',
    }),
  );
}

/** Those that go on; what is counted otherwise than it was would begin anew, with the rows that are left. */
function sharesOf(lane: LanePlan, reader: Reader, state: CountedState): readonly Counted[] {
  const { id } = lane.receiver.configured;
  const kept = state.of(lane.pipeline, id, sinkOf(lane), reader.id);
  if (lane.signal !== 'metrics') return kept.length > 0 ? kept : [NOTHING_SENT];
  const definitions = [...definitionsOf(state, reader.metrics, lane.processorsDigest)];
  const shares = kept.filter(({ metrics }) => definitions.some(([key, { digest }]) => metrics.get(key) === digest));
  if (definitions.every(([key, { digest }]) => shares.some(({ metrics }) => metrics.get(key) === digest)))
    return shares;
  throw new ConfigError(
    `${id}: metrics of ${reader.id} are defined otherwise than they were counted: run the collector, so that it counts them before rows are deleted`,
  );
}

/** The row by which a reader finds its place again. */
function lastPassed(db: Database, table: string, cursor = NOTHING_PASSED): number[] {
  const there = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table);
  if (there === undefined) return [];
  const name = `"${table.replaceAll('"', '""')}"`;
  const last = db
    .prepare<[number], number | null>(`SELECT max(rowid) FROM ${name} WHERE rowid <= ?`)
    .pluck()
    .get(cursor);
  return typeof last === 'number' ? [last] : [];
}

function waysOf({ lanes }: Assembly): Way[] {
  return lanes.flatMap((lane) =>
    lane.receiver.instance.readers.flatMap((reader) =>
      reader.table === undefined
        ? []
        : [{ lane, reader, file: canonical(reader.table.file), table: reader.table.name }],
    ),
  );
}

function databasesOf(ways: readonly Way[]): readonly string[] {
  const files = [...new Set(ways.filter(({ table }) => table === 'agent_invocations').map(({ file }) => file))];
  if (files.length > 0) return files;
  throw new ConfigError("no receiver of the configuration reads a database of agentcol's hooks");
}

function canonical(file: string): string {
  return existsSync(file) ? realpathSync(file) : path.resolve(file);
}

interface Cleared {
  readonly file: string;
  readonly deleted: ReadonlyMap<string, number>;
  readonly freedBytes: number | undefined;
  readonly beforeMs: number;
  readonly dryRun: boolean;
}

function describe({ file, deleted, freedBytes, beforeMs, dryRun }: Cleared): string {
  const width = Math.max(...[...deleted.keys()].map((name) => name.length));
  const numbers = [...deleted.values()].map((rows) => rows.toLocaleString('en'));
  const digits = Math.max(...numbers.map((text) => text.length));
  const rows = [...deleted.keys()].map((name, index) => `  ${name.padEnd(width)}  ${numbers[index]!.padStart(digits)}`);
  const what = dryRun ? 'rows that would be deleted' : 'rows deleted';
  const title = `${file}: ${what}, of before ${new Date(beforeMs).toISOString()}`;
  if (dryRun) return `${[title, ...rows].join('\n')}\n`;
  const space =
    freedBytes === undefined
      ? '  free space is kept for new rows: this database was made without incremental vacuum'
      : `  ${(freedBytes / 1e6).toFixed(1)} MB given back`;
  return `${[title, ...rows, space].join('\n')}\n`;
}

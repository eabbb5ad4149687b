import type { Database } from 'better-sqlite3';

/** Of one transaction: a hook that finds the database locked waits for no more than that, some milliseconds. */
const ROWS_AT_ONCE = 250;
const PAGES_AT_ONCE = 250;
/** Between two transactions, times what the last one took: hooks have the database for most of the time. */
const PAUSE_RATIO = 2;
const SHORTEST_PAUSE_MS = 5;

/** Column names that hold times. */
const TIME = /^(?:timestamp|(?:\w+_)?time)$/i;

interface RetainedTable {
  readonly name: string;
  /** Collectors count its rows: none goes that was not counted. */
  readonly counted: boolean;
  /** Has rows of the older logger too, which nothing is worked out from. */
  readonly shared: boolean;
}

/**
 * In the order of deletion. What was heard goes before what is worked out from it, so that an event which comes in
 * between brings nothing back; sessions go last.
 */
export const RETAINED_TABLES: readonly RetainedTable[] = [
  { name: 'lifecycle', counted: false, shared: false },
  { name: 'agent_launches', counted: false, shared: false },
  { name: 'permission_requests', counted: true, shared: false },
  { name: 'compactions', counted: true, shared: false },
  { name: 'events', counted: false, shared: false },
  { name: 'model_requests', counted: false, shared: false },
  { name: 'agent_tool_uses', counted: true, shared: true },
  { name: 'agent_invocations', counted: true, shared: true },
  { name: 'sessions', counted: true, shared: true },
];

/** How far everybody who counts a table has come. */
export interface CountedTable {
  /** The highest row id that all have passed. */
  readonly upto: number;
  /** Row ids up to there that must stay: of open rows, and the last one that each has passed. */
  readonly kept: readonly number[];
}

export interface RetentionOptions {
  /** Epoch milliseconds: what is of a later time stays. */
  readonly beforeMs: number;
  /** By table; nothing goes from one that is counted and is not among them. */
  readonly counted: ReadonlyMap<string, CountedTable>;
  readonly dryRun: boolean;
  /** Between two transactions. */
  readonly pause: (ms: number) => Promise<unknown>;
}

export interface Retained {
  /** Rows deleted, or to be deleted, by table. */
  readonly deleted: ReadonlyMap<string, number>;
  /** Bytes given back to the file system; undefined: the database keeps free space for itself (no incremental vacuum). */
  readonly freedBytes: number | undefined;
}

/**
 * Deletes what is older than a time from a database of ours, a few rows at a time, beside hooks that write and collectors
 * that read. A row goes when all its times are older, everybody who counts it has, and it is not the newest of its table,
 * whose row id could be given again. Of each session remains until when it is deleted: `agentcol import` brings none of it
 * back. Rows of our hooks go with their session: what is left of one would be worked out anew by its next event.
 */
export async function retain(db: Database, options: RetentionOptions): Promise<Retained> {
  // The older logger declared foreign keys and enforced none.
  db.pragma('foreign_keys = OFF');
  // What is deleted is gone from the file, too.
  db.pragma('secure_delete = ON');
  const tables = RETAINED_TABLES.map((table) => new Subject(db, table, options));
  markKept(db, tables);
  const deleted = new Map<string, number>();
  for (const table of tables) {
    deleted.set(table.name, options.dryRun ? table.count() : await table.clear(options.pause));
  }
  return { deleted, freedBytes: options.dryRun ? undefined : await giveBack(db, options.pause) };
}

/** Remembers which rows stay whatever their age, and the sessions of all rows that stay. */
function markKept(db: Database, tables: readonly Subject[]): void {
  db.exec(`
    CREATE TEMP TABLE kept_rows (name TEXT, id INTEGER, PRIMARY KEY (name, id)) WITHOUT ROWID;
    CREATE TEMP TABLE kept_sessions (session_id TEXT PRIMARY KEY) WITHOUT ROWID;
  `);
  db.transaction(() => {
    for (const table of tables) table.keepRows();
    for (const table of tables) table.keepSessions();
  })();
}

/** One table, and which of its rows may go. */
class Subject {
  readonly name: string;
  readonly #db: Database;
  readonly #parameters: { readonly before: number; readonly upto: number };
  readonly #beforeTime: string;
  readonly #kept: readonly number[];
  /** SQL: its own times, its readers and its place allow it. */
  readonly #dispensable: string;
  /** SQL: its session allows it, too. */
  readonly #condition: string;

  constructor(db: Database, { name, counted, shared }: RetainedTable, options: RetentionOptions) {
    const progress = counted
      ? (options.counted.get(name) ?? { upto: -1, kept: [] })
      : { upto: Number.MAX_SAFE_INTEGER, kept: [] };
    this.name = name;
    this.#db = db;
    this.#kept = progress.kept;
    this.#beforeTime = new Date(options.beforeMs).toISOString();
    this.#parameters = { before: options.beforeMs / 1000, upto: progress.upto };
    const times = db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(name);
    const newest = times.filter((column) => TIME.test(column)).map((column) => `coalesce(unixepoch("${column}"), 0)`);
    // A row without any time that can be read stays.
    const age = `max(0, ${newest.join(', ')})`;
    this.#dispensable = `(rowid <= :upto AND ${age} BETWEEN 1 AND :before - 1
      AND NOT EXISTS (SELECT 1 FROM kept_rows WHERE name = '${name}' AND id = t.rowid))`;
    const ours = shared && name !== 'sessions' ? `stored_by IS NOT 'agentcol' OR` : '';
    this.#condition = `(${this.#dispensable} AND (${ours} session_id IS NULL
      OR session_id NOT IN (SELECT session_id FROM kept_sessions)))`;
  }

  keepRows(): void {
    const keep = this.#db.prepare('INSERT OR IGNORE INTO kept_rows VALUES (?, ?)');
    for (const id of this.#kept) keep.run(this.name, id);
    const newest = this.#db.prepare<[], number | null>(`SELECT max(rowid) FROM ${this.name}`).pluck().get();
    if (typeof newest === 'number') keep.run(this.name, newest);
  }

  keepSessions(): void {
    this.#db
      .prepare(
        `INSERT OR IGNORE INTO kept_sessions SELECT DISTINCT session_id FROM ${this.name} AS t
         WHERE session_id IS NOT NULL AND NOT ${this.#dispensable}`,
      )
      .run(this.#parameters);
  }

  count(): number {
    const sql = `SELECT count(*) FROM ${this.name} AS t WHERE ${this.#condition}`;
    return this.#db.prepare<object, number>(sql).pluck().get(this.#parameters) ?? 0;
  }

  async clear(pause: RetentionOptions['pause']): Promise<number> {
    // Looked for before the database is locked, and looked at again then: an event may have come.
    const find = this.#db
      .prepare<object, number>(
        `SELECT rowid FROM ${this.name} AS t WHERE rowid > :after AND ${this.#condition} ORDER BY rowid LIMIT ${ROWS_AT_ONCE}`,
      )
      .pluck();
    const remove = this.#db.prepare(
      `DELETE FROM ${this.name} AS t WHERE rowid IN (SELECT value FROM json_each(:ids)) AND ${this.#condition}`,
    );
    const remember = this.#db.prepare(
      `INSERT INTO retired_sessions (session_id, before_time, time_source)
       SELECT DISTINCT session_id, :beforeTime, (SELECT time_source FROM sessions AS s WHERE s.session_id = t.session_id)
       FROM ${this.name} AS t
       WHERE session_id IS NOT NULL AND rowid IN (SELECT value FROM json_each(:ids)) AND ${this.#condition}
       ON CONFLICT (session_id) DO UPDATE SET before_time = excluded.before_time, time_source = excluded.time_source
       WHERE before_time < excluded.before_time`,
    );
    const retire = this.#db.transaction((found: readonly number[]) => {
      const ids = JSON.stringify(found);
      remember.run({ ...this.#parameters, ids, beforeTime: this.#beforeTime });
      return remove.run({ ...this.#parameters, ids }).changes;
    });
    let after = -Number.MAX_SAFE_INTEGER;
    let deleted = 0;
    for (;;) {
      const ids = find.all({ ...this.#parameters, after });
      const last = ids.at(-1);
      if (last === undefined) return deleted;
      after = last;
      const startedMs = performance.now();
      deleted += retire.immediate(ids);
      await rest(pause, startedMs);
    }
  }
}

async function giveBack(db: Database, pause: RetentionOptions['pause']): Promise<number | undefined> {
  const pragma = (name: string): number => Number(db.pragma(name, { simple: true }));
  if (pragma('auto_vacuum') !== INCREMENTAL) return undefined;
  const before = pragma('freelist_count');
  while (pragma('freelist_count') > 0) {
    const startedMs = performance.now();
    db.pragma(`incremental_vacuum(${PAGES_AT_ONCE})`);
    await rest(pause, startedMs);
  }
  return before * pragma('page_size');
}

/** sqlite.org/pragma.html#pragma_auto_vacuum */
const INCREMENTAL = 2;

function rest(pause: RetentionOptions['pause'], startedMs: number): Promise<unknown> {
  return pause(Math.max(SHORTEST_PAUSE_MS, PAUSE_RATIO * (performance.now() - startedMs)));
}

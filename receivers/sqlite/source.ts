import Database from 'better-sqlite3';
import { closeSync, openSync, readSync, statSync, type Stats } from 'node:fs';
import { basename } from 'node:path';
import { SourceError } from '../../src/errors.ts';

/** Bytes 18 and 19 of the header (file format versions): 2 = WAL. sqlite.org/fileformat2.html */
const WRITE_VERSION_OFFSET = 18;
const WAL_VERSION = 2;
/** Bytes 24 to 27: grows with every transaction, but in WAL mode. */
const CHANGE_COUNTER_OFFSET = 24;

/** 2 MiB: pages are read once, in order; SQLite's default of 16 MiB buys nothing and costs memory. */
const CACHE_KIB = 2048;

export interface SourceOptions {
  readonly path: string;
  /** What to do about a missing file, for its message. */
  readonly hint: string;
  /** The SQL function seconds(x). */
  readonly seconds: (value: unknown) => number | null;
}

/**
 * One SQLite file, opened read-only and never written to. It may be missing, locked, replaced or broken at any moment:
 * `poll` looks, `read` runs or throws SourceError.
 */
export class Source {
  readonly path: string;
  readonly name: string;
  readonly #hint: string;
  readonly #seconds: SourceOptions['seconds'];
  #database: Database.Database | undefined;
  #dataVersionStatement: Database.Statement | undefined;
  #begin: Database.Statement | undefined;
  #commit: Database.Statement | undefined;
  #stat: Stats | undefined;
  #dataVersion = -1;
  #wal = false;
  /** The change counter, as it was when it was last looked at. */
  #changes = 0;
  #failure: SourceError | undefined;
  #generation = 0;
  #connection = 0;

  constructor(options: SourceOptions) {
    this.path = options.path;
    this.name = basename(options.path);
    this.#hint = options.hint;
    this.#seconds = options.seconds;
  }

  /** Grows whenever something in the file may have changed. */
  get generation(): number {
    return this.#generation;
  }

  /** Grows with every new connection: statements of an older one are gone. */
  get connection(): number {
    return this.#connection;
  }

  /** Device and inode of the file that is open. The numbers of a removed one are used again. */
  get file(): string | undefined {
    return this.#stat === undefined ? undefined : `${this.#stat.dev}:${this.#stat.ino}`;
  }

  /**
   * Looks whether anything changed: one stat and one PRAGMA data_version. data_version alone does not see a file that was
   * renamed, replaced or unlinked, nor an older copy written over a WAL database; the stat alone does not see the WAL.
   */
  poll(): void {
    try {
      const stat = statSync(this.path, { throwIfNoEntry: false });
      if (stat === undefined) throw this.#missing();
      if (this.#database !== undefined && this.#replaced(stat)) this.close();
      const before = this.#stat;
      this.#stat = stat;
      const database = this.#database ?? this.#open(stat);
      this.#dataVersionStatement ??= database.prepare('PRAGMA data_version').pluck();
      const version = Number(this.#dataVersionStatement.get());
      const written = version !== this.#dataVersion;
      const rewritten = before !== undefined && touched(before, stat);
      this.#dataVersion = version;
      if (rewritten && (this.#wal || !written || !this.#isContinued())) {
        // A checkpoint; or another file written over this one, which a connection in WAL mode does not notice, nor one in
        // another mode where the change counters agree, and where they do not it is as if it were a transaction; or the
        // first transaction in WAL mode.
        this.close();
        this.#stat = stat;
        this.#open(stat);
      } else if (written || rewritten) this.#generation += 1;
      this.#failure = undefined;
    } catch (error) {
      const failure = classify(error, this.path);
      // A lock passes by itself and says nothing about the file; anything else needs a fresh start.
      if (failure.reason !== 'busy') this.close();
      this.#generation += 1;
      this.#failure = failure;
    }
  }

  /** Runs `work` in one read transaction. Throws SourceError, also for what `work` throws of SQLite. */
  read<T>(work: (database: Database.Database) => T): T {
    if (this.#failure !== undefined && this.#failure.reason !== 'busy') throw this.#failure;
    const database = this.#database;
    if (database === undefined) throw this.#failure ?? this.#missing();
    try {
      this.#begin ??= database.prepare('BEGIN');
      this.#commit ??= database.prepare('COMMIT');
      this.#begin.run();
      try {
        return work(database);
      } finally {
        if (database.inTransaction) this.#commit.run();
      }
    } catch (error) {
      const failure = classify(error, this.path);
      // What the connection remembers of a broken file must not outlive its repair.
      if (DAMAGED.has(failure.reason)) this.close();
      throw failure;
    }
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
    this.#dataVersionStatement = undefined;
    this.#begin = undefined;
    this.#commit = undefined;
    this.#stat = undefined;
    this.#dataVersion = -1;
  }

  #open(stat: Stats): Database.Database {
    if (!stat.isFile()) throw new SourceError('not_a_file', `${this.path} is not a file`);
    refuseForeign(this.path, stat);
    // timeout 0: better-sqlite3 would otherwise hold the event loop for 5 s on a locked database.
    const database = new Database(this.path, { readonly: true, fileMustExist: true, timeout: 0 });
    try {
      database.pragma(`cache_size = -${CACHE_KIB}`);
      database.pragma('query_only = 1');
      database.pragma('trusted_schema = 0');
      database.function('seconds', { deterministic: true }, this.#seconds);
      database.prepare('SELECT count(*) FROM sqlite_schema').get();
      this.#wal = isWal(database);
      this.#changes = this.#wal ? 0 : headerOf(this.path).changes;
    } catch (error) {
      database.close();
      throw error;
    }
    this.#database = database;
    this.#connection += 1;
    this.#generation += 1;
    return database;
  }

  /** Whether transactions may have made this file from what it was. */
  #isContinued(): boolean {
    if (this.#database === undefined || isWal(this.#database)) return false;
    const before = this.#changes;
    const { wal, changes } = headerOf(this.path);
    this.#changes = changes;
    return !wal && changes > before;
  }

  #replaced(stat: Stats): boolean {
    const before = this.#stat;
    return before !== undefined && (before.ino !== stat.ino || before.dev !== stat.dev);
  }

  #missing(): SourceError {
    return new SourceError('missing', `waiting for ${this.path}: no such file yet; ${this.#hint}`);
  }
}

function touched(before: Stats, after: Stats): boolean {
  return before.mtimeMs !== after.mtimeMs || before.size !== after.size || before.ctimeMs !== after.ctimeMs;
}

/**
 * A reader of a WAL database creates -wal and -shm; made by another uid they break the owner's next write ("attempt to
 * write a readonly database"). Root included: it would own them too.
 */
function refuseForeign(path: string, stat: Stats): void {
  const uid = process.geteuid?.();
  if (uid === undefined || stat.uid === uid || !headerOf(path).wal) return;
  throw new SourceError(
    'foreign_owner',
    `${path} is in WAL mode and owned by uid ${stat.uid}, not by uid ${uid} that agentcol runs as: reading it would create files that break its owner's writes; run agentcol as that user`,
  );
}

function isWal(database: Database.Database): boolean {
  return database.pragma('journal_mode', { simple: true }) === 'wal';
}

/**
 * Not of a WAL database of this user: to close any descriptor of a file gives up all locks that the process has on it, and
 * a writer in this process holds one all the time; without it, another program that ends may take the log away.
 */
function headerOf(path: string): { readonly wal: boolean; readonly changes: number } {
  const header = Buffer.alloc(CHANGE_COUNTER_OFFSET + 4);
  const descriptor = openSync(path, 'r');
  try {
    readSync(descriptor, header, 0, header.length, 0);
  } finally {
    closeSync(descriptor);
  }
  return { wal: header[WRITE_VERSION_OFFSET] === WAL_VERSION, changes: header.readUInt32BE(CHANGE_COUNTER_OFFSET) };
}

/** Reasons after which only a new connection can be trusted. */
const DAMAGED: ReadonlySet<string> = new Set(['corrupt', 'not_a_database', 'io_error', 'unreadable', 'hot_journal']);

const REASONS: readonly (readonly [code: RegExp, reason: string, message: string])[] = [
  [/^SQLITE_(?:BUSY|LOCKED)/, 'busy', 'is locked by a writer; trying again'],
  [
    /^SQLITE_READONLY_(?:ROLLBACK|RECOVERY)/,
    'hot_journal',
    'was left by a killed writer and needs its recovery, which a reader must not do; let the program that owns it open it, or run: sqlite3 FILE "PRAGMA user_version"',
  ],
  [
    /^SQLITE_(?:READONLY|CANTOPEN)/,
    'unreadable',
    'cannot be opened; is it readable, and is its folder writable for the -shm file of a WAL database?',
  ],
  [/^SQLITE_NOTADB/, 'not_a_database', 'is not an SQLite database'],
  [/^SQLITE_CORRUPT/, 'corrupt', 'is corrupt; check it with: sqlite3 FILE "PRAGMA integrity_check"'],
  [/^SQLITE_IOERR/, 'io_error', 'cannot be read from its disk'],
  [/^(?:EACCES|EPERM)/, 'unreadable', 'may not be read by this user'],
];

/** Texts of SQLite that name what is in a statement or a schema. Others may hold values: "bad JSON path: 'what a row has'". */
const HARMLESS = [
  /^no such (?:table|column|function|module|view|index|collation sequence)\b/,
  /^(?:malformed JSON|integer overflow|string or blob too big|LIKE or GLOB pattern too complex)$/,
  /^(?:database schema has changed|out of memory|interrupted|too many .*|.* has no column named .*)$/,
  /^(?:near ".*": syntax error|incomplete input|misuse of .*|wrong number of arguments .*|ambiguous column name: .*)$/,
];

/** Any error as SourceError, with a stable reason. What SQLite says of values stays out of it. */
export function classify(error: unknown, path: string): SourceError {
  if (error instanceof SourceError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  for (const [pattern, reason, message] of REASONS) {
    if (pattern.test(code)) return new SourceError(reason, `${path} ${message}`, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  if (!code.startsWith('SQLITE_')) return new SourceError('error', `read ${path}: ${message}`);
  const told = HARMLESS.some((pattern) => pattern.test(message))
    ? message
    : `an expression of the mapping fails on a row (${code}); what SQLite says of it may hold contents of the row`;
  return new SourceError('sql_error', `read ${path}: ${told}`);
}

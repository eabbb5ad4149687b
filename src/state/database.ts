import { chmodSync, closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import type { Logger } from '../component.ts';
import { ConfigError, describeError } from '../errors.ts';
import { AUTOMATIC_PAGES, Checkpoint } from './checkpoint.ts';

export const SCHEMA_VERSION = 1;
export const STATE_FILE = 'state.db';

/** Came later than the rest; a version that does not know it goes on without. */
export const ABSENT_ROWS = `
  CREATE TABLE IF NOT EXISTS absent_rows (
    reader INTEGER NOT NULL, row_id INTEGER NOT NULL, identity TEXT NOT NULL, key TEXT NOT NULL, -- '': none
    first_seen_ms INTEGER NOT NULL, bases TEXT,
    PRIMARY KEY (reader, row_id, identity, key)
  ) STRICT, WITHOUT ROWID;
`;

const SCHEMA = `
  CREATE TABLE properties (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE readers (
    id INTEGER PRIMARY KEY,
    pipeline TEXT NOT NULL, receiver TEXT NOT NULL, sink TEXT NOT NULL, reader TEXT NOT NULL,
    position TEXT,                        -- JSON, meaningful to the reader alone
    caught_up INTEGER NOT NULL DEFAULT 0, -- has been, once
    UNIQUE (pipeline, receiver, sink, reader)
  ) STRICT;
  CREATE TABLE open_rows (
    reader INTEGER NOT NULL, row_id INTEGER NOT NULL,
    identity TEXT NOT NULL, key TEXT, first_seen_ms INTEGER NOT NULL, bases TEXT,
    PRIMARY KEY (reader, row_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE key_scopes (
    id INTEGER PRIMARY KEY,
    pipeline TEXT NOT NULL, receiver TEXT NOT NULL, sink TEXT NOT NULL, scope TEXT NOT NULL,
    UNIQUE (pipeline, receiver, sink, scope)
  ) STRICT;
  CREATE TABLE once_keys (scope INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (scope, key)) STRICT, WITHOUT ROWID;
  CREATE TABLE metrics (
    id INTEGER PRIMARY KEY,
    reader INTEGER NOT NULL, metric TEXT NOT NULL, digest TEXT NOT NULL,
    UNIQUE (reader, metric)
  ) STRICT;
  CREATE TABLE series (
    metric INTEGER NOT NULL, attributes TEXT NOT NULL, start_time_ms INTEGER NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (metric, attributes)
  ) STRICT, WITHOUT ROWID;
  ${ABSENT_ROWS}
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** The file is not one that can be gone on with: set aside and begun anew. `word` becomes part of its new name. */
class UnusableStateError extends Error {
  override readonly name = 'UnusableStateError';
  readonly word: string;

  constructor(word: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.word = word;
  }
}

export interface DatabaseOptions {
  /** Without it: a private temporary database, gone with the process. */
  readonly directory: string | undefined;
  readonly digest: (text: string) => string;
  readonly now: () => number;
  readonly logger: Logger;
}

export interface OpenedDatabase {
  readonly db: Database.Database;
  /** undefined: temporary. */
  readonly path: string | undefined;
  /** Device and inode, to notice that the file was taken away: SQLite goes on writing to a deleted one without a word. */
  readonly fileId: string | undefined;
  /** undefined: temporary. */
  readonly checkpoint: Checkpoint | undefined;
}

/**
 * Opens the state database, creating it when missing. A corrupt one, or one written under another key, is renamed, kept,
 * and begun anew, with an error in the log. Throws ConfigError for one that a newer version wrote.
 */
export function openDatabase(options: DatabaseOptions): OpenedDatabase {
  const { directory, logger } = options;
  if (directory === undefined) {
    const db = new Database('');
    db.exec(SCHEMA);
    return { db, path: undefined, fileId: undefined, checkpoint: undefined };
  }
  const file = path.join(directory, STATE_FILE);
  try {
    return openFile(file, options);
  } catch (error) {
    if (!isUnusable(error)) throw error;
    const kept = setAside(file, error, options.now());
    logger.error('the state is unusable and was set aside; everything is counted anew from the sources', {
      reason: describeError(error),
      kept,
    });
    return openFile(file, options);
  }
}

function openFile(file: string, { digest }: DatabaseOptions): OpenedDatabase {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  // SQLite would create it under the umask; its -wal and -shm take the mode of the main file.
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
  // Nobody else writes (the storage is locked), so that waiting, which would stop the event loop, is for accidents.
  const db = new Database(file, { timeout: 50 });
  try {
    db.pragma('journal_mode = WAL');
    // 4 MiB instead of 16: the operating system caches the file as well, and keys come in no order.
    db.pragma('cache_size = -4096');
    // A power cut may lose the last commits, never their order: positions and totals stay a pair.
    db.pragma('synchronous = NORMAL');
    // Zeroes in the unused parts of new pages; otherwise memory that was freed is written there: rows of the source.
    db.pragma('secure_delete = FAST');
    db.pragma(`wal_autocheckpoint = ${AUTOMATIC_PAGES}`);
    checkSchema(db, file);
    checkKey(db, digest);
    return { db, path: file, fileId: fileIdOf(file), checkpoint: new Checkpoint(db, file) };
  } catch (error) {
    db.close();
    throw error;
  }
}

function checkSchema(db: Database.Database, file: string): void {
  const version = db.pragma('user_version', { simple: true });
  if (version === SCHEMA_VERSION) {
    db.exec(ABSENT_ROWS);
    return;
  }
  if (version !== 0) {
    throw new ConfigError(
      `the state ${file} was written by a newer agentcol (schema ${String(version)}, this one knows ${SCHEMA_VERSION}); ` +
        'run that version, or choose another storage directory',
    );
  }
  const tables = db.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get();
  if (tables !== 0) throw new UnusableStateError('foreign', `${file} is a database of something else`);
  db.transaction(() => db.exec(SCHEMA)).immediate();
}

/** Digests made under another key would never be found again. */
function checkKey(db: Database.Database, digest: (text: string) => string): void {
  const expected = digest('agentcol state');
  const found = db.prepare<[], string>("SELECT value FROM properties WHERE name = 'key_check'").pluck().get();
  if (found === expected) return;
  if (found !== undefined)
    throw new UnusableStateError('other-key', 'the key file beside the state is not the one it was written with');
  db.prepare("INSERT INTO properties (name, value) VALUES ('key_check', ?)").run(expected);
}

/** Whether going on with this file is hopeless, as opposed to a full or slow disk. */
export function isUnusable(error: unknown): boolean {
  if (error instanceof UnusableStateError) return true;
  return error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code);
}

/** Renames the state and its companions; returns the new path. The database must be closed. */
export function setAside(file: string, error: unknown, nowMs: number): string {
  return renameAside(file, error instanceof UnusableStateError ? error.word : 'corrupt', nowMs);
}

/** Renames a file, and what SQLite has beside it, to "<file>.<word>-<time>"; returns the new path. */
export function renameAside(file: string, word: string, nowMs: number): string {
  const kept = `${file}.${word}-${new Date(nowMs).toISOString().replaceAll(/[-:]/g, '')}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (statSync(file + suffix, { throwIfNoEntry: false }) !== undefined) renameSync(file + suffix, kept + suffix);
  }
  return kept;
}

export function fileIdOf(file: string): string | undefined {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}

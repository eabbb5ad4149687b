import { chmodSync, closeSync, constants, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Database } from 'better-sqlite3';
import { adopt, isOfOlderLogger } from './adopt.ts';
import { whileBusy } from './busy.ts';
import { APPLICATION_ID, exists, kinshipOf, openFile, SCHEMA_VERSION } from './database.ts';
import { HookDatabaseError } from './hook-database-error.ts';
import { migrations } from './schema.ts';
import { DIGEST_KEY, DIGEST_KEY_BYTES } from './settings.ts';

const PATIENCE_MS = 5000;
const PRIVATE = 0o600;

/**
 * Makes the database ready to be written to, and opens it: creates it (0600) and its folder (0700) when missing, migrates
 * one of an older agentcol, adopts one of the older logger, with a copy of it beside it. Any number of processes may do so
 * at once. Throws HookDatabaseError for one that must not be written to, and what SQLite and the file system throw.
 */
export function prepareHookDatabase(file: string, deadlineMs = performance.now() + PATIENCE_MS): Database {
  if (!exists(file)) createFile(file);
  return whileBusy(deadlineMs, () => {
    const db = openFile(file);
    try {
      prepare(db, file);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/** Empty: SQLite makes a database of it, and gives -wal and -shm its mode. */
function createFile(file: string): void {
  makeFolder(path.dirname(file));
  try {
    closeSync(openSync(file, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, PRIVATE));
  } catch (error) {
    if (!isExisting(error)) throw error;
  }
}

/** One by one: where a file system says that a folder that is there is not, `recursive` would try for ever. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  try {
    mkdirSync(folder, 0o700);
  } catch (error) {
    if (!isExisting(error)) throw error;
  }
}

/** Another hook was faster. */
function isExisting(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}

function prepare(db: Database, file: string): void {
  if (kinshipOf(db, file) === 'current') return;
  refuseOthers(db, file);
  makePrivate(file);
  // Only an empty database takes it: with it, space of deleted rows can be given back in small steps.
  db.pragma('auto_vacuum = INCREMENTAL');
  db.pragma('journal_mode = WAL');
  while (migrateOnce(db, file));
}

/** One step, in a transaction of its own; false when there was nothing to do. */
function migrateOnce(db: Database, file: string): boolean {
  return db
    .transaction(() => {
      // Again, since another process may have done it meanwhile.
      if (kinshipOf(db, file) === 'current') return false;
      const version = Number(db.pragma('user_version', { simple: true }));
      if (version > 0) db.exec(migrations[version]!);
      else begin(db, file);
      db.pragma(`user_version = ${version + 1}`);
      return version + 1 < SCHEMA_VERSION;
    })
    .immediate();
}

function begin(db: Database, file: string): void {
  if (isEmpty(db)) db.exec(migrations[0]!);
  else adopt(db, file, migrations[0]!);
  const { randomBytes } = process.getBuiltinModule('node:crypto');
  db.prepare('INSERT INTO settings (name, value) VALUES (?, ?)').run(DIGEST_KEY, randomBytes(DIGEST_KEY_BYTES));
  db.pragma(`application_id = ${APPLICATION_ID}`);
}

/** Version 0 and no application id: nobody's yet, or of any program that uses neither. */
function refuseOthers(db: Database, file: string): void {
  if (Number(db.pragma('user_version', { simple: true })) > 0 || isEmpty(db) || isOfOlderLogger(db)) return;
  throw new HookDatabaseError('foreign_database', `${file} is a database of another program: name another one`);
}

function isEmpty(db: Database): boolean {
  return db.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
}

/** The older logger's files are readable to all, prompts included. */
function makePrivate(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) {
    const stats = statSync(file + suffix, { throwIfNoEntry: false });
    if (stats !== undefined && (stats.mode & 0o777) !== PRIVATE) chmodSync(file + suffix, PRIVATE);
  }
}

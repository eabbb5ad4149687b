import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import Database from 'better-sqlite3';
import { LOCK_TIMEOUT_MS } from './busy.ts';
import { HookDatabaseError } from './hook-database-error.ts';
import { migrations } from './schema.ts';

/** 'agcl', as PRAGMA application_id: tells our files from those of other programs, to file(1) too. */
export const APPLICATION_ID = 0x6167636c;
export const SCHEMA_VERSION = migrations.length;

/** Whose a database is. `unprepared`: empty, of the older logger, or of an older agentcol. */
export type Kinship = 'current' | 'unprepared';

/**
 * Opens a database that is ready to be written to; undefined when there is none, or it has to be prepared first. Waits
 * for locks 100 ms at each statement. Throws HookDatabaseError for one that must not be written to, and what SQLite throws.
 */
export function openHookDatabase(file: string): Database.Database | undefined {
  if (!exists(file)) return undefined;
  const db = openFile(file);
  try {
    if (kinshipOf(db, file) === 'current') return db;
  } catch (error) {
    db.close();
    throw error;
  }
  db.close();
  return undefined;
}

/** Never creates: a file that SQLite creates has the mode of the umask. */
export function openFile(file: string): Database.Database {
  const db = new Database(file, { fileMustExist: true, timeout: LOCK_TIMEOUT_MS, nativeBinding: nativeBinding() });
  // The older logger declared foreign keys that neither it nor sqlite3 enforces; better-sqlite3 would, and refuse a tool
  // call whose session comes later, or a session that begins anew.
  db.pragma('foreign_keys = OFF');
  // Zeroes in the unused parts of new pages; otherwise memory that was freed is written there: text that is not to be stored.
  db.pragma('secure_delete = FAST');
  return db;
}

/** Named, where the package would look in a dozen places, seen from a file that the bundle of src/main.ts does not have. */
export function nativeBinding(): string {
  return createRequire(import.meta.url).resolve('better-sqlite3/build/Release/better_sqlite3.node');
}

/** False for a file that is missing or empty. Throws HookDatabaseError for one that is not ours to write to. */
export function exists(file: string): boolean {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  if (!stats.isFile()) throw new HookDatabaseError('not_a_file', `${file} is not a file`);
  const uid = process.geteuid?.();
  // The -wal and -shm files that a writer leaves would be its own, and break the owner's next write.
  if (uid !== undefined && stats.uid !== uid) {
    throw new HookDatabaseError(
      'foreign_owner',
      `${file} belongs to user id ${stats.uid}, and this runs as ${uid}: run the agent as that user, or name another database`,
    );
  }
  return stats.size > 0;
}

/** Throws HookDatabaseError for a database of another program or of a newer agentcol. */
export function kinshipOf(db: Database.Database, file: string): Kinship {
  const version = Number(db.pragma('user_version', { simple: true }));
  const application = Number(db.pragma('application_id', { simple: true }));
  if (application !== APPLICATION_ID && (application !== 0 || version !== 0)) {
    throw new HookDatabaseError('foreign_database', `${file} is a database of another program: name another one`);
  }
  if (version > SCHEMA_VERSION) {
    throw new HookDatabaseError(
      'newer_version',
      `${file} was written by a newer agentcol (schema ${version}, this one knows ${SCHEMA_VERSION}): run that version`,
    );
  }
  return version === SCHEMA_VERSION ? 'current' : 'unprepared';
}

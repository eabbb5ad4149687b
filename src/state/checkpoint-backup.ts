import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { ConfigError, describeError } from '../errors.ts';
import { openBeside } from './checkpoint-list.ts';
import { renameAside, SCHEMA_VERSION, STATE_FILE } from './database.ts';
import { createDigest } from './digest.ts';

/** The files that a storage keeps its secrets in. */
const KEY_FILE = /^[a-z][a-z0-9_-]*\.key$/;
/** In a backup only: the key files, without which the state could not be gone on with. */
const KEYS = 'CREATE TABLE key_files (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID';

/**
 * Writes one file, mode 0600, with the state as of one commit and the key files beside it, while a collector may be
 * running. Throws ConfigError where there is no state, and where the file is there already.
 */
export function backUp(directory: string, file: string): void {
  const state = path.join(directory, STATE_FILE);
  if (!existsSync(state)) throw new ConfigError(`there is no state in ${directory} yet`);
  if (existsSync(file)) throw new ConfigError(`${file} is there already: name another file, or remove it`);
  const draft = `${file}.new`;
  try {
    // SQLite would create it under the umask, and accepts an empty file.
    closeSync(openSync(draft, 'wx', 0o600));
  } catch (error) {
    throw new ConfigError(`create ${draft}: ${describeError(error)}`, { cause: error });
  }
  try {
    const source = openBeside(state);
    try {
      source.prepare('VACUUM INTO ?').run(draft);
    } finally {
      source.close();
    }
    const backup = new Database(draft);
    try {
      backup.exec(KEYS);
      const keep = backup.prepare('INSERT INTO key_files (name, bytes) VALUES (?, ?)');
      for (const name of readdirSync(directory).filter((entry) => KEY_FILE.test(entry))) {
        keep.run(name, readFileSync(path.join(directory, name)));
      }
      keysOf(backup, file);
    } finally {
      backup.close();
    }
    sync(draft);
    renameSync(draft, file);
    sync(path.dirname(file));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`back up ${state} to ${file}: ${describeError(error)}`, { cause: error });
  } finally {
    rmSync(draft, { force: true });
  }
}

export interface Restored {
  /** What was there before, renamed. */
  readonly kept: readonly string[];
}

/**
 * Puts a backup in the place of a state that nobody uses (the storage is locked by the caller); what was there is renamed.
 * Throws ConfigError, with nothing changed, for a file that is no sound backup.
 */
export function restore(file: string, directory: string, nowMs: number): Restored {
  const state = path.join(directory, STATE_FILE);
  const draft = `${state}.new`;
  rmSync(draft, { force: true });
  try {
    const keys = copyState(file, draft);
    const kept: string[] = [];
    if (existsSync(state)) kept.push(renameAside(state, 'replaced', nowMs));
    for (const [name, bytes] of keys) {
      const key = path.join(directory, name);
      if (existsSync(key) && readFileSync(key).equals(bytes)) continue;
      if (existsSync(key)) kept.push(renameAside(key, 'replaced', nowMs));
      writeFileSync(`${key}.new`, bytes, { mode: 0o600 });
      sync(`${key}.new`);
      renameSync(`${key}.new`, key);
    }
    // Last: without it, the collector would begin anew with the keys of the backup, and lose nothing but what is kept.
    renameSync(draft, state);
    sync(directory);
    return { kept };
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Copies the state out of a backup that is whole; returns its key files. */
function copyState(file: string, draft: string): ReadonlyMap<string, Buffer> {
  if (!existsSync(file)) throw new ConfigError(`there is no file ${file}`);
  try {
    const backup = new Database(file, { readonly: true, fileMustExist: true });
    let keys: ReadonlyMap<string, Buffer>;
    try {
      keys = keysOf(backup, file);
      closeSync(openSync(draft, 'wx', 0o600));
      backup.prepare('VACUUM INTO ?').run(draft);
    } finally {
      backup.close();
    }
    const state = new Database(draft);
    try {
      state.exec('DROP TABLE key_files');
    } finally {
      state.close();
    }
    chmodSync(draft, 0o600);
    sync(draft);
    return keys;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${file} is no sound backup: ${describeError(error)}`, { cause: error });
  }
}

/** Throws ConfigError for what is no whole backup that this version can go on with. */
function keysOf(backup: Database.Database, file: string): ReadonlyMap<string, Buffer> {
  const refuse = (reason: string): never => {
    throw new ConfigError(`${file} is no sound backup: ${reason}`);
  };
  const version = Number(backup.pragma('user_version', { simple: true }));
  if (version > SCHEMA_VERSION) {
    refuse(`a newer agentcol wrote it (schema ${version}, this one knows ${SCHEMA_VERSION}); run that version`);
  }
  const tables = backup.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
  if (version !== SCHEMA_VERSION || !tables.includes('key_files'))
    refuse('agentcol checkpoint backup did not write it');
  const found = backup.pragma('integrity_check(1)', { simple: true });
  if (found !== 'ok') refuse(`SQLite finds it damaged: ${String(found)}`);
  const keys = new Map(backup.prepare<[], [string, Buffer]>('SELECT name, bytes FROM key_files').raw().all());
  if ([...keys.keys()].some((name) => !KEY_FILE.test(name))) refuse('it holds files that are no keys');
  const check = backup.prepare<[], string>("SELECT value FROM properties WHERE name = 'key_check'").pluck().get();
  const digest = keys.get('digest.key');
  if (digest === undefined || createDigest(digest)('agentcol state') !== check) {
    refuse('the key that the state was written with is not in it');
  }
  return keys;
}

/** Down to the disk, a file or the names in a folder. */
function sync(file: string): void {
  // Windows cannot open a folder, and flushes no file that is open for reading; its renames are journalled.
  if (process.platform === 'win32') return;
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import type { Position } from '../component.ts';
import { STATE_FILE } from './database.ts';
import { createDigest } from './digest.ts';

/** What is kept of one reader, or of some of its metrics that are counted apart. */
export interface Checkpoint {
  readonly pipeline: string;
  readonly receiver: string;
  /** 'metrics', or the exporter that it sends to. */
  readonly sink: string;
  /** The reader's id; with "+" and a number for metrics that are counted apart. */
  readonly reader: string;
  readonly position: Position | undefined;
  readonly openRows: number;
}

export interface Checkpoints {
  /** Of the last commit, epoch milliseconds, as the file system tells. */
  readonly writtenMs: number;
  readonly readers: readonly Checkpoint[];
  /** Once-keys by key scope; undefined: none has been kept under that name. */
  onceKeys(pipeline: string, receiver: string, sink: string, scope: string): number | undefined;
  /** undefined: the key is not there. */
  readonly digest: ((text: string) => string) | undefined;
}

/** Reads a state beside whoever uses it; undefined where there is none. Throws Error with the reason. */
export function readCheckpoints(directory: string): Checkpoints | undefined {
  const file = path.join(directory, STATE_FILE);
  const written = [file, `${file}-wal`].map((name) => statSync(name, { throwIfNoEntry: false })?.mtimeMs);
  if (written[0] === undefined) return undefined;
  const db = openBeside(file);
  try {
    const readers = db
      .prepare<[], Omit<Checkpoint, 'position'> & { position: string | null }>(
        `SELECT pipeline, receiver, sink, reader, position, (SELECT count(*) FROM open_rows WHERE reader = readers.id) AS openRows
         FROM readers ORDER BY pipeline, receiver, sink, readers.id`,
      )
      .all()
      .map((row) => ({ ...row, position: row.position === null ? undefined : (JSON.parse(row.position) as Position) }));
    const keys = db
      .prepare<[], { pipeline: string; receiver: string; sink: string; scope: string; keys: number }>(
        `SELECT pipeline, receiver, sink, key_scopes.scope AS scope, count(key) AS keys
         FROM key_scopes LEFT JOIN once_keys ON once_keys.scope = key_scopes.id GROUP BY key_scopes.id`,
      )
      .all();
    const counts = new Map(
      keys.map((row) => [JSON.stringify([row.pipeline, row.receiver, row.sink, row.scope]), row.keys]),
    );
    return {
      writtenMs: Math.max(...written.filter((ms) => ms !== undefined)),
      readers,
      onceKeys: (...scope) => counts.get(JSON.stringify(scope)),
      digest: digestIn(directory),
    };
  } finally {
    db.close();
  }
}

/** Opens a state that another process may be using. */
export function openBeside(file: string): Database.Database {
  const uid = process.geteuid?.();
  const owner = statSync(file).uid;
  // A reader of a WAL database makes files beside it, which its owner could not write to.
  if (uid !== undefined && owner !== uid)
    throw new Error(`${file} belongs to user id ${owner}: look at it as that user`);
  return new Database(file, { readonly: true, fileMustExist: true, timeout: 5_000 });
}

function digestIn(directory: string): Checkpoints['digest'] {
  const file = path.join(directory, 'digest.key');
  return statSync(file, { throwIfNoEntry: false }) === undefined ? undefined : createDigest(readFileSync(file));
}

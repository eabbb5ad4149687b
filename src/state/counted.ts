import path from 'node:path';
import Database from 'better-sqlite3';
import { createDigest } from './digest.ts';
import { openBeside } from './checkpoint-list.ts';
import { STATE_FILE } from './database.ts';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A checkpoint of the collector is over after some milliseconds. */
const TRIES = 100;
const PAUSE_MS = 50;

/** What the state has of a reader, or of some of its metrics that are counted apart, as last committed. */
export interface Counted {
  /** The highest row id passed; undefined: it has read nothing yet. */
  readonly cursor: number | undefined;
  readonly openRows: readonly number[];
  /** Digest by metric. */
  readonly metrics: ReadonlyMap<string, string>;
}

export interface CountedState {
  /** Those of one reader, under all the ids that it has there. */
  of(pipeline: string, receiver: string, reader: string): readonly Counted[];
  readonly digest: (text: string) => string;
}

/**
 * Reads what a state has counted, beside a running collector, and sees that it is on the disk: after a power cut the
 * collector goes on from there or later. undefined where there is none. Rejects with Error and the reason.
 */
export async function readCounted(directory: string): Promise<CountedState | undefined> {
  const file = path.join(directory, STATE_FILE);
  const key = path.join(directory, 'digest.key');
  if (!existsSync(file) || !existsSync(key)) return undefined;
  const db = openBeside(file);
  let kept: readonly (Counted & { readonly name: string })[];
  try {
    kept = db.transaction(() => readAll(db))();
  } finally {
    db.close();
  }
  await putOnDisk(file);
  return {
    of: (pipeline, receiver, reader) => {
      const name = nameOf(pipeline, receiver, reader);
      return kept.filter((one) => one.name === name);
    },
    digest: createDigest(readFileSync(key)),
  };
}

function readAll(db: Database.Database): (Counted & { readonly name: string })[] {
  const openRows = db.prepare<[number], number>('SELECT row_id FROM open_rows WHERE reader = ?').pluck();
  const metrics = db.prepare<[number], [string, string]>('SELECT metric, digest FROM metrics WHERE reader = ?').raw();
  return db
    .prepare<[], { id: number; pipeline: string; receiver: string; reader: string; cursor: number | null }>(
      `SELECT id, pipeline, receiver, reader, json_extract(position, '$.cursor') AS cursor FROM readers WHERE sink = 'metrics'`,
    )
    .all()
    .map(({ id, pipeline, receiver, reader, cursor }) => ({
      // "invocations+2" are metrics of "invocations" that were redefined and are counted anew.
      name: nameOf(pipeline, receiver, reader.replace(/\+\d+$/, '')),
      cursor: cursor ?? undefined,
      openRows: openRows.all(id),
      metrics: new Map(metrics.all(id)),
    }));
}

function nameOf(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}

/**
 * A checkpoint syncs the write-ahead log first, whatever part of it can be moved then. PASSIVE: the collector, which
 * waits for nobody, finds no lock in its way. It is refused while the collector makes one itself.
 */
async function putOnDisk(file: string): Promise<void> {
  const db = new Database(file, { fileMustExist: true, timeout: 0 });
  try {
    db.pragma('synchronous = FULL');
    for (let tries = 1; ; tries += 1) {
      const [result] = db.pragma('wal_checkpoint(PASSIVE)') as { busy: number }[];
      if (result?.busy === 0) return;
      if (tries === TRIES) throw new Error(`${file} is being written to all the time: try again later`);
      await delay(PAUSE_MS);
    }
  } finally {
    db.close();
  }
}

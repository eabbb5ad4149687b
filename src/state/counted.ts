import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type Database from 'better-sqlite3';
import { openBeside } from './checkpoint-list.ts';
import { STATE_FILE } from './database.ts';
import { createDigest } from './digest.ts';

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
  of(pipeline: string, receiver: string, sink: string, reader: string): readonly Counted[];
  readonly digest: (text: string) => string;
}

/**
 * Reads what a state has counted, beside a running collector, and sees that it is on the disk: after a power cut the
 * collector goes on from there or later. undefined where there is none. Throws Error with the reason.
 */
export function readCounted(directory: string): CountedState | undefined {
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
  putOnDisk(`${file}-wal`);
  return {
    of: (...key) => {
      const name = nameOf(...key);
      return kept.filter((one) => one.name === name);
    },
    digest: createDigest(readFileSync(key)),
  };
}

function readAll(db: Database.Database): (Counted & { readonly name: string })[] {
  const openRows = db.prepare<[number], number>('SELECT row_id FROM open_rows WHERE reader = ?').pluck();
  const metrics = db.prepare<[number], [string, string]>('SELECT metric, digest FROM metrics WHERE reader = ?').raw();
  return db
    .prepare<
      [],
      { id: number; pipeline: string; receiver: string; sink: string; reader: string; cursor: number | null }
    >(`SELECT id, pipeline, receiver, sink, reader, json_extract(position, '$.cursor') AS cursor FROM readers`)
    .all()
    .map(({ id, pipeline, receiver, sink, reader, cursor }) => ({
      // "invocations+2" are metrics of "invocations" that were redefined and are counted anew.
      name: nameOf(pipeline, receiver, sink, reader.replace(/\+\d+$/, '')),
      cursor: cursor ?? undefined,
      openRows: openRows.all(id),
      metrics: new Map(metrics.all(id)),
    }));
}

function nameOf(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}

/**
 * SQLite moves nothing out of the write-ahead log before both are on the disk, so that what was read is there, or in the
 * log; no lock of a collector is touched.
 */
function putOnDisk(log: string): void {
  if (!existsSync(log)) return;
  const descriptor = openSync(log, 'r+');
  try {
    fdatasyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { SqliteReceiver } from '../../../receivers/sqlite/receiver.ts';
import { sqliteReceiver } from '../../../receivers/sqlite/factory.ts';
import type { OpenRow, Reader, ReaderState } from '../../../src/component.ts';
import { SourceError } from '../../../src/errors.ts';
import { filledConfig, testSettings } from '../../component-suite.ts';
import { Workspace } from '../../main-job/harness.ts';

/** What a lane keeps for a reader, without a database. */
class Kept implements ReaderState {
  position: ReaderState['position'];
  readonly open = new Map<number, OpenRow>();
  readonly #reader: Reader;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  readonly absent = new Map<number, OpenRow[]>();

  openByKey(): undefined {
    return undefined;
  }

  absentByKey(): undefined {
    return undefined;
  }

  seen(): boolean {
    return false;
  }

  digest(text: string): string {
    return text;
  }

  /** Reads until caught up; returns the rows of each page. */
  catchUp(): number[] {
    const rows: number[] = [];
    for (;;) {
      const page = this.#reader.read(this);
      if (page === undefined) return rows;
      rows.push(page.rows);
      this.position = page.position;
      for (const rowId of page.closed) this.open.delete(rowId);
      for (const row of page.opened) this.open.set(row.rowId, row);
      if (page.caughtUp) return rows;
    }
  }
}

test('a lock is no reason to look at every open row again: the newest, and a share of the others', async () => {
  using workspace = new Workspace();
  const file = workspace.file('jobs.db');
  const db = new Database(file);
  db.exec('CREATE TABLE jobs (id INTEGER PRIMARY KEY, done INTEGER)');
  const insert = db.prepare('INSERT INTO jobs (done) VALUES (0)');
  db.transaction(() => {
    for (let row = 0; row < 10_000; row += 1) insert.run();
  })();
  const jobs = { complete_when: 'done = 1', metrics: [{ name: 'jobs', type: 'counter' }] };
  const config = filledConfig(sqliteReceiver, { database: file, tables: { jobs } });
  const receiver = await sqliteReceiver.create(config, testSettings('sqlite'));
  if (!(receiver instanceof SqliteReceiver)) throw new Error('another receiver');
  const kept = new Kept(receiver.readers[0]!);
  const cycle = (): number => {
    receiver.poll();
    return kept.catchUp().reduce((sum, rows) => sum + rows, 0);
  };
  cycle();
  while (cycle() > 0);
  expect(kept.open.size).toBe(10_000);

  db.exec('BEGIN EXCLUSIVE');
  expect(cycle).toThrow(SourceError);
  db.exec('COMMIT');
  expect(cycle()).toBeLessThanOrEqual(2000);
  db.exec('UPDATE jobs SET done = 1 WHERE id > 9000');
  cycle();
  expect(kept.open.size).toBe(9000);
  await receiver.shutdown();
  db.close();
});

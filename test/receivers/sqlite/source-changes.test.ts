import fs from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it, vi } from 'vitest';
import { Collector, Workspace } from '../../main-job/harness.ts';

type Journal = 'wal' | 'delete';

interface TableOptions {
  readonly journal?: Journal;
  /** How `id` is declared. */
  readonly id?: string;
}

/** Jobs that are complete when inserted; every one has a name of its own, so that a recount tells who was counted. */
class Jobs {
  readonly file: string;
  #database: Database.Database;
  #inserted = 0;

  constructor(file: string, { journal = 'wal', id = 'INTEGER PRIMARY KEY' }: TableOptions = {}) {
    this.file = file;
    this.#database = new Database(file);
    this.#database.pragma(`journal_mode = ${journal}`);
    this.#database.exec(`CREATE TABLE jobs (id ${id}, created TEXT, kind TEXT)`);
  }

  insert(rows: number, kind = 'a'): this {
    const insert = this.#database.prepare('INSERT INTO jobs (created, kind) VALUES (?, ?)');
    this.#database.transaction(() => {
      for (let row = 0; row < rows; row += 1) {
        this.#inserted += 1;
        insert.run(`${kind} ${this.#inserted}`, kind);
      }
    })();
    return this;
  }

  exec(sql: string): this {
    this.#database.exec(sql);
    return this;
  }

  /** A complete copy, whatever is in the WAL. */
  backup(to: string): this {
    this.#database.exec(`VACUUM INTO '${to}'`);
    return this;
  }

  close(): this {
    this.#database.close();
    return this;
  }

  reopen(): this {
    this.#database = new Database(this.file);
    return this;
  }
}

function mapping(options: { key?: string; identity?: readonly string[] } = {}): Record<string, unknown> {
  const jobs = {
    identity: ['created'],
    ...options,
    attributes: { kind: 'kind' },
    metrics: METRICS,
  };
  return { preset: [], tables: { jobs }, distinct: { 'jobs.names': { of: ['jobs.created'] } } };
}

const METRICS = [{ name: 'jobs', type: 'counter' }];

const COUNTED = 'jobs_total{kind="a"}';
const SEEN = 'jobs_names_total';

function changes(collector: Collector): string[] {
  return collector.logged.flatMap((line) => /"reason":"(older_copy|rows_deleted|new_source)"/.exec(line)?.[1] ?? []);
}

function removeDatabase(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) fs.rmSync(file + suffix, { force: true });
}

const JOURNALS = ['wal', 'delete'] as const;

describe.each(JOURNALS)('an older backup in %s mode', (journal) => {
  it.each(['renamed into place', 'written over in place'])(
    '%s: rows counted before are not counted again, later ones are',
    async (how) => {
      using workspace = new Workspace();
      const file = workspace.file('jobs.db');
      const jobs = new Jobs(file, { journal }).insert(400);
      await using collector = await Collector.start(file, { receiver: mapping() });
      await collector.shows(COUNTED, 400);
      jobs.backup(workspace.file('backup.db')).insert(100);
      await collector.shows(COUNTED, 500);
      jobs.close();
      if (how === 'renamed into place') {
        removeDatabase(file);
        fs.renameSync(workspace.file('backup.db'), file);
      } else {
        fs.rmSync(`${file}-wal`, { force: true });
        fs.rmSync(`${file}-shm`, { force: true });
        fs.writeFileSync(file, fs.readFileSync(workspace.file('backup.db')));
      }
      // In this one process a writer that waits for the reader waits for ever.
      await expect.poll(() => changes(collector)).not.toEqual([]);
      jobs.reopen().insert(30, 'b');
      await collector.shows('jobs_total{kind="b"}', 30);
      expect(collector.samples().get(COUNTED)).toBe(500);
      await collector.shows(SEEN, 530);
      jobs.close();
    },
  );
});

describe('VACUUM', () => {
  it('of a table with INTEGER PRIMARY KEY is no change', async () => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db')).insert(300);
    await using collector = await Collector.start(jobs.file, { receiver: mapping() });
    jobs.exec('DELETE FROM jobs WHERE id <= 100').exec('VACUUM').insert(5);
    await collector.shows(COUNTED, 305);
    expect(changes(collector)).toEqual([]);
    jobs.close();
  });

  it('that renumbers: with a key nothing is counted twice', async () => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db'), { id: 'TEXT' }).insert(300);
    await using collector = await Collector.start(jobs.file, { receiver: mapping({ key: 'created' }) });
    jobs.exec('DELETE FROM jobs WHERE rowid <= 100').exec('VACUUM').insert(5);
    await collector.shows(COUNTED, 305);
    await collector.shows(SEEN, 305);
    expect(changes(collector)).not.toEqual([]);
    jobs.close();
  });

  it('that renumbers: without a key what may be counted twice is said', async () => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db'), { id: 'TEXT' }).insert(300);
    await using collector = await Collector.start(jobs.file, { receiver: mapping() });
    jobs.exec('DELETE FROM jobs WHERE rowid BETWEEN 200 AND 210').exec('VACUUM').insert(5);
    const counted = (): number => collector.samples().get(COUNTED) ?? 0;
    await vi.waitFor(() => expect(counted()).toBeGreaterThanOrEqual(305), 8_000);
    expect(changes(collector)).toContain('older_copy');
    // How many depends on where the pages of the first read ended.
    const said = /up to (\d+) rows may be counted a second time/.exec(collector.logged.join('\n'))?.[1];
    expect(counted() - 305).toBeLessThanOrEqual(Number(said));
    jobs.close();
  });
});

describe('a table', () => {
  it.each(['', ' AUTOINCREMENT'])(
    'dropped and made again (INTEGER PRIMARY KEY%s) is read from the start',
    async (suffix) => {
      using workspace = new Workspace();
      const jobs = new Jobs(workspace.file('jobs.db'), { id: `INTEGER PRIMARY KEY${suffix}` }).insert(20);
      await using collector = await Collector.start(jobs.file, { receiver: mapping() });
      jobs
        .exec(`DROP TABLE jobs; CREATE TABLE jobs (id INTEGER PRIMARY KEY${suffix}, created TEXT, kind TEXT)`)
        .insert(7, 'b');
      await collector.shows('jobs_total{kind="b"}', 7);
      expect(collector.samples().get(COUNTED)).toBe(20);
      expect(changes(collector)).not.toEqual([]);
      jobs.close();
    },
  );

  it('whose highest rows were deleted and ids used again is read on from there', async () => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db')).insert(50);
    await using collector = await Collector.start(jobs.file, { receiver: mapping() });
    jobs.exec('DELETE FROM jobs WHERE id > 40').insert(4);
    await collector.shows(COUNTED, 54);
    await collector.shows(SEEN, 54);
    jobs.exec('DELETE FROM jobs WHERE id > 40').insert(14);
    await collector.shows(COUNTED, 68);
    expect(changes(collector)).not.toEqual([]);
    jobs.close();
  });

  it('whose highest rows were deleted, with AUTOINCREMENT, is as it was', async () => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db'), { id: 'INTEGER PRIMARY KEY AUTOINCREMENT' }).insert(50);
    await using collector = await Collector.start(jobs.file, { receiver: mapping() });
    jobs.exec('DELETE FROM jobs WHERE id > 40').insert(4);
    await collector.shows(COUNTED, 54);
    jobs.exec('DELETE FROM jobs').insert(6);
    await collector.shows(COUNTED, 60);
    expect(changes(collector)).toEqual([]);
    jobs.close();
  });

  it('of which everything was deleted starts again, without the row ids it had', async () => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db')).insert(50);
    await using collector = await Collector.start(jobs.file, { receiver: mapping() });
    jobs.exec('DELETE FROM jobs');
    await expect.poll(() => changes(collector)).toContain('rows_deleted');
    jobs.insert(9);
    await collector.shows(COUNTED, 59);
    jobs.close();
  });

  it('with ids given explicitly is followed upwards, over any gap', async () => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db')).insert(3);
    await using collector = await Collector.start(jobs.file, { receiver: mapping() });
    const ids = [1_000, 1_000_000, 5_000_000_000, Number.MAX_SAFE_INTEGER];
    for (const id of ids) jobs.exec(`INSERT INTO jobs VALUES (${id}, 'given ${id}', 'a')`);
    await collector.shows(COUNTED, 7);
    expect(changes(collector)).toEqual([]);
    jobs.close();
  });

  it('with a row id that no double holds says so, and reads no further', async () => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db')).insert(3);
    await using collector = await Collector.start(jobs.file, { receiver: mapping() });
    jobs.exec(`INSERT INTO jobs VALUES (9007199254740993, 'too far', 'a')`);
    await collector.fails('row_id_too_large');
    jobs.exec('DELETE FROM jobs WHERE id > 9000000000000000').insert(1);
    await collector.fails(undefined);
    await collector.shows(COUNTED, 4);
    jobs.close();
  });

  it.each([
    ['added', 'ALTER TABLE jobs ADD COLUMN note TEXT', undefined],
    ['renamed, mapped', 'ALTER TABLE jobs RENAME COLUMN kind TO sort', 'sql_error'],
    ['dropped, not mapped', 'ALTER TABLE jobs DROP COLUMN spare', undefined],
  ])('with a column %s goes on, or says what it misses', async (_, sql, reason) => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db')).exec('ALTER TABLE jobs ADD COLUMN spare TEXT').insert(3);
    await using collector = await Collector.start(jobs.file, { receiver: mapping() });
    jobs.exec(sql).exec(`INSERT INTO jobs (created) VALUES ('later')`);
    await collector.shows(SEEN, 4);
    await collector.fails(reason);
    if (reason !== undefined)
      jobs.exec('ALTER TABLE jobs RENAME COLUMN sort TO kind').exec(`UPDATE jobs SET kind = 'a'`);
    jobs.insert(1);
    await collector.shows(SEEN, 5);
    await collector.fails(undefined);
    jobs.close();
  });
});

describe('a file', () => {
  it('moved away and back is waited for, and goes on', async () => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db'), { journal: 'delete' }).insert(10).close();
    await using collector = await Collector.start(jobs.file, { receiver: mapping() });
    fs.renameSync(jobs.file, workspace.file('elsewhere.db'));
    await collector.fails('missing');
    expect(collector.samples().get(COUNTED)).toBe(10);
    fs.renameSync(workspace.file('elsewhere.db'), jobs.file);
    jobs.reopen().insert(2);
    await collector.shows(COUNTED, 12);
    await collector.fails(undefined);
    expect(changes(collector)).toEqual([]);
    jobs.close();
  });

  it('that is new and empty waits for its table; rows of the same ids are new rows', async () => {
    using workspace = new Workspace();
    const first = new Jobs(workspace.file('jobs.db')).insert(10).close();
    await using collector = await Collector.start(first.file, { receiver: mapping() });
    removeDatabase(first.file);
    fs.writeFileSync(first.file, '');
    await collector.fails('no_table');
    removeDatabase(first.file);
    const second = new Jobs(first.file).insert(10, 'b').insert(3);
    await collector.shows('jobs_total{kind="b"}', 10);
    await collector.shows(COUNTED, 13);
    expect(changes(collector)).toContain('new_source');
    second.close();
  });

  it('that another one is copied over, with the same change counter, is noticed', async () => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db'), { journal: 'delete' }).insert(50).close();
    const other = new Jobs(workspace.file('other.db'), { journal: 'delete' }).insert(60, 'b').close();
    await using collector = await Collector.start(jobs.file, { receiver: mapping() });
    fs.writeFileSync(jobs.file, fs.readFileSync(other.file));
    await collector.shows('jobs_total{kind="b"}', 60);
    expect(collector.samples().get(COUNTED)).toBe(50);
  });

  it('that is another database altogether is read from the start, and totals go on', async () => {
    using workspace = new Workspace();
    const options = { receiver: mapping(), storage: workspace.file('state') };
    const first = new Jobs(workspace.file('jobs.db')).insert(500).close();
    const before = await Collector.start(first.file, options);
    await before.shows(COUNTED, 500);
    await before.stop();
    const other = new Jobs(workspace.file('other.db')).insert(700, 'b').close();
    removeDatabase(first.file);
    fs.renameSync(other.file, first.file);
    await using collector = await Collector.start(first.file, options);
    await collector.shows('jobs_total{kind="b"}', 700);
    expect(collector.samples().get(COUNTED)).toBe(500);
    expect(changes(collector)).toContain('new_source');
  });

  it.each([
    ['wal', 'delete'],
    ['delete', 'wal'],
  ] as const)('switched from %s to %s mode goes on', async (from, to) => {
    using workspace = new Workspace();
    const options = { receiver: mapping(), storage: workspace.file('state') };
    const jobs = new Jobs(workspace.file('jobs.db'), { journal: from }).insert(10);
    const before = await Collector.start(jobs.file, options);
    if (to === 'wal') jobs.exec('PRAGMA journal_mode = wal').insert(2);
    else jobs.insert(2);
    await before.shows(COUNTED, 12);
    await before.stop();
    // SQLite lets nobody leave WAL mode while another connection is open.
    if (to === 'delete') jobs.exec('PRAGMA journal_mode = delete');
    jobs.insert(5);
    await using collector = await Collector.start(jobs.file, options);
    await collector.shows(COUNTED, 17);
    expect([...changes(before), ...changes(collector)]).toEqual([]);
    jobs.close();
  });
});

describe('the newest row', () => {
  it('replaced under another key is no source change, even if it was the only one', async () => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db'), { id: 'TEXT PRIMARY KEY' });
    jobs.exec(`INSERT INTO jobs VALUES ('session', 'turn 0', 'a')`);
    await using collector = await Collector.start(jobs.file, { receiver: mapping({ key: "id || ' ' || created" }) });
    for (let turn = 1; turn <= 3; turn += 1) {
      jobs.exec(`INSERT OR REPLACE INTO jobs VALUES ('session', 'turn ${turn}', 'a')`);
      await collector.shows(COUNTED, 1 + turn);
    }
    expect(changes(collector)).toEqual([]);
    jobs.close();
  });

  it('replaced by INSERT OR REPLACE is no source change, again and again', async () => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db'), { id: 'TEXT PRIMARY KEY' }).insert(300);
    await using collector = await Collector.start(jobs.file, { receiver: mapping({ key: 'id' }) });
    for (let turn = 1; turn <= 5; turn += 1) {
      jobs.exec(`INSERT OR REPLACE INTO jobs VALUES ('session', 'turn ${turn}', 'a')`);
      await collector.shows(SEEN, 300 + turn);
    }
    jobs.close();
    expect(changes(collector)).toEqual([]);
  });
});

describe('an expression that fails on a row', () => {
  it('says so without a word of what the row holds', async () => {
    using workspace = new Workspace();
    const jobs = new Jobs(workspace.file('jobs.db')).exec(
      "INSERT INTO jobs (created, kind) VALUES ('now', '/home/alice/secret prompt text')",
    );
    const receiver = mapping();
    const tables = { jobs: { identity: ['created'], attributes: { a: "json_extract('{}', kind)" }, metrics: METRICS } };
    await using collector = await Collector.start(jobs.file, { receiver: { ...receiver, tables } });
    await collector.fails('sql_error');
    const told = JSON.stringify([collector.service.failures, collector.service.status, collector.logged]);
    expect(told).toContain('an expression of the mapping fails on a row (SQLITE_ERROR)');
    expect(told).not.toContain('alice');
    jobs.close();
  });
});

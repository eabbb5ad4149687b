import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { checkpoint } from '../../src/commands/checkpoint.ts';
import type { CheckpointOptions } from '../../src/commands/checkpoint-options.ts';
import { describeCheckpoints, type ListedStorage } from '../../src/commands/checkpoint-list.ts';
import {
  freePort,
  jobsConfig,
  jobsTable,
  Reloading,
  scrape,
  shows,
  stateFile,
  type Written,
} from '../pipeline/reloading.ts';
import { capture } from './capture.ts';
import { MAIN } from '../program.ts';

vi.setConfig({ testTimeout: 60_000 });

let running: Reloading;
let endpoint: string;
let out: string;

beforeEach(async () => {
  running = new Reloading();
  endpoint = `127.0.0.1:${await freePort()}`;
  out = '';
  capture(process.stdout, (text) => (out += text));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await running[Symbol.asyncDispose]();
});

/** Jobs that may be open, each counted once by a key, and the kinds of them. */
const tables = {
  jobs: {
    ...jobsTable,
    key: 'id',
    complete_when: 'done',
    metrics: [
      { name: 'jobs', type: 'counter' },
      { name: 'open', type: 'updowncounter', of: 'open' },
    ],
  },
  again: { ...jobsTable, from: 'jobs', metrics: [{ name: 'again', type: 'counter' }] },
};
const distinct = { kinds: { of: ['jobs.kind'] } };
const config = (written: Partial<Written> = {}): Written => jobsConfig(endpoint, { tables, distinct }, written);

/** What is printed. */
async function call(options: CheckpointOptions, sets: readonly string[] = []): Promise<string> {
  out = '';
  const files = [running.folder.file('otel-config.yaml')];
  expect(await checkpoint({ ...options, files, sets })).toBe(0);
  return out;
}

async function list(): Promise<ListedStorage> {
  const { storages } = JSON.parse(await call({ action: 'list', json: true })) as { storages: ListedStorage[] };
  return storages[0]!;
}

async function caughtUp(written: Written): Promise<void> {
  await running.start(written);
  await running.service?.caughtUp();
}

async function stop(): Promise<void> {
  await running.service?.shutdown();
}

/** Of a collector that is started anew and stopped again. */
async function published(written: Written): Promise<ReadonlyMap<string, number>> {
  await caughtUp(written);
  const { samples } = await scrape(endpoint);
  await stop();
  return samples;
}

describe('checkpoint list', () => {
  test('tells of each table how far it is read, what is kept of it and how many rows follow', async () => {
    running.jobs('jobs.db', 100);
    await caughtUp(config());
    await stop();
    running.addJobs('jobs.db', 30);
    const { id, directory, written, readers } = await list();
    expect({ id, directory }).toEqual({ id: 'file_storage', directory: running.folder.file('state') });
    expect(Date.parse(written ?? '')).toBeCloseTo(Date.now(), -5);
    const common = { pipeline: 'metrics', receiver: 'sqlite/jobs', exporter: null, cursor: 100, rowsBehind: 30 };
    expect(readers).toEqual([
      { ...common, table: 'jobs', openRows: 10, onceKeys: 90 },
      { ...common, table: 'again', openRows: 0, onceKeys: 0 },
      { ...common, table: 'distinct:kinds:jobs.kind', openRows: 0, onceKeys: 2 },
    ]);
  });

  test('is a table for people', async () => {
    running.jobs('jobs.db', 100);
    await caughtUp(config());
    await stop();
    const printed = await call({ action: 'list', json: false });
    expect(printed.replace(/last written \S+/, 'last written NOW')).toBe(
      [
        `file_storage: ${running.folder.file('state')}, last written NOW`,
        'PIPELINE  RECEIVER     EXPORTER  TABLE                     CURSOR  OPEN  KEYS  BEHIND',
        'metrics   sqlite/jobs  -         jobs                         100    10    90  0',
        'metrics   sqlite/jobs  -         again                        100     0     0  0',
        'metrics   sqlite/jobs  -         distinct:kinds:jobs.kind     100     0     2  0',
        '',
      ].join('\n'),
    );
  });

  test('works beside a running collector, and changes nothing', async () => {
    running.jobs('jobs.db', 100);
    await caughtUp(config());
    expect((await list()).readers.map(({ cursor, rowsBehind }) => [cursor, rowsBehind])).toEqual([
      [100, 0],
      [100, 0],
      [100, 0],
    ]);
    running.addJobs('jobs.db', 10);
    await shows(endpoint, { 'again_total{kind="a"}': 55 });
    expect(running.service?.failures).toEqual([]);
  });

  test('tells of what was never read, and of a source that is missing', async () => {
    running.jobs('jobs.db', 50);
    await running.load(config());
    const { written, readers } = await list();
    expect(written).toBeNull();
    expect(readers[0]).toEqual({
      pipeline: 'metrics',
      receiver: 'sqlite/jobs',
      exporter: null,
      table: 'jobs',
      cursor: null,
      openRows: 0,
      onceKeys: 0,
      rowsBehind: 50,
    });
    expect(await call({ action: 'list', json: false })).toContain('no state yet');
    await caughtUp(config());
    await stop();
    fs.rmSync(running.folder.file('jobs.db'));
    expect((await list()).readers[0]).toMatchObject({ cursor: 50, rowsBehind: null });
    expect(await call({ action: 'list', json: false })).toMatch(/jobs +50 +5 +45 {2}unknown: .*jobs\.db/);
  });

  test('says once what keeps several tables from being read', () => {
    const reader = { pipeline: 'metrics', receiver: 'sqlite', exporter: null, cursor: 1, openRows: 0, onceKeys: 0 };
    const readers = [
      { ...reader, table: 'a', rowsBehind: null, unknown: 'no such file' },
      { ...reader, table: 'b', rowsBehind: null, unknown: 'no such file' },
      { ...reader, table: 'c', rowsBehind: null, unknown: 'not configured' },
      { ...reader, table: 'd', rowsBehind: 3 },
    ];
    const told = describeCheckpoints([{ id: 'file_storage', directory: '/state', written: null, readers }]);
    expect(told.split('\n').map((line) => line.split(/ {2,}/).at(-1))).toEqual([
      ...['file_storage: /state, no state yet', 'BEHIND'],
      ...['unknown: no such file', 'unknown: likewise', 'unknown: not configured', '3'],
    ]);
  });

  test('tells of what no receiver goes on with, and of a key that is gone', async () => {
    running.jobs('jobs.db', 10);
    await caughtUp(config());
    await stop();
    await running.load(jobsConfig(endpoint, { tables: { jobs: tables.jobs } }));
    expect((await list()).readers.map(({ table, unknown }) => [table, unknown])).toEqual([
      ['jobs', undefined],
      ['again', 'not configured'],
      ['distinct:kinds:jobs.kind', 'not configured'],
    ]);
    fs.rmSync(running.folder.file('state/digest.key'));
    expect((await list()).readers[0]?.unknown).toBe('the key file is missing');
  });

  test('a snapshot has no position, and is never behind', async () => {
    running.jobs('jobs.db', 10);
    const queries = {
      total: { sql: 'SELECT count(*) n FROM jobs', metrics: [{ name: 'total', type: 'gauge', value: 'n' }] },
    };
    await caughtUp(jobsConfig(endpoint, { tables: {}, queries }));
    expect((await list()).readers).toMatchObject([{ table: 'query:total', cursor: null, rowsBehind: 0 }]);
  });

  test.skipIf(process.getuid?.() !== 0)('refuses the state of another user (needs root to test)', async () => {
    running.jobs('jobs.db', 10);
    await caughtUp(config());
    await stop();
    fs.chownSync(stateFile(running), 12_345, 12_345);
    await expect(call({ action: 'list', json: true })).rejects.toThrow(
      /belongs to user id 12345: look at it as that user/,
    );
  });
});

test('checkpoint list says that without a storage nothing is kept', () => {
  expect(describeCheckpoints([])).toBe('nothing is kept: service::extensions names no storage');
});

describe('checkpoint reset', () => {
  test('has one table counted anew with a new start time, and leaves the others alone', async () => {
    running.jobs('jobs.db', 100);
    await caughtUp(config());
    await stop();
    const before = startTimes();
    // Rows that are gone are in the totals until these are counted anew.
    const database = new Database(running.folder.file('jobs.db'));
    database.exec("DELETE FROM jobs WHERE kind = 'a'");
    database.close();
    expect(await call({ action: 'reset', receiver: 'sqlite/jobs', table: 'jobs' })).toBe(
      'reset jobs of sqlite/jobs: 2 series, 10 open rows, 90 once-keys dropped; counted anew at the next start\n',
    );
    expect((await list()).readers[0]).toMatchObject({ cursor: null, openRows: 0, onceKeys: 0, rowsBehind: 50 });
    const samples = await published(config());
    expect(samples.get('jobs_total{kind="a"}')).toBeUndefined();
    expect(samples.get('jobs_total{kind="b"}')).toBe(40);
    expect(samples.get('open{kind="b"}')).toBe(10);
    expect(samples.get('again_total{kind="a"}')).toBe(50);
    expect(samples.get('kinds_total')).toBe(2);
    const after = startTimes();
    expect(after['jobs {kind=b}']).toBeGreaterThan(before['jobs {kind=b}']!);
    expect(after['again {kind=b}']).toBe(before['again {kind=b}']);
  });

  test('takes together what shares its once-keys, in every pipeline', async () => {
    running.jobs('jobs.db', 10);
    const both = config({
      exporters: { 'prometheus/1': { endpoint }, 'prometheus/2': { endpoint: '127.0.0.1:0' } },
      service: {
        extensions: ['file_storage'],
        pipelines: {
          metrics: { receivers: ['sqlite/jobs'], exporters: ['prometheus/1'] },
          'metrics/2': { receivers: ['sqlite/jobs'], exporters: ['prometheus/2'] },
        },
      },
    });
    await caughtUp(both);
    await stop();
    expect(await call({ action: 'reset', receiver: 'sqlite/jobs', table: 'distinct:kinds' })).toBe(
      'reset distinct:kinds:jobs.kind of sqlite/jobs: 2 series, 0 open rows, 4 once-keys dropped; counted anew at the next start\n',
    );
  });

  test('is refused while a collector runs, and changes nothing', async () => {
    running.jobs('jobs.db', 10);
    await caughtUp(config());
    await expect(call({ action: 'reset', receiver: 'sqlite/jobs', table: 'jobs' })).rejects.toThrow(
      /otel-config\.yaml:\d+:\d+: extensions::file_storage::directory: another agentcol uses .*state: stop it/,
    );
    expect((await list()).readers[0]).toMatchObject({ cursor: 10 });
  });

  test.each([
    [{ receiver: 'sqlite/job', table: 'jobs' }, 'no pipeline has a receiver "sqlite/job"; did you mean "sqlite/jobs"?'],
    [
      { receiver: 'sqlite/jobs', table: 'job' },
      'sqlite/jobs has no table "job"; did you mean "jobs"? (it has: jobs, again, distinct:kinds:jobs.kind)',
    ],
    [{ receiver: 'sqlite/jobs', table: 'jobs' }, /^there is no state in .*state yet$/],
  ])('says what it does not find: %j', async (named, message) => {
    await running.load(config());
    await expect(call({ action: 'reset', ...named })).rejects.toThrow(message);
  });

  test('says that nothing is kept', async () => {
    await running.load(jobsConfig(endpoint, { tables, storage: undefined }));
    await expect(call({ action: 'reset', receiver: 'sqlite/jobs', table: 'jobs' })).rejects.toThrow(
      'sqlite/jobs keeps nothing: it names no storage',
    );
  });
});

/** "jobs {kind=a}" -> when it began, epoch milliseconds, as stored. */
function startTimes(): Record<string, number> {
  const state = new Database(stateFile(running), { readonly: true });
  const rows = state
    .prepare<[], { name: string; kind: string; ms: number }>(
      `SELECT json_extract(metrics.metric, '$[0]') AS name, json_extract(attributes, '$[0][1]') AS kind, start_time_ms AS ms
       FROM series JOIN metrics ON metrics.id = series.metric`,
    )
    .all();
  state.close();
  return Object.fromEntries(rows.map(({ name, kind, ms }) => [`${name} {kind=${kind}}`, ms]));
}

describe('checkpoint backup', () => {
  test('is one private file, made beside a running collector, that a new machine goes on from', async () => {
    running.jobs('jobs.db', 100);
    await caughtUp(config());
    const file = running.folder.file('backup.db');
    expect(await call({ action: 'backup', file, storage: undefined })).toContain(`to ${file}; it holds the keys`);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(running.folder.path).filter((name) => name.startsWith('backup'))).toEqual(['backup.db']);
    const before = (await scrape(endpoint)).samples;
    await stop();
    fs.rmSync(running.folder.file('state'), { recursive: true });
    expect(await call({ action: 'restore', file, storage: 'file_storage' })).toBe(
      `restored ${running.folder.file('state')} from ${file}\n`,
    );
    expect(fs.readdirSync(running.folder.file('state')).sort()).toEqual(['digest.key', 'lock.db', 'state.db']);
    expect(fs.statSync(stateFile(running)).mode & 0o777).toBe(0o600);
    expect(fs.statSync(running.folder.file('state/digest.key')).mode & 0o777).toBe(0o600);
    // What is counted already is known, though the source has lost it.
    const database = new Database(running.folder.file('jobs.db'));
    database.exec('DELETE FROM jobs WHERE id <= 50 AND done');
    database.close();
    expect(await published(config())).toEqual(before);
  });

  test('is of one commit, whatever is written meanwhile', async () => {
    running.jobs('jobs.db', 2_000);
    await caughtUp(config());
    for (let round = 0; round < 5; round += 1) {
      running.addJobs('jobs.db', 500);
      const file = running.folder.file(`backup-${round}.db`);
      await call({ action: 'backup', file, storage: undefined });
      const backup = new Database(file, { readonly: true });
      const cursor = backup
        .prepare("SELECT json_extract(position, '$.cursor') FROM readers WHERE reader = 'again'")
        .pluck()
        .get();
      const counted = backup
        .prepare(
          `SELECT sum(json_extract(value, '$[0]')) FROM series JOIN metrics ON metrics.id = series.metric
           WHERE json_extract(metrics.metric, '$[0]') = 'again'`,
        )
        .pluck()
        .get();
      backup.close();
      expect(counted).toBe(cursor);
    }
  });

  test('overwrites nothing, and leaves nothing half done', async () => {
    running.jobs('jobs.db', 10);
    await running.load(config());
    const file = running.folder.file('backup.db');
    const options = { action: 'backup', file, storage: undefined } as const;
    await expect(call(options)).rejects.toThrow(/^there is no state in .*state yet$/);
    await caughtUp(config());
    fs.writeFileSync(file, 'precious');
    await expect(call(options)).rejects.toThrow(`${file} is there already: name another file, or remove it`);
    expect(fs.readFileSync(file, 'utf8')).toBe('precious');
    await expect(call({ ...options, file: running.folder.file('nowhere/backup.db') })).rejects.toThrow(
      /^create .*ENOENT/,
    );
    await stop();
    fs.writeFileSync(running.folder.file('state/digest.key'), 'another key');
    const other = running.folder.file('other.db');
    await expect(call({ ...options, file: other })).rejects.toThrow(
      /the key that the state was written with is not in it/,
    );
    fs.writeFileSync(stateFile(running), 'no database at all, but long enough to look like one'.repeat(99));
    for (const suffix of ['-wal', '-shm']) fs.rmSync(stateFile(running) + suffix, { force: true });
    await expect(call({ ...options, file: other })).rejects.toThrow(/^back up .*state\.db to .*not a database/);
    expect(fs.readdirSync(running.folder.path).filter((name) => name.startsWith('other'))).toEqual([]);
  });

  test('asks which storage where there are several', async () => {
    const extensions = { 'file_storage/1': { directory: 'one' }, 'file_storage/2': { directory: 'two' } };
    const two = jobsConfig(endpoint, { storage: 'file_storage/1' }, { extensions });
    await running.load({ ...two, service: { ...two.service, extensions: Object.keys(extensions) } });
    const file = running.folder.file('backup.db');
    await expect(call({ action: 'backup', file, storage: undefined })).rejects.toThrow(
      'there are several storages: say which with --storage (file_storage/1, file_storage/2)',
    );
    await expect(call({ action: 'backup', file, storage: 'file_storage/3' })).rejects.toThrow(
      'the service starts no storage extension "file_storage/3"; did you mean "file_storage/1"?',
    );
    const none = jobsConfig(endpoint, { storage: undefined }, { extensions: {} });
    await running.load({ ...none, service: { ...none.service, extensions: [] } });
    await expect(call({ action: 'backup', file, storage: undefined })).rejects.toThrow('nothing is kept');
  });
});

describe('checkpoint restore', () => {
  async function backupOf(rows: number): Promise<string> {
    running.jobs('jobs.db', rows);
    await caughtUp(config());
    const file = running.folder.file('backup.db');
    await call({ action: 'backup', file, storage: undefined });
    await stop();
    return file;
  }

  test('keeps what was there, keys too', async () => {
    const file = await backupOf(10);
    const key = fs.readFileSync(running.folder.file('state/digest.key'));
    fs.rmSync(running.folder.file('state'), { recursive: true });
    await caughtUp(config());
    await stop();
    const printed = await call({ action: 'restore', file, storage: undefined });
    const [, state, digest] = /what was there is kept as (\S+), (\S+)\n$/.exec(printed) ?? [];
    expect(state).toMatch(/state\.db\.replaced-\d{8}T\d{6}/);
    expect(digest).toMatch(/digest\.key\.replaced-\d{8}T\d{6}/);
    expect(fs.existsSync(state!) && fs.existsSync(digest!)).toBe(true);
    expect(fs.readFileSync(running.folder.file('state/digest.key'))).toEqual(key);
    expect((await list()).readers[0]).toMatchObject({ cursor: 10, rowsBehind: 0 });
    // A key that is the same stays.
    expect(await call({ action: 'restore', file, storage: undefined })).toMatch(
      /what was there is kept as \S+state\.db\.replaced-\S+\n$/,
    );
  });

  test('is refused while a collector runs', async () => {
    const file = await backupOf(10);
    await caughtUp(config());
    await expect(call({ action: 'restore', file, storage: undefined })).rejects.toThrow(/another agentcol uses/);
  });

  test.each<[string, (file: string) => void, RegExp]>([
    ['is not there', (file) => fs.rmSync(file), /^there is no file /],
    [
      'is no database',
      (file) => fs.writeFileSync(file, 'text'.repeat(2_000)),
      /no sound backup: file is not a database/,
    ],
    [
      'is damaged',
      damage,
      /no sound backup: SQLite finds it damaged|no sound backup: database disk image is malformed/,
    ],
    ['is cut short', (file) => fs.truncateSync(file, 8_192), /no sound backup: /],
    [
      'is of a newer version',
      (file) => change(file, 'PRAGMA user_version = 99'),
      /a newer agentcol wrote it \(schema 99/,
    ],
    [
      'is a state and no backup',
      (file) => change(file, 'DROP TABLE key_files'),
      /agentcol checkpoint backup did not write it/,
    ],
    ['has lost its key', (file) => change(file, 'DELETE FROM key_files'), /the key .* is not in it/],
    ['has another key', (file) => change(file, 'UPDATE key_files SET bytes = zeroblob(32)'), /the key .* is not in it/],
    [
      'names what is no key',
      (file) => change(file, "INSERT INTO key_files VALUES ('../x', x'00')"),
      /files that are no keys/,
    ],
  ])('of a file that %s is refused, and nothing changes', async (_, spoil, message) => {
    const file = await backupOf(50);
    spoil(file);
    const before = fs.readdirSync(running.folder.file('state')).sort();
    await expect(call({ action: 'restore', file, storage: undefined })).rejects.toThrow(message);
    expect(fs.readdirSync(running.folder.file('state')).sort()).toEqual(before);
    expect((await list()).readers[0]).toMatchObject({ cursor: 50 });
  });

  function change(file: string, sql: string): void {
    const database = new Database(file);
    database.exec(sql);
    database.close();
  }

  /** Everything but the first page, which the schema is on. */
  function damage(file: string): void {
    const bytes = fs.readFileSync(file);
    bytes.fill(0xff, 4_096);
    fs.writeFileSync(file, bytes);
  }
});

test('the program: a wrong call ends with 2, a refusal with 1 and one line, an answer with 0', async () => {
  await running.load(config());
  const agentcol = (...words: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'checkpoint', ...words], {
      cwd: running.folder.path,
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };
  expect(agentcol('remove')).toEqual({
    status: 2,
    stdout: '',
    stderr:
      'agentcol: checkpoint needs list, reset, backup or restore: unknown action "remove"; agentcol checkpoint --help says how\n',
  });
  expect(agentcol('backup', 'there.db')).toEqual({
    status: 1,
    stdout: '',
    stderr: `there is no state in ${running.folder.file('state')} yet\n`,
  });
  expect(agentcol('list')).toMatchObject({ status: 0, stderr: '' });
});

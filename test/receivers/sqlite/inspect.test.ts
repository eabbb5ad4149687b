import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Remark } from '../../../src/component.ts';
import { sqliteReceiver } from '../../../receivers/sqlite/factory.ts';
import { unboundedSteps } from '../../../receivers/sqlite/query-plan.ts';
import { filledConfig, testSettings } from '../../component-suite.ts';

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-inspect-'));
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

function database(sql: string, name = 'a.db'): string {
  const file = path.join(folder, name);
  const connection = new Database(file);
  connection.exec(sql);
  connection.close();
  return file;
}

/** What is said, but of storage. */
async function inspect(config: Readonly<Record<string, unknown>>): Promise<readonly Remark[]> {
  const settings = { database: path.join(folder, 'a.db'), storage: 'file_storage', ...config };
  const receiver = await sqliteReceiver.create(filledConfig(sqliteReceiver, settings), testSettings('sqlite'));
  const remarks = (await receiver.inspect?.()) ?? [];
  await receiver.shutdown?.();
  return remarks.filter(({ path: [key] }) => key !== 'storage');
}

const count = { name: 'jobs', type: 'counter' };
const JOBS = 'CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT, kind TEXT, events TEXT);';

/** Of one table `jobs`. */
function inspectTable(table: Readonly<Record<string, unknown>>): Promise<readonly Remark[]> {
  return inspect({ tables: { jobs: { identity: ['at'], metrics: [count], ...table } } });
}

describe('how sure the counts are', () => {
  const guarantee = async (sql: string, table = {}): Promise<Remark | undefined> => {
    database(sql);
    return (await inspectTable(table)).find(({ path: [key] }) => key === 'tables');
  };

  test('with AUTOINCREMENT, each row is counted once', async () => {
    expect(await guarantee(JOBS)).toEqual({
      severity: 'note',
      path: ['tables', 'jobs'],
      message:
        'table jobs: each row is counted once, row ids never come again; a replaced or restored database is noticed',
    });
  });

  test('without identity, a replaced database may go unnoticed', async () => {
    expect((await guarantee(JOBS, { identity: [] }))?.message).toContain('may go unnoticed');
  });

  test('with a key, each key', async () => {
    const remark = await guarantee('CREATE TABLE jobs (at TEXT, kind TEXT)', { key: 'kind' });
    expect(remark).toMatchObject({
      severity: 'note',
      message: expect.stringContaining('each key is counted once') as unknown,
    });
  });

  test('without AUTOINCREMENT, ids come again', async () => {
    const remark = await guarantee('CREATE TABLE jobs (id INTEGER PRIMARY KEY, at TEXT)');
    expect(remark).toMatchObject({ severity: 'note', message: expect.stringContaining('come again') as unknown });
  });

  test.each(['CREATE TABLE jobs (at TEXT)', 'CREATE TABLE jobs (id TEXT PRIMARY KEY, at TEXT)'])(
    '%s: VACUUM may renumber it',
    async (sql) => {
      const remark = await guarantee(sql);
      expect(remark).toMatchObject({ severity: 'warning', message: expect.stringContaining('VACUUM') as unknown });
    },
  );
});

describe('what is missing', () => {
  test('a database that is not there yet is a note', async () => {
    expect(await inspectTable({})).toEqual([
      { severity: 'note', path: ['database'], message: expect.stringContaining('no such file yet') as unknown },
    ]);
  });

  test('a glob without files is a note', async () => {
    const remarks = await inspect({ database: path.join(folder, '*.db'), tables: { jobs: { metrics: [count] } } });
    expect(remarks).toMatchObject([
      { severity: 'note', message: expect.stringContaining('no such files yet') as unknown },
    ]);
  });

  test('a table is an error, unless it is optional', async () => {
    database('CREATE TABLE other (id INTEGER PRIMARY KEY)');
    expect(await inspectTable({})).toMatchObject([{ severity: 'error', path: ['tables', 'jobs'] }]);
    expect(await inspectTable({ optional: true })).toMatchObject([{ severity: 'note', path: ['tables', 'jobs'] }]);
  });

  test('a file that is no database is an error', async () => {
    fs.writeFileSync(path.join(folder, 'a.db'), 'no database at all, whatever its name says'.repeat(100));
    expect(await inspectTable({})).toMatchObject([
      {
        severity: 'error',
        path: ['database'],
        message: expect.stringContaining('is not an SQLite database') as unknown,
      },
    ]);
  });

  test('a view cannot be tailed', async () => {
    database('CREATE VIEW jobs AS SELECT 1 AS at');
    expect(await inspectTable({})).toMatchObject([
      { severity: 'error', message: expect.stringContaining('is a view') as unknown },
    ]);
    const distinct = { kinds: { of: ['jobs.at'] } };
    expect(await inspect({ distinct })).toMatchObject([{ severity: 'error', path: ['distinct', 'kinds'] }]);
  });

  test('every column that is missing is told at the expression that names it', async () => {
    database(JOBS);
    const remarks = await inspectTable({
      identity: ['at', 'a0'],
      key: 'a1',
      where: 'a2 = 1',
      started_at: 'a3',
      complete_when: 'a4 IS NULL',
      optional_columns: ['absent'],
      columns: { fine: 'coalesce(absent, kind)', wrong: 'a5', uses_wrong: 'wrong + 1' },
      attributes: { ok: 'fine', bad: 'a6', also: 'uses_wrong' },
      metrics: [{ ...count, value: 'a7', when: 'a8', set: { x: 'a9' } }],
    });
    expect(remarks.map(({ severity, path: at, message }) => [severity, at.join('::'), message])).toEqual([
      ['error', 'tables::jobs::identity::1', 'table jobs: no such column: a0'],
      ['error', 'tables::jobs::columns::wrong', 'table jobs: no such column: a5'],
      ['error', 'tables::jobs::key', 'table jobs: no such column: a1'],
      ['error', 'tables::jobs::where', 'table jobs: no such column: a2'],
      ['error', 'tables::jobs::started_at', 'table jobs: no such column: a3'],
      ['error', 'tables::jobs::complete_when', 'table jobs: no such column: a4'],
      ['error', 'tables::jobs::attributes::bad', 'table jobs: no such column: a6'],
      ['error', 'tables::jobs::metrics::0::value', 'table jobs: no such column: a7'],
      ['error', 'tables::jobs::metrics::0::when', 'table jobs: no such column: a8'],
      ['error', 'tables::jobs::metrics::0::set::x', 'table jobs: no such column: a9'],
    ]);
  });

  test('an array column and what is made of its elements', async () => {
    database(JOBS);
    const metrics = [{ ...count, value: "json_extract(each, '$.n')" }];
    expect(await inspectTable({ each: 'events', metrics })).toMatchObject([{ severity: 'note' }]);
    expect(await inspectTable({ each: 'gone', metrics })).toMatchObject([
      { severity: 'error', path: ['tables', 'jobs', 'each'] },
    ]);
  });

  test('a column of distinct, and of a query', async () => {
    database(JOBS);
    const metrics = [{ name: 'q', type: 'gauge', value: 'n' }];
    expect(
      await inspect({
        distinct: { kinds: { of: ['jobs.kind', 'jobs.gone', 'later.kind'] } },
        queries: { q: { sql: 'SELECT gone AS n FROM jobs', metrics } },
      }),
    ).toEqual([
      { severity: 'error', path: ['distinct', 'kinds', 'of'], message: 'table jobs: no such column: gone' },
      { severity: 'note', path: ['distinct', 'kinds'], message: 'there is no table later yet; it counts as empty' },
      { severity: 'error', path: ['queries', 'q', 'sql'], message: 'no such column: gone' },
    ]);
  });
});

describe('what grows with the table', () => {
  test('an index on a column of where does not take the place of the row ids', async () => {
    database(`${JOBS} CREATE INDEX kinds ON jobs (kind, at)`);
    expect(await inspectTable({ where: "kind = 'a'", complete_when: "kind = 'b'" })).toMatchObject([
      { severity: 'note' },
    ]);
  });

  test.each([
    'SELECT count(*) AS n FROM jobs',
    'SELECT count(*) AS n FROM jobs GROUP BY kind',
    'SELECT max(at) AS n FROM jobs WHERE kind IS NULL',
    "SELECT id AS n FROM jobs WHERE kind = 'rare'",
    'WITH newest AS (SELECT * FROM jobs ORDER BY at DESC LIMIT 5) SELECT id AS n FROM newest',
    'SELECT j.id AS n FROM jobs j JOIN jobs k ON j.at = k.at',
  ])('%s: warned of', async (sql) => {
    database(JOBS);
    const remarks = await inspect({ queries: { q: { sql, metrics: [{ name: 'q', type: 'gauge', value: 'n' }] } } });
    expect(remarks.length).toBeGreaterThan(0);
    for (const remark of remarks) {
      expect(remark).toMatchObject({ severity: 'warning', path: ['queries', 'q', 'sql'] });
      expect(remark.message).toMatch(/reads a whole table each time it runs \(SCAN (jobs|j|k)\b/);
    }
  });

  test.each([
    'SELECT page_count AS n FROM pragma_page_count',
    'SELECT max(id) AS n FROM jobs',
    'SELECT id AS n FROM jobs',
    'SELECT id AS n FROM jobs WHERE id = 5',
    "SELECT id AS n FROM jobs WHERE kind = 'a'",
    'SELECT count(*) AS n FROM (SELECT * FROM jobs ORDER BY id DESC LIMIT 5000) WHERE at IS NULL GROUP BY kind',
    'WITH newest AS (SELECT * FROM jobs ORDER BY id DESC LIMIT 50) SELECT count(*) AS n FROM newest',
    'SELECT 1 AS n',
  ])('%s: fine', async (sql) => {
    database(`${JOBS} CREATE INDEX kinds ON jobs (kind)`);
    expect(await inspect({ queries: { q: { sql, metrics: [{ name: 'q', type: 'gauge', value: 'n' }] } } })).toEqual([]);
  });
});

describe('of a preset', () => {
  const ORIGIN = `
    CREATE TABLE agent_invocations (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp, session_id TEXT, event_type TEXT,
      phase TEXT, agent_name TEXT, start_time, end_time, duration_seconds REAL, status TEXT, raw_output JSON);
    CREATE TABLE sessions (session_id TEXT PRIMARY KEY, start_time, end_time, status TEXT);`;

  test('all is well, and nothing grows', async () => {
    database(ORIGIN);
    const remarks = await inspect({ preset: ['agent_workflow', 'agent_workflow_sessions'] });
    expect(remarks.filter(({ severity }) => severity !== 'note')).toEqual([]);
    expect(remarks.map(({ path: at }) => at)).toEqual(remarks.map(() => ['preset']));
  });

  test('what is wrong has its place there', async () => {
    database(ORIGIN.replace('agent_name TEXT', 'agent TEXT'));
    const messages = (await inspect({ preset: 'agent_workflow' }))
      .filter(({ severity }) => severity === 'error')
      .map(({ message }) => message);
    expect(messages).toContainEqual(
      expect.stringMatching(
        /^presets\/agent_workflow\.yaml:\d+:\d+: tables::invocations::where: table agent_invocations: no such column: agent_name$/,
      ),
    );
    const [, line] = /yaml:(\d+):/.exec(messages.find((message) => message.includes('::where'))!)!;
    const preset = fs.readFileSync('receivers/sqlite/presets/agent_workflow.yaml', 'utf8').split('\n');
    expect(preset[Number(line) - 1]).toMatch(/^ {4}where: /);
  });

  test('an entry of the same id is the user’s', async () => {
    database(`${ORIGIN} ${JOBS}`);
    const remarks = await inspect({
      preset: 'agent_workflow',
      tables: { invocations: { from: 'jobs', metrics: [{ ...count, value: 'gone' }] } },
    });
    expect(remarks).toContainEqual({
      severity: 'error',
      path: ['tables', 'invocations', 'metrics', 0, 'value'],
      message: 'table jobs: no such column: gone',
    });
  });
});

test('of several databases, each is named', async () => {
  database(JOBS, 'a.db');
  database('CREATE TABLE other (x)', 'b.db');
  const remarks = await inspect({
    database: path.join(folder, '?.db'),
    tables: { jobs: { identity: ['at'], metrics: [count] } },
  });
  expect(remarks.map(({ severity, message }) => [severity, message.slice(0, 11)])).toEqual([
    ['note', 'a.db: table'],
    ['error', 'b.db: there'],
  ]);
});

test('a database that stays locked is a warning', async () => {
  const file = database(JOBS);
  const writer = new Database(file);
  writer.exec('BEGIN EXCLUSIVE');
  expect(await inspectTable({})).toEqual([
    { severity: 'warning', path: ['database'], message: `${file} is locked by a writer: not looked into` },
  ]);
  writer.close();
});

test('a database that is locked for a moment is looked into', async () => {
  const writer = new Database(database(JOBS));
  writer.exec('BEGIN EXCLUSIVE');
  const remarks = inspectTable({});
  writer.close();
  expect(await remarks).toMatchObject([{ severity: 'note', path: ['tables', 'jobs'] }]);
});

test('says whether totals are kept', async () => {
  for (const [storage, words] of [
    ['file_storage', 'kept by file_storage'],
    [undefined, 'without storage'],
  ] as const) {
    const config = filledConfig(sqliteReceiver, {
      database: '/nowhere/a.db',
      tables: { jobs: { metrics: [count] } },
      ...(storage === undefined ? {} : { storage }),
    });
    const receiver = await sqliteReceiver.create(config, testSettings('sqlite'));
    expect(await receiver.inspect?.()).toContainEqual({
      severity: 'note',
      path: ['storage'],
      message: expect.stringContaining(words) as unknown,
    });
  }
});

test('changes nothing: no file is written, and the receiver starts afterwards as ever', async () => {
  database(JOBS);
  const before = fs.readdirSync(folder);
  await inspectTable({});
  expect(fs.readdirSync(folder)).toEqual(before);
});

test('a statement that does not go by row ids is told by SQLite’s own words', () => {
  const connection = new Database(':memory:');
  connection.exec(`${JOBS} CREATE INDEX kinds ON jobs (kind, at)`);
  const steps = (sql: string) => unboundedSteps(connection, connection.prepare(sql));
  expect(steps("SELECT id FROM jobs WHERE id > :after AND kind = 'a'")).toEqual([
    'SEARCH jobs USING COVERING INDEX kinds (kind=?)',
  ]);
  expect(steps('SELECT id FROM jobs WHERE at > :after')).toEqual(['SCAN jobs USING COVERING INDEX kinds']);
  expect(steps('SELECT events FROM jobs WHERE id IN (SELECT value FROM json_each(:ids))')).toEqual([]);
  expect(steps('SELECT max(id) FROM jobs')).toEqual([]);
});

import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Page, Reader, ReaderState } from '../../../src/component.ts';
import type { LogRecord, Signal, Span } from '../../../src/pipeline/signals.ts';
import { createDigest } from '../../../src/state/digest.ts';
import { sqliteReceiver } from '../../../receivers/sqlite/factory.ts';
import { filledConfig, testSettings } from '../../component-suite.ts';
import { Folder } from '../../pipeline/running.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 12);

let folder: Folder;
let database: Database.Database;

beforeEach(() => {
  folder = new Folder();
  database = new Database(folder.file('a.db'));
  database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a, b, c, parts TEXT)');
});

afterEach(() => {
  database.close();
  folder[Symbol.dispose]();
});

function insert(...rows: readonly (readonly (string | number | null)[])[]): void {
  const statement = database.prepare('INSERT INTO t (a, b, c, parts) VALUES (?, ?, ?, ?)');
  for (const [a = null, b = null, c = null, parts = null] of rows) statement.run(a, b, c, parts);
}

/** The first page of the table's only reader. */
async function read(signal: Signal, table: object, secret = 1): Promise<Page> {
  const settings = { database: folder.file('a.db'), timezone: 'UTC', tables: { t: table } };
  const receiver = await sqliteReceiver.create(filledConfig(sqliteReceiver, settings), {
    ...testSettings('sqlite'),
    now: () => NOW_MS,
    signal,
  });
  try {
    receiver.poll();
    const page = (receiver.readers[0] as Reader).read(stateOf(secret));
    if (page === undefined) throw new Error('there is no page');
    return page;
  } finally {
    await receiver.shutdown?.();
  }
}

function stateOf(secret: number): ReaderState {
  return {
    position: undefined,
    open: new Map(),
    openByKey: () => undefined,
    absent: new Map(),
    absentByKey: () => undefined,
    seen: () => false,
    digest: createDigest(Buffer.alloc(32, secret)),
  };
}

async function spans(
  more: object,
  table: object = {},
  secret?: number,
): Promise<{ spans: readonly Span[]; page: Page }> {
  const span = { name: "'s'", trace: "'t'", id: 'id', start: '1000', ...more };
  const page = await read('traces', { spans: [span], ...table }, secret);
  if (page.batch.signal !== 'traces') throw new Error(`a batch of ${page.batch.signal}`);
  return { spans: page.batch.spans, page };
}

async function records(more: object, table: object = {}): Promise<{ records: readonly LogRecord[]; page: Page }> {
  const page = await read('logs', { logs: [{ event_name: "'e'", time: '1000', ...more }], ...table });
  if (page.batch.signal !== 'logs') throw new Error(`a batch of ${page.batch.signal}`);
  return { records: page.batch.records, page };
}

describe('ids', () => {
  test('are the same for the same row, other ones under another key', async () => {
    insert([], []);
    const [once, again, other] = [await spans({}), await spans({}), await spans({}, {}, 2)];
    expect(again.spans).toEqual(once.spans);
    expect(other.spans.map(({ traceId }) => traceId)).not.toEqual(once.spans.map(({ traceId }) => traceId));
    expect(new Set([...once.spans, ...other.spans].map(({ spanId }) => spanId)).size).toBe(4);
  });

  test('are found by what is said of the parent, within the trace alone', async () => {
    insert(['x', 'one', null], ['x', 'two', 'one'], ['y', 'one', null]);
    const { spans: found } = await spans({ trace: 'a', id: 'b', parent: 'c' });
    const [root, child, elsewhere] = found;
    expect(root).not.toHaveProperty('parentSpanId');
    expect(child).toMatchObject({ parentSpanId: root?.spanId, traceId: root?.traceId });
    expect(elsewhere?.spanId).not.toBe(root?.spanId);
  });

  test('a row without a trace is no span, and nothing is missing', async () => {
    insert([null], ['x']);
    const { spans: found, page } = await spans({ trace: 'a' });
    expect(found).toHaveLength(1);
    expect(page.skipped).toBeUndefined();
  });
});

describe('times', () => {
  test.each([
    [1_763_812_800.25, 1_763_812_800_250],
    ['2025-11-22T12:00:00.123456', 1_763_812_800_123.456],
    ['2025-11-22 12:00:00Z', 1_763_812_800_000],
    [1_763_812_800_000, 1_763_812_800_000],
  ])('%j is read as any time is', async (written, ms) => {
    insert([written]);
    const { spans: found } = await spans({ start: 'a' });
    expect(found[0]?.startTimeMs).toBeCloseTo(ms, 2);
  });

  test('without a start there is no span, without a time no record, and both are counted', async () => {
    insert([null], ['soon'], [5]);
    const { spans: found, page } = await spans({ start: 'a' });
    expect(found).toHaveLength(1);
    expect(page.skipped).toEqual({ no_start_time: 2 });
    const logs = await records({ time: 'a' });
    expect(logs.records).toHaveLength(1);
    expect(logs.page.skipped).toEqual({ no_time: 2 });
  });

  test('an end that is missing, or before the start, is the start', async () => {
    insert([10, null], [10, 4], [10, 12]);
    const { spans: found, page } = await spans({ start: 'a', end: 'b' });
    expect(found.map(({ startTimeMs, endTimeMs }) => endTimeMs - startTimeMs)).toEqual([0, 0, 2000]);
    expect(page.skipped).toEqual({ negative: 1 });
  });
});

test('kinds, states and severities are words, and others are the usual ones, counted', async () => {
  insert(['client', 'error', 'warn'], ['sideways', 'fine', 'loud'], [null, null, 21]);
  const { spans: found, page } = await spans({ kind: 'a', status: 'b' });
  expect(found.map(({ kind, status }) => [kind, status])).toEqual([
    ['client', 'error'],
    ['internal', 'unset'],
    ['internal', 'unset'],
  ]);
  expect(page.skipped).toEqual({ unknown_kind: 1 });
  const logs = await records({ severity: 'c' });
  expect(logs.records.map(({ severityNumber }) => severityNumber)).toEqual([13, 9, 21]);
  expect(logs.page.skipped).toEqual({ unknown_severity: 1 });
});

test('attributes are those of the table, as far as the entry takes them, and its own; NULL is absent', async () => {
  insert(['x', null, 7]);
  const { spans: found } = await spans(
    { attributes: ['a', 'b'], set: { d: 'c * 2' } },
    { attributes: { a: 'a', b: 'b', c: 'c' } },
  );
  expect(found[0]?.attributes).toEqual({ a: 'x', d: 14 });
});

test('texts are cut as attributes are', async () => {
  insert(['x'.repeat(5000)]);
  const { records: found, page } = await records({ body: 'a' });
  expect(found[0]?.body).toHaveLength(1024);
  expect(page.skipped).toEqual({ attribute_cut: 1 });
  expect((await spans({ name: 'a' })).spans[0]?.name).toHaveLength(1024);
  expect((await records({ event_name: 'a' })).records[0]?.eventName).toHaveLength(1024);
});

test('what `when` does not hold for, is left out', async () => {
  insert([1], [0], [null], ['no']);
  expect((await spans({ when: 'a' })).spans).toHaveLength(1);
});

test('each element of an array is a record, once the row is complete', async () => {
  insert([1, null, null, '[{"n": "x"}, {"n": "y"}]'], [null, null, null, '[{"n": "open"}]']);
  const { records: found, page } = await records(
    { event_name: "json_extract(each, '$.n')" },
    { each: 'parts', complete_when: 'a IS NOT NULL', identity: ['parts'] },
  );
  expect(found.map(({ eventName }) => eventName)).toEqual(['x', 'y']);
  expect(page.opened).toHaveLength(1);
});

test('rows of which nothing is settled yet are told when they are first read, where that is asked for', async () => {
  insert([null]);
  const open = { complete_when: 'a IS NOT NULL' };
  expect((await records({ of: 'all' }, open)).records).toHaveLength(1);
  expect((await records({ of: 'complete' }, open)).records).toHaveLength(0);
});

describe('a mapping is checked', () => {
  async function problems(table: object): Promise<readonly string[]> {
    const config = filledConfig(sqliteReceiver, { database: 'a.db', tables: { t: table } });
    return ((await sqliteReceiver.check?.(config)) ?? []).map(({ path, message }) => `${path.join('::')}: ${message}`);
  }
  const span = { name: "'s'", trace: 'a', id: 'id', start: 'b' };

  test('in every expression of spans and logs', async () => {
    expect(await problems({ spans: [{ ...span, parent: 'max(SELECT)', set: { x: ':nobody' } }] })).toEqual([
      expect.stringMatching(/^tables::t::spans::0::parent: SQL expression "max\(SELECT\)" /),
      expect.stringContaining('tables::t::spans::0::set::x: SQL expression ":nobody" mentions :nobody'),
    ]);
    expect(await problems({ logs: [{ event_name: "'e'", time: '' }] })).toEqual([
      'tables::t::logs::0::time: SQL expression "" is empty',
    ]);
  });

  test('for attributes that the table does not have', async () => {
    expect(await problems({ attributes: { a: 'a' }, spans: [{ ...span, attributes: ['b'] }] })).toEqual([
      'tables::t::spans::0::attributes::0: attribute "b" is not one of the table\'s (a)',
    ]);
  });

  test('for a table that nothing is made of', async () => {
    expect(await problems({})).toEqual(['tables::t: nothing is made of its rows: it has no metrics:, spans: or logs:']);
  });
});

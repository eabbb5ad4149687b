import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { OpenRow, Page } from '../../src/component.ts';
import { resetReaders } from '../../src/state/checkpoint-reset.ts';
import { ReaderRecord } from '../../src/state/reader-record.ts';
import { State } from '../../src/state/state.ts';
import { recorder } from '../pipeline/ledger.ts';
import { Folder, storageIn } from '../pipeline/running.ts';

let folder: Folder;
let state: State;
let record: ReaderRecord;

beforeEach(() => {
  folder = new Folder();
  open();
});

afterEach(() => {
  state.close();
  folder[Symbol.dispose]();
});

function open(): void {
  state = new State({ storage: storageIn(folder.path), logger: recorder(), now: () => 0 });
  const nothing = (): void => undefined;
  record = new ReaderRecord(state, { pipeline: 'p', receiver: 'r', sink: 'metrics', reader: 'rows', keyScope: 'rows' });
  state.join({
    load: () => {
      record.load();
    },
    write: () => {
      record.write();
    },
    committed: nothing,
    announce: nothing,
    resume: nothing,
  });
}

function apply(page: Partial<Page>): void {
  record.apply({
    batch: { signal: 'metrics', metrics: [] },
    position: { cursor: 1 },
    opened: [],
    closed: [],
    keys: [],
    rows: 0,
    remaining: 0,
    caughtUp: true,
    ...page,
  });
  state.changed();
  state.commit();
}

function reopen(): void {
  state.close();
  open();
}

const row = (rowId: number, key?: string, rest: Partial<OpenRow> = {}): OpenRow => ({
  rowId,
  identity: `identity ${rowId}`,
  firstSeenMs: 7,
  ...(key !== undefined && { key }),
  ...rest,
});

test('keeps all of an open row but what it contributes and when it expires', () => {
  const whole = row(9, 'k', { bases: { cost: 1.5 } });
  apply({ opened: [{ ...whole, contributions: [], expiresAtMs: 99 }, row(2)] });
  reopen();
  expect([...record.open.values()]).toEqual([row(2), whole]);
  expect(record.position).toEqual({ cursor: 1 });
});

test('finds the open row that holds a key', () => {
  apply({ opened: [row(1, 'k'), row(2)] });
  expect(record.openByKey('k')?.rowId).toBe(1);
  expect(record.openByKey('other')).toBeUndefined();
});

test('a key follows its row to another row id', () => {
  apply({ opened: [row(1, 'k')] });
  apply({ closed: [1], opened: [row(5, 'k')] });
  expect(record.openByKey('k')?.rowId).toBe(5);
  reopen();
  expect(record.openByKey('k')?.rowId).toBe(5);
  expect([...record.open.keys()]).toEqual([5]);
});

test('closing the row that lost its key to another leaves the key with the other', () => {
  apply({ opened: [row(1, 'k'), row(5, 'k')] });
  apply({ closed: [1, 404] });
  expect(record.openByKey('k')?.rowId).toBe(5);
});

test('a row whose key changes gives up the old one', () => {
  apply({ opened: [row(1, 'old')] });
  apply({ opened: [row(1, 'new')] });
  expect(record.openByKey('old')).toBeUndefined();
  expect(record.openByKey('new')?.rowId).toBe(1);
});

test('writes an open row only when what is kept of it has changed', () => {
  const written: number[] = [];
  const run = state.sql.saveOpenRow.run.bind(state.sql.saveOpenRow);
  state.sql.saveOpenRow.run = (...parameters: Parameters<typeof run>) => {
    written.push(parameters[1]);
    return run(...parameters);
  };
  apply({ opened: [row(1), row(2, undefined, { bases: { cost: 1 } })] });
  apply({
    opened: [row(1, undefined, { contributions: [], expiresAtMs: 5 }), row(2, undefined, { bases: { cost: 1 } })],
  });
  expect(written).toEqual([1, 2]);
  apply({ opened: [row(2, undefined, { bases: { cost: 2 } })] });
  expect(written).toEqual([1, 2, 2]);
});

test('a row opened and closed between two commits is never written', () => {
  record.apply({
    batch: { signal: 'metrics', metrics: [] },
    position: {},
    opened: [row(1)],
    closed: [],
    keys: [],
    rows: 1,
    remaining: 0,
    caughtUp: false,
  });
  apply({ closed: [1] });
  reopen();
  expect(record.open.size).toBe(0);
});

test('knows a once-key from the page that took it, and after a restart', () => {
  expect(record.seen('k')).toBe(false);
  apply({ keys: ['k', 'k'] });
  expect(record.seen('k')).toBe(true);
  reopen();
  expect(record.seen('k')).toBe(true);
  expect(record.seen('k')).toBe(true);
  expect(record.seen('other')).toBe(false);
});

test('knows more once-keys than it remembers', () => {
  const keys = Array.from({ length: 20_000 }, (_, index) => `key ${index}`);
  apply({ keys });
  expect(keys.every((key) => record.seen(key))).toBe(true);
});

test('remembers that it had caught up once', () => {
  expect(record.everCaughtUp).toBe(false);
  record.markCaughtUp();
  record.markCaughtUp();
  apply({});
  reopen();
  expect(record.everCaughtUp).toBe(true);
  expect(record.isNew).toBe(false);
});

test('a large state is checkpointed, and all there afterwards', async () => {
  const wal = (): number => {
    const { log, checkpointed } = state.sql.findReader.database.prepare('PRAGMA wal_checkpoint(NOOP)').get() as {
      log: number;
      checkpointed: number;
    };
    return log - checkpointed;
  };
  const keys = Array.from({ length: 100_000 }, (_, index) => `a key that is somewhat long ${index}`);
  apply({ keys });
  expect(wal()).toBeGreaterThan(1_000);
  await vi.waitFor(
    () => {
      apply({});
      expect(wal()).toBeLessThan(100);
    },
    { interval: 5 },
  );
  reopen();
  expect(record.seen(keys.at(-1)!)).toBe(true);
});

test('remembers absent rows, several under one row id, until they are recalled', () => {
  const [first, other, keyed]: OpenRow[] = [
    row(1, undefined, { absent: true, bases: { cost: 2 } }),
    row(1, undefined, { absent: true, identity: 'another' }),
    row(2, 'k', { absent: true }),
  ];
  apply({ closed: [1], absent: [first!, other!, keyed!] });
  for (const again of [false, true]) {
    if (again) reopen();
    expect([...record.absent.values()].map((rows) => new Set(rows))).toEqual([
      new Set([first, other]),
      new Set([keyed]),
    ]);
    expect(record.absentByKey('k')).toEqual(keyed);
  }
  apply({ recalled: [first!, keyed!] });
  for (const again of [false, true]) {
    if (again) reopen();
    expect([...record.absent.values()]).toEqual([[other]]);
    expect(record.absentByKey('k')).toBeUndefined();
  }
});

test('a reset forgets absent rows', () => {
  apply({ absent: [row(1, 'k', { absent: true })] });
  record.reset();
  state.changed();
  state.commit();
  expect(record.absent.size).toBe(0);
  reopen();
  expect(record.absent.size).toBe(0);
});

test('a state from before absent rows were kept is gone on with, and can be reset', () => {
  apply({ opened: [row(1)] });
  state.close();
  const older = (): Database.Database => {
    const db = new Database(folder.file('state.db'));
    db.exec('DROP TABLE absent_rows');
    return db;
  };
  older().close();
  open();
  expect([...record.open.keys()]).toEqual([1]);
  apply({ absent: [row(2, 'k', { absent: true })] });
  reopen();
  expect(record.absentByKey('k')?.rowId).toBe(2);
  state.close();
  const db = older();
  const dropped = resetReaders(
    db,
    [{ pipeline: 'p', receiver: 'r', sink: 'metrics', reader: 'rows', keyScope: 'rows' }],
    0,
  );
  expect(dropped.openRows).toBe(1);
  db.close();
  open();
});

test('shares that are put together keep the running totals of absent rows of both', () => {
  apply({
    absent: [row(1, 'k', { absent: true, bases: { a: 1 } }), row(2, undefined, { absent: true, bases: { a: 2 } })],
  });
  const other = record.id + 1;
  state.sql.saveAbsentRow.run(other, 1, 'identity 1', 'k', 7, '{"b":5}');
  state.sql.saveAbsentRow.run(other, 3, 'identity 3', '', 7, '{"b":6}');
  state.sql.joinAbsentRows.run({ to: record.id, from: other });
  reopen();
  expect(record.absentByKey('k')?.bases).toEqual({ a: 1, b: 5 });
  expect([...record.absent.values()].flat().map(({ bases }) => bases)).toEqual([{ a: 1, b: 5 }, { a: 2 }]);
});

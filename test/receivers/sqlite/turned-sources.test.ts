import { describe, expect, it } from 'vitest';
import { checkTurns, type Setting, TurnedSource } from './turned-sources.ts';

const AUTOINCREMENT = { key: false, id: 'INTEGER PRIMARY KEY AUTOINCREMENT', journal: 'wal' } as const;
const PLAIN = { key: false, id: 'INTEGER PRIMARY KEY', journal: 'delete' } as const;
/** VACUUM renumbers its rows. */
const NO_ID = { key: false, id: 'TEXT', journal: 'delete' } as const;
const KEYED = { key: true, id: 'TEXT', journal: 'wal' } as const;

/** Of every four jobs, the last is open; later ones are numbered on. */
const insert = (size: number) => ({ backup: false, turns: [{ do: 'insert', size }] }) as const;
const swap = (pick: number) => ({ backup: false, turns: [{ do: 'swap', pick }] }) as const;
const restore = (pick: number) => ({ backup: false, turns: [{ do: 'restore', pick }] }) as const;
const KEEP_COPY = { backup: true, turns: [] } as const;
const RESTART = { backup: false, turns: [{ do: 'restart' }] } as const;

function completeAll(source: TurnedSource): void {
  source.exec('UPDATE jobs SET done = 1');
  source.look();
}

const settings: readonly Setting[] = [AUTOINCREMENT, PLAIN, NO_ID, KEYED];

describe.each(settings)('a table ($id, key: $key, $journal)', (setting) => {
  it('whose file makes way for an empty one and comes back is not counted again, and open rows are followed', async () => {
    await using source = await TurnedSource.begin(setting);
    await source.tell(insert(400));
    await source.tell(swap(0));
    expect(source.counted.open).toBe(0);
    await source.tell(insert(9));
    await source.tell(swap(1));
    expect(source.counted).toEqual(source.right);
    expect(source.counted).toMatchObject({ seen: 409, open: 100 });
    completeAll(source);
    expect(source.counted).toEqual(source.right);
    expect(source.doubt).toBe(0);
  });

  it('that is an older backup for a while is not counted again, after a restart neither', async () => {
    await using source = await TurnedSource.begin(setting);
    await source.tell(insert(900));
    await source.tell(KEEP_COPY);
    await source.tell(insert(100));
    await source.tell(KEEP_COPY);
    await source.tell(restore(0));
    await source.tell(RESTART);
    await source.tell(restore(1));
    expect(source.counted).toEqual(source.right);
    await source.tell(restore(0));
    await source.tell(insert(30));
    await source.tell(restore(1));
    completeAll(source);
    expect(source.counted).toEqual(source.right);
    expect(source.doubt).toBe(0);
  });

  it('from which open rows are deleted, and come back with a backup, goes on with them', async () => {
    await using source = await TurnedSource.begin(setting);
    await source.tell(insert(50));
    await source.tell(KEEP_COPY);
    source.exec("DELETE FROM jobs WHERE name = 'job 4'");
    source.look();
    expect(source.counted.open).toBe(11);
    await source.tell(RESTART);
    await source.tell(restore(0));
    expect(source.counted.open).toBe(12);
    expect(source.changes('open_row_back')).toBe(1);
    source.exec('UPDATE jobs SET cost = cost + 2 WHERE done = 0');
    completeAll(source);
    expect(source.counted).toEqual({ settled: 50, seen: 50, open: 0, cost: 50 + 12 * 2 });
  });
});

describe('what is told', () => {
  it('of a file that is an older backup for a while', async () => {
    await using source = await TurnedSource.begin(PLAIN);
    await source.tell(insert(900));
    await source.tell(KEEP_COPY);
    await source.tell(insert(100));
    await source.tell(KEEP_COPY);
    await source.tell(restore(0));
    await source.tell(restore(1));
    expect(source.warnings).toEqual([
      'table jobs: the rows above row id 900 are gone: an older copy, or made anew; reading on from row id 900 (older_copy)',
      'table jobs: rows that were read before are back, up to row id 1000; reading on from row id 1000 (rows_returned)',
    ]);
  });

  it('of rows that are deleted at the end', async () => {
    await using source = await TurnedSource.begin(PLAIN);
    await source.tell(insert(50));
    await source.tell({ backup: false, turns: [{ do: 'cut', size: 10 }] });
    expect(source.warnings).toEqual([
      'table jobs: the newest rows are gone: deleted, so that their ids will be used again, or it is an older copy; reading on from row id 40 (rows_deleted)',
    ]);
  });

  it('of a VACUUM that renumbers: its cause, and how many rows may be counted twice, each time', async () => {
    await using source = await TurnedSource.begin(NO_ID);
    await source.tell(insert(1000));
    source.exec('DELETE FROM jobs WHERE rowid <= 500; VACUUM');
    source.look();
    expect(source.doubt).toBe(500);
    expect(source.counted.seen).toBe(1500);
    source.exec('DELETE FROM jobs WHERE rowid = 400; VACUUM');
    source.look();
    // 399 is the highest row that is where it was; a slow machine reads shorter pages, and remembers other rows of them.
    const again = source.doubt - 500;
    expect(again).toBeGreaterThanOrEqual(100);
    expect(again).toBeLessThanOrEqual(499);
    expect(source.counted.seen).toBeGreaterThanOrEqual(1500 + 100);
    expect(source.counted.seen).toBeLessThanOrEqual(1500 + again);
    expect(source.warnings).toMatchObject([
      'table jobs: none of the rows read before is where it was: the file or the table is another one, or VACUUM has renumbered the rows, as it does without INTEGER PRIMARY KEY; totals go on; reading on from row id 0; up to 500 rows may be counted a second time (a key would prevent it) (new_source)',
      expect.stringMatching(
        /^table jobs: the rows read before are known to be there up to row id \d+ only: an older copy, or others; .*; up to \d+ rows may be counted a second time \(a key would prevent it\) \(older_copy\)$/,
      ),
    ]);
  });

  it('of an older copy far below the newest rows: those that are there are known, but for a few', async () => {
    await using source = await TurnedSource.begin(PLAIN);
    await source.tell(insert(3000));
    await source.tell(KEEP_COPY);
    await source.tell(insert(2000));
    await source.tell(restore(0));
    expect(source.doubt).toBeLessThan(2000 * 0.08);
    expect(source.counted.seen).toBeGreaterThanOrEqual(5000);
    expect(source.counted.seen).toBeLessThanOrEqual(5000 + source.doubt);
  });
});

it('an open row that is read again in doubt is counted once', async () => {
  await using source = await TurnedSource.begin(PLAIN);
  await source.tell(insert(2000));
  source.exec('DELETE FROM jobs WHERE id > 1100; UPDATE jobs SET done = 1');
  await source.tell(insert(1));
  const rereadFrom = 1101 - source.doubt;
  const settledBefore = Array.from({ length: 1100 }, (_, index) => index + 1).filter(
    (number) => number > rereadFrom && number % 4 !== 0,
  );
  expect(settledBefore.length).toBeGreaterThan(0);
  expect(source.counted.settled).toBe(source.right.settled + settledBefore.length);
  expect(source.counted.seen).toBe(source.right.seen + settledBefore.length);
});

describe('a file that is cut, renumbered and exchanged for others, in any order', () => {
  it('with a key is counted exactly', async () => {
    await checkTurns(5, { key: true });
  });

  it('without a key misses nothing, and says how many rows it may have counted twice', async () => {
    await checkTurns(5, { key: false });
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ledger, LedgerReader, published, recounted, type Row } from '../pipeline/ledger.ts';
import { Folder, Running, Stepped } from '../pipeline/running.ts';

const rows = (count: number): Ledger => {
  const ledger = new Ledger();
  for (let index = 0; index < count; index += 1)
    ledger.add({ agent: `a${index % 2}`, session: `s${index % 3}`, seconds: index });
  return ledger;
};

test('what was applied and not committed is read again after a kill, and counted once', () => {
  using folder = new Folder();
  const ledger = rows(5);
  ledger.pageSize = 2;
  const first = new Stepped(folder.path, new LedgerReader(ledger));
  first.turn();
  first.state.commit();
  first.turn();
  using killed = folder.copy();
  first.state.close();

  const second = new Stepped(killed.path, new LedgerReader(ledger));
  expect(second.reader.record.position).toEqual({ cursor: 2 });
  while (second.turn());
  second.state.commit();
  expect(published(second.store)).toMatchObject({ ...recounted([ledger]), sessions: 3 });
  second.state.close();
});

test('publishes only what is committed', () => {
  using folder = new Folder();
  const ledger = rows(2);
  const stepped = new Stepped(folder.path, new LedgerReader(ledger));
  stepped.turn();
  expect(published(stepped.store)).toEqual({});
  stepped.state.commit();
  expect(published(stepped.store)).toMatchObject(recounted([ledger]));
  ledger.add({ agent: 'later' });
  stepped.turn();
  expect(published(stepped.store)['calls{agent=later}']).toBeUndefined();
  stepped.state.close();
});

test('commits at most every 250 ms while there is more to read, and after many once-keys', () => {
  using folder = new Folder();
  let elapsed = 0;
  const ledger = rows(4);
  ledger.pageSize = 1;
  const stepped = new Stepped(folder.path, new LedgerReader(ledger), () => elapsed);
  expect(stepped.state.due).toBe(false);
  stepped.turn();
  elapsed = 249;
  expect(stepped.state.due).toBe(false);
  elapsed = 250;
  expect(stepped.state.due).toBe(true);
  stepped.state.commit();
  expect(stepped.state.due).toBe(false);
  for (let index = 0; index < 600; index += 1) ledger.add({ session: `new ${index}` });
  ledger.pageSize = 1_000;
  stepped.turn();
  expect(stepped.state.due).toBe(true);
  stepped.state.close();
});

test('a commit with nothing pending writes nothing', () => {
  using folder = new Folder();
  const stepped = new Stepped(folder.path, new LedgerReader(rows(1)));
  stepped.state.commit();
  expect(stepped.commits).toBe(0);
  stepped.turn();
  stepped.state.commit();
  stepped.state.commit();
  expect(stepped.commits).toBe(1);
  stepped.state.close();
});

const arbitraryRow = fc.record({
  agent: fc.constantFrom('a', 'b', 'c'),
  session: fc.constantFrom('s', 't', 'u', 'v'),
  seconds: fc.integer({ min: 0, max: 8_000 }).map((eighths) => eighths / 8),
  done: fc.boolean(),
});

type Step =
  | { readonly kind: 'add'; readonly row: Row }
  | { readonly kind: 'finish'; readonly index: number }
  | { readonly kind: 'page'; readonly size: number }
  | { readonly kind: 'commit' }
  | { readonly kind: 'kill' }
  | { readonly kind: 'restart' };

const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: arbitraryRow.map((row) => ({ kind: 'add' as const, row })) },
  { weight: 2, arbitrary: fc.nat(20).map((index) => ({ kind: 'finish' as const, index })) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 5 }).map((size) => ({ kind: 'page' as const, size })) },
  { weight: 2, arbitrary: fc.constant({ kind: 'commit' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'kill' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

/** After a restart nobody knows that an up-down was ever more than 0. */
function withoutIdle(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(values).filter(([key, value]) => !(key.startsWith('active') && value === 0)),
  );
}

test('any pages, commits, kills and restarts end in the totals of a recount, and no counter ever goes down', () => {
  fc.assert(
    fc.property(fc.array(arbitraryStep, { maxLength: 60 }), (steps) => {
      const folders = [new Folder()];
      const ledger = new Ledger();
      const open = (): Stepped => new Stepped(folders.at(-1)!.path, new LedgerReader(ledger));
      let stepped = open();
      const highest = new Map<string, number>();
      const watch = (): void => {
        for (const [key, value] of Object.entries(published(stepped.store))) {
          if (typeof value !== 'number' || !/^(calls|seconds|sessions)/.test(key)) continue;
          expect(value).toBeGreaterThanOrEqual(highest.get(key) ?? 0);
          highest.set(key, value);
        }
      };
      try {
        for (const step of steps) {
          if (step.kind === 'add') ledger.add({ ...step.row });
          else if (step.kind === 'finish' && ledger.rows[step.index] !== undefined) ledger.finish(step.index);
          else if (step.kind === 'page') {
            ledger.pageSize = step.size;
            stepped.turn();
          } else if (step.kind === 'commit') stepped.state.commit();
          else if (step.kind === 'restart') {
            stepped.state.close();
            stepped = open();
          } else if (step.kind === 'kill') {
            folders.push(folders.at(-1)!.copy());
            stepped.state.close();
            stepped = open();
          }
          watch();
        }
        while (stepped.turn());
        stepped.state.commit();
        watch();
        expect(withoutIdle(published(stepped.store))).toEqual(
          withoutIdle({
            ...recounted([ledger]),
            rows: ledger.rows.length,
            ...(ledger.rows.length > 0 && { sessions: new Set(ledger.rows.map((row) => row.session)).size }),
          }),
        );
      } finally {
        stepped.state.close();
        for (const folder of folders) folder[Symbol.dispose]();
      }
    }),
    { numRuns: 30 },
  );
});

test('an up-down counter without open rows is exactly 0, whatever was added and taken back', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 20 }),
      (values) => {
        const ledger = new Ledger().add(...values.map((seconds) => ({ seconds, done: false })));
        ledger.pageSize = 3;
        const stepped = new Stepped(undefined, new LedgerReader(ledger));
        while (stepped.turn());
        ledger.rows.forEach((_, index) => ledger.finish(index));
        while (stepped.turn());
        stepped.state.commit();
        expect(published(stepped.store)['active{agent=a}']).toBe(0);
        stepped.state.close();
      },
    ),
  );
});

test('open rows add again what they add after a restart, once', async () => {
  using folder = new Folder();
  const ledger = new Ledger().add({ done: false, seconds: 3 }, { done: false, seconds: 4 });
  (await new Running(folder.path, [[new LedgerReader(ledger)]]).ready()).stop();
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]]).ready();
  expect(published(running.store)['active{agent=a}']).toBe(7);
  ledger.finish(0);
  await running.shows({ 'active{agent=a}': 4, 'calls{agent=a}': 1 });
});

test('a series keeps its start time across a restart', async () => {
  using folder = new Folder();
  const ledger = rows(2);
  const startTimes = (running: Running): number[] =>
    [...running.store.families.values()]
      .filter(({ metric }) => metric.name === 'calls')
      .flatMap(({ series }) => [...series.values()].map(({ startTimeMs }) => startTimeMs));
  (await new Running(folder.path, [[new LedgerReader(ledger)]], { startMs: 1_000 }).ready()).stop();
  ledger.add({ agent: 'new' });
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]], { startMs: 9_000 }).ready();
  expect(startTimes(running)).toEqual([1_000, 1_000, 9_000]);
});

test('the totals of the last run are shown while the source is missing, up-down counters and snapshots not', async () => {
  using folder = new Folder();
  const ledger = rows(2).add({ done: false });
  (await new Running(folder.path, [[new LedgerReader(ledger)]]).ready()).stop();
  ledger.failure = new Error('gone');
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]]).ready();
  const { 'active{agent=a}': open, ...others } = recounted([ledger]);
  expect(open).toBe(1);
  expect(published(running.store)).toEqual({ ...others, sessions: 3 });
  ledger.failure = undefined;
  await running.shows({ 'active{agent=a}': 1, rows: 3 });
});

test('totals of a reader that had never caught up are not shown', () => {
  using folder = new Folder();
  const ledger = rows(5);
  ledger.pageSize = 2;
  const first = new Stepped(folder.path, new LedgerReader(ledger));
  first.turn();
  first.state.close();
  const second = new Stepped(folder.path, new LedgerReader(ledger));
  expect(second.reader.record.position).toEqual({ cursor: 2 });
  expect(published(second.store)).toEqual({});
  second.state.close();
});

test('two lanes on one state commit together', async () => {
  using folder = new Folder();
  const [one, two] = [rows(20), rows(30)];
  one.pageSize = two.pageSize = 1;
  const first = new Running(folder.path, [[new LedgerReader(one)], [new LedgerReader(two)]]);
  await first.ready();
  first.stop();
  using again = await new Running(folder.path, [[new LedgerReader(one)], [new LedgerReader(two)]]).ready();
  expect(again.lanes.map((lane) => lane.read)).toEqual([0, 0]);
  expect(published(again.store)).toMatchObject(recounted([one, two]));
});

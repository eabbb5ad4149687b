import { expect, test, vi } from 'vitest';
import type { Processor } from '../../src/component.ts';
import { SourceError } from '../../src/errors.ts';
import { mapAttributes } from '../../src/pipeline/signals.ts';
import { Ledger, LedgerReader, LedgerReceiver, published, recounted } from './ledger.ts';
import { Folder, Running } from './running.ts';

const three = (): Ledger =>
  new Ledger().add(
    { agent: 'a' },
    { agent: 'b', seconds: 2.5, session: 't' },
    { agent: 'a', seconds: 30, done: false },
  );

test('publishes what a recount of the source says, and follows it', async () => {
  const ledger = three();
  ledger.pageSize = 1;
  using running = await new Running(undefined, [[new LedgerReader(ledger)]]).ready();
  expect(published(running.store)).toEqual({ ...recounted([ledger]), sessions: 2, rows: 3 });
  ledger.add({ agent: 'c', session: 'u' });
  ledger.finish(2);
  await running.shows({ ...recounted([ledger]), sessions: 3, rows: 4, 'active{agent=a}': 0 });
});

test('publishes nothing and tells its progress until every reader has caught up once', async () => {
  const slow = three();
  slow.pageSize = 1;
  const fast = three();
  using running = new Running(undefined, [
    [new LedgerReader(slow, { id: 'slow' }), new LedgerReader(fast, { id: 'fast' })],
  ]);
  const seen: string[] = [];
  running.store.onCommit((changes) => seen.push(`${changes.length > 0} ${running.store.progress() === undefined}`));
  expect(running.store.progress()).toEqual({ read: 0, total: 0 });
  expect(published(running.store)).toEqual({});
  await running.ready();
  expect(seen).toEqual(['true true']);
  expect(published(running.store)['calls{agent=a}']).toBe(2);
});

test('tells rows read and rows to come', async () => {
  const ledger = three();
  ledger.pageSize = 1;
  const receiver = new LedgerReceiver([new LedgerReader(ledger)]);
  using running = new Running(undefined, [receiver]);
  const progress: unknown[] = [];
  receiver.poll = () => progress.push(running.store.progress());
  const { ledger: rows } = new LedgerReader(ledger);
  expect(rows.rows).toHaveLength(3);
  await running.ready();
  expect(running.lanes[0]?.read).toBe(3);
  expect(running.lanes[0]?.remaining).toBe(0);
  expect(progress[0]).toEqual({ read: 0, total: 0 });
});

test('is ready when a source cannot be read, says why once, goes on with the others and recovers by itself', async () => {
  const broken = three();
  broken.failure = new SourceError('missing', 'no such file');
  const whole = three();
  using running = await new Running(undefined, [
    [new LedgerReader(broken, { id: 'broken' }), new LedgerReader(whole, { id: 'whole' })],
  ]).ready();
  expect(running.lanes[0]?.failures).toEqual([
    { reader: 'broken', reason: 'missing', message: 'no such file', sinceMs: 1_000 },
  ]);
  await running.shows(recounted([whole]));
  whole.add({ agent: 'z' });
  await running.shows(recounted([whole]));
  broken.failure = undefined;
  await running.shows(recounted([whole, broken]));
  expect(running.lanes[0]?.failures).toEqual([]);
  expect(running.log.lines).toEqual(['warn no such file (missing)', 'info reading again (was: missing)']);
});

test('logs a failure again when its reason changes', async () => {
  const ledger = three();
  ledger.failure = new SourceError('busy', 'locked');
  using running = new Running(undefined, [[new LedgerReader(ledger)]]);
  await running.until(() => running.lanes[0]?.failures.length === 1);
  ledger.failure = new Error('disk on fire');
  await running.until(() => running.log.lines.length === 1);
  expect(running.log.lines).toEqual(['warn disk on fire (error)']);
});

test('says that a failure is over, also when it ended in a brief lock', async () => {
  const ledger = three();
  ledger.failure = new Error('disk on fire');
  using running = await new Running(undefined, [[new LedgerReader(ledger)]]).ready();
  ledger.failure = new SourceError('busy', 'locked');
  await running.until(() => (running.lanes[0]?.status[0]?.busy ?? 0) >= 1);
  ledger.failure = undefined;
  await running.shows(recounted([ledger]));
  expect(running.log.lines).toEqual(['warn disk on fire (error)', 'info reading again (was: error)']);
});

test('is not ready while a brief lock keeps a reader from its source', async () => {
  const ledger = three();
  ledger.failure = new SourceError('busy', 'locked');
  using running = new Running(undefined, [[new LedgerReader(ledger)]]);
  await running.until(() => (running.lanes[0]?.status[0]?.busy ?? 0) >= 2);
  expect(running.store.progress()).toBeDefined();
  ledger.failure = undefined;
  await running.shows(recounted([ledger]));
  expect(running.store.progress()).toBeUndefined();
});

test('does not advance when a processor throws, and recovers', async () => {
  let broken = true;
  const processor: Processor = {
    process(batch) {
      if (broken) throw new Error('out of order');
      return batch;
    },
  };
  const ledger = three();
  using running = await new Running(undefined, [[new LedgerReader(ledger)]], { processors: [processor] }).ready();
  expect(running.lanes[0]?.failures).toMatchObject([{ reason: 'error', message: 'out of order' }]);
  broken = false;
  await running.shows({ ...recounted([ledger]), sessions: 2 });
});

test('advances past a page of which the processors leave nothing', async () => {
  const ledger = three();
  const dropEverything: Processor = { process: () => undefined };
  const reader = new LedgerReader(ledger);
  using running = await new Running(undefined, [[reader]], { processors: [dropEverything, dropEverything] }).ready();
  expect(published(running.store)).toEqual({});
  expect(running.lanes[0]?.read).toBe(3);
});

test('adds up what processors make equal', async () => {
  const anonymous: Processor = { process: (batch) => mapAttributes(batch, () => ({})) };
  const ledger = three();
  using running = await new Running(undefined, [[new LedgerReader(ledger)]], { processors: [anonymous] }).ready();
  expect(published(running.store)).toMatchObject({ calls: 2, seconds: 3.5, active: 30 });
});

test('combines the readers and receivers of a pipeline: sums add, the largest wins', async () => {
  const [one, two, three_] = [three(), three().add({ agent: 'a', seconds: 99 }), three()];
  using running = await new Running(undefined, [
    [new LedgerReader(one, { id: 'one' }), new LedgerReader(two, { id: 'two' })],
    [new LedgerReader(three_)],
  ]).ready();
  expect(published(running.store)).toMatchObject(recounted([one, two, three_]));
  expect(published(running.store)['sessions']).toBe(6);
});

test('counts a once-key once for all readers of a scope', async () => {
  const [one, two] = [three(), three().add({ session: 'only here' })];
  using running = await new Running(undefined, [
    [new LedgerReader(one, { id: 'one', keyScope: 'x' }), new LedgerReader(two, { id: 'two', keyScope: 'x' })],
  ]).ready();
  expect(published(running.store)['sessions']).toBe(3);
});

test('reads at once when woken, and no more often than every 25 ms', async () => {
  const ledger = three();
  const receiver = new LedgerReceiver([new LedgerReader(ledger)], 60_000);
  using running = await new Running(undefined, [receiver]).ready();
  const before = receiver.polls;
  const started = performance.now();
  ledger.add({ agent: 'woken' });
  const storm = setInterval(() => receiver.wake(), 1);
  await running.shows({ 'calls{agent=woken}': 1 });
  await running.until(() => performance.now() - started > 300);
  clearInterval(storm);
  const cycles = receiver.polls - before;
  expect(cycles).toBeGreaterThan(1);
  expect(cycles).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - started) / 25));
});

test('leaves half of the time to others, however often it is woken', async () => {
  const ledger = three();
  const reader = new LedgerReader(ledger);
  const read = reader.read.bind(reader);
  reader.read = (state) => {
    const until = performance.now() + 20;
    while (performance.now() < until);
    return read(state);
  };
  const receiver = new LedgerReceiver([reader], 60_000);
  using running = await new Running(undefined, [receiver]).ready();
  const before = receiver.polls;
  const started = performance.now();
  const storm = setInterval(() => receiver.wake(), 1);
  await running.until(() => performance.now() - started > 400);
  clearInterval(storm);
  const cycles = receiver.polls - before;
  expect(cycles).toBeGreaterThan(1);
  expect(cycles).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - started) / 40));
});

test('takes a wake during a cycle for another cycle', async () => {
  const ledger = three();
  const reader = new LedgerReader(ledger);
  const receiver = new LedgerReceiver([reader], 60_000);
  const read = reader.read.bind(reader);
  let woken = false;
  reader.read = (state) => {
    const page = read(state);
    if (!woken) {
      woken = true;
      ledger.add({ agent: 'meanwhile' });
      receiver.wake();
    }
    return page;
  };
  using running = await new Running(undefined, [receiver]).ready();
  await running.shows({ 'calls{agent=meanwhile}': 1 });
});

test('new rows of other tables do not wait for a long first read', async () => {
  const long = new Ledger();
  for (let index = 0; index < 200; index += 1) long.add({});
  long.pageSize = 1;
  const slow = new LedgerReader(long, { id: 'long' });
  const read = slow.read.bind(slow);
  slow.read = (state) => {
    const until = performance.now() + 5;
    while (performance.now() < until);
    return read(state);
  };
  const other = three();
  using running = new Running(undefined, [[slow, new LedgerReader(other, { id: 'other' })]]);
  const receiver = running.receivers[0]!;
  await running.until(() => receiver.polls >= 2);
  other.add({ agent: 'new' });
  await running.shows({ 'calls{agent=new}': 1 });
  expect(running.lanes[0]!.remaining).toBeGreaterThan(0);
});

test('reads nothing any more once stopped, and watches no longer', async () => {
  vi.useFakeTimers();
  try {
    const reader = new LedgerReader(three());
    const running = new Running(undefined, [[reader]]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(running.store.progress()).toBeUndefined();
    running.stop();
    const { reads } = reader;
    running.receivers[0]!.wake();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(reader.reads).toBe(reads);
    expect(running.receivers[0]!.watching).toBe(false);
  } finally {
    vi.useRealTimers();
  }
});

test('logs what happened to a source', async () => {
  const reader = new LedgerReader(three());
  const read = reader.read.bind(reader);
  reader.read = (state) => {
    const page = read(state);
    return page && { ...page, changes: [{ reason: 'replaced', message: 'the file is another one' }] };
  };
  using running = await new Running(undefined, [[reader]]).ready();
  expect(running.log.lines).toContain('warn rows: the file is another one (replaced)');
});

test('goes on where the last run ended', async () => {
  using folder = new Folder();
  const ledger = three();
  (await new Running(folder.path, [[new LedgerReader(ledger)]]).ready()).stop();
  const again = new LedgerReader(ledger);
  using running = await new Running(folder.path, [[again]]).ready();
  expect(running.lanes[0]?.read).toBe(0);
  expect(published(running.store)).toMatchObject({ ...recounted([ledger]), sessions: 2 });
});

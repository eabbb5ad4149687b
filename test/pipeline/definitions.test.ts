import { expect, test } from 'vitest';
import { active, calls, Ledger, LedgerReader, METRICS, published, recounted } from './ledger.ts';
import { Folder, Running } from './running.ts';

const two = (): Ledger => new Ledger().add({ session: 's' }, { session: 't', agent: 'b' });

const startOf = (running: Running, name: string): number[] =>
  [...running.store.families.values()]
    .filter(({ metric }) => metric.name === name)
    .flatMap(({ series }) => [...series.values()].map(({ startTimeMs }) => startTimeMs));

/** A run over the ledger, of which the first row is then forgotten by the source. */
async function earlier(folder: Folder, ledger: Ledger, options = {}): Promise<void> {
  (await new Running(folder.path, [[new LedgerReader(ledger, options)]], { startMs: 1_000 }).ready()).stop();
}

test('a reader whose definitions are the same is not counted anew', async () => {
  using folder = new Folder();
  const ledger = two();
  await earlier(folder, ledger);
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]]).ready();
  expect(running.lanes[0]?.read).toBe(0);
  expect(running.log.lines).toEqual([]);
});

test('a changed definition counts the reader anew from the source, with new start times and a line in the log', async () => {
  using folder = new Folder();
  const ledger = two().add({ session: 'open', done: false });
  await earlier(folder, ledger);
  const changed = new LedgerReader(ledger, { digests: { calls: '2' } });
  using running = await new Running(folder.path, [[changed]], { startMs: 9_000 }).ready();
  expect(published(running.store)).toEqual({ ...recounted([ledger]), sessions: 3, rows: 3 });
  expect(startOf(running, 'calls')).toEqual([9_000, 9_000]);
  expect(running.log.lines).toEqual(['info rows: its definitions changed; it is counted anew from the source']);
});

test('an added metric counts the reader anew', async () => {
  using folder = new Folder();
  const ledger = two();
  await earlier(folder, ledger, { metrics: [calls] });
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]]).ready();
  expect(running.lanes[0]?.read).toBe(2);
  expect(published(running.store)).toMatchObject({ ...recounted([ledger]), sessions: 2 });
});

test('a metric that is defined no more loses its totals, and nothing else is counted anew', async () => {
  using folder = new Folder();
  const ledger = two();
  await earlier(folder, ledger);
  const without = METRICS.filter((metric) => metric !== calls);
  {
    using running = await new Running(folder.path, [[new LedgerReader(ledger, { metrics: without })]]).ready();
    expect(running.lanes[0]?.read).toBe(0);
    expect(Object.keys(published(running.store)).filter((key) => key.startsWith('calls'))).toEqual([]);
  }
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]]).ready();
  expect(published(running.store)).toMatchObject(recounted([ledger]));
});

test('other processors count every reader anew', async () => {
  using folder = new Folder();
  const ledger = two();
  await earlier(folder, ledger);
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]], { processorsDigest: 'other' }).ready();
  expect(running.lanes[0]?.read).toBe(2);
  expect(published(running.store)).toMatchObject(recounted([ledger]));
});

test('readers of one key scope are counted anew together, others not', async () => {
  using folder = new Folder();
  const ledgers = [two(), two().add({ session: 'u' }), two()] as const;
  const readers = (digests = {}): LedgerReader[] => [
    new LedgerReader(ledgers[0], { id: 'one', keyScope: 'shared', digests }),
    new LedgerReader(ledgers[1], { id: 'two', keyScope: 'shared' }),
    new LedgerReader(ledgers[2], { id: 'three' }),
  ];
  (await new Running(folder.path, [readers()]).ready()).stop();
  using running = await new Running(folder.path, [readers({ sessions: '2' })]).ready();
  expect(running.lanes[0]?.read).toBe(5);
  expect(published(running.store)).toMatchObject({ ...recounted(ledgers), sessions: 5 });
  expect(running.log.lines.map((line) => line.slice(0, 12))).toEqual(['info one: it', 'info two: it']);
});

test('a definition given twice is one, whatever its entries', async () => {
  using folder = new Folder();
  const ledger = two();
  await earlier(folder, ledger, { metrics: [...METRICS, calls] });
  using same = await new Running(folder.path, [[new LedgerReader(ledger, { metrics: [...METRICS, calls] })]]).ready();
  expect(same.lanes[0]?.read).toBe(0);
});

test('open rows and their contributions are forgotten with the rest', async () => {
  using folder = new Folder();
  const ledger = new Ledger().add({ done: false, seconds: 4 });
  await earlier(folder, ledger);
  const changed = new LedgerReader(ledger, { digests: { [active.name]: '2' } });
  using running = await new Running(folder.path, [[changed]]).ready();
  expect(published(running.store)['active{agent=a}']).toBe(4);
});

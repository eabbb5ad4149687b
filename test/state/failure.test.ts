import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { State } from '../../src/state/state.ts';
import { Ledger, LedgerReader, published, recounted, recorder } from '../pipeline/ledger.ts';
import { Folder, Running, Stepped, storageIn } from '../pipeline/running.ts';

const some = (count = 3): Ledger => {
  const ledger = new Ledger();
  for (let index = 0; index < count; index += 1)
    ledger.add({ session: `s${index}`, seconds: index, done: index !== 1 });
  return ledger;
};

/** The connection of the state, to set limits on. */
const connection = (state: State): Database.Database => state.sql.findReader.database;

const keptFiles = (folder: Folder, word: string): string[] =>
  readdirSync(folder.path).filter((name) => name.startsWith(`state.db.${word}-`) && !/-(wal|shm)$/.test(name));

test('the state is private: 0600, its companions too', async () => {
  using folder = new Folder();
  writeFileSync(folder.file('state.db'), '');
  chmodSync(folder.file('state.db'), 0o644);
  using running = await new Running(folder.path, [[new LedgerReader(some())]]).ready();
  expect(running.state.available).toBe(true);
  const modes = ['state.db', 'state.db-wal', 'state.db-shm'].map((name) => statSync(folder.file(name)).mode & 0o777);
  expect(modes).toEqual([0o600, 0o600, 0o600]);
});

test('nothing of a key is in the state, only its digest', async () => {
  using folder = new Folder();
  const ledger = new Ledger().add({ session: 'a-secret-session', agent: 'public', done: false });
  (await new Running(folder.path, [[new LedgerReader(ledger)]]).ready()).stop();
  const db = new Database(folder.file('state.db'), { readonly: true });
  expect(db.serialize().includes('a-secret-session')).toBe(false);
  db.close();
});

test('a full disk stops the reading, not the process; what is published stays, and nothing is lost or doubled', async () => {
  using folder = new Folder();
  const ledger = some();
  const other = some(2);
  using running = await new Running(folder.path, [[new LedgerReader(ledger)], [new LedgerReader(other)]]).ready();
  const before = published(running.store);
  connection(running.state).pragma('max_page_count = 1');
  for (let index = 0; index < 2_000; index += 1) ledger.add({ session: `new ${index}`, agent: `agent ${index}` });
  ledger.pageSize = 500;
  await running.until(() => !running.state.available);
  expect(published(running.store)).toEqual(before);
  expect(running.state.failure).toMatchObject({ message: 'database or disk is full', sinceMs: 1_000 });
  // Opened again, the limit is gone.
  await running.shows({ ...recounted([ledger, other]), sessions: 2_005 });
  expect(running.state.failure).toBeUndefined();
  expect(running.log.lines).toEqual([
    'error the state cannot be written; reading stops until it can (database or disk is full)',
    'info the state is written again',
  ]);
});

test('a temporary state recovers in the same way', async () => {
  const ledger = some();
  using running = await new Running(undefined, [[new LedgerReader(ledger)]]).ready();
  const db = connection(running.state);
  const pages = Number(db.pragma('page_count', { simple: true }));
  db.pragma(`max_page_count = ${pages}`);
  for (let index = 0; index < 2_000; index += 1) ledger.add({ session: `new ${index}`, agent: `agent ${index}` });
  await running.until(() => !running.state.available);
  db.pragma('max_page_count = 1000000');
  await running.shows({ ...recounted([ledger]), sessions: 2_003 });
});

test('a temporary state that is lost is rebuilt from the source', async () => {
  const ledger = some();
  using running = await new Running(undefined, [[new LedgerReader(ledger)]]).ready();
  connection(running.state).close();
  ledger.add({ agent: 'new' });
  await running.shows({ ...recounted([ledger]), sessions: 4 });
});

test('a state that is taken away while running is begun anew, and the metrics stay', async () => {
  using folder = new Folder();
  const ledger = some();
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]]).ready();
  rmSync(folder.path, { recursive: true });
  ledger.add({ agent: 'new' });
  await running.until(() => running.state.failure !== undefined);
  expect(published(running.store)['calls{agent=a}']).toBe(2);
  await running.shows({ ...recounted([ledger]), sessions: 4 });
  expect(statSync(folder.file('state.db')).mode & 0o777).toBe(0o600);
});

test('a corrupt state is set aside and rebuilt from the source, with new start times', async () => {
  using folder = new Folder();
  const ledger = some();
  (await new Running(folder.path, [[new LedgerReader(ledger)]], { startMs: 1_000 }).ready()).stop();
  writeFileSync(folder.file('state.db'), Buffer.alloc(8_192, 'not a database '));
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]], { startMs: 9_000 }).ready();
  expect(published(running.store)).toMatchObject(recounted([ledger]));
  expect([...running.store.families.values()].flatMap(({ series }) => [...series.values()])[0]?.startTimeMs).toBe(
    9_000,
  );
  expect(running.log.lines[0]).toMatch(/^error the state is unusable and was set aside/);
  expect(keptFiles(folder, 'corrupt')).toEqual(['state.db.corrupt-19700101T000009.000Z']);
});

/** Overwrites the root page of one table, as a bad disk would. */
function damage(file: string, table: string): void {
  const db = new Database(file);
  db.pragma('wal_checkpoint(TRUNCATE)');
  const page = Number(db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(table));
  db.close();
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.alloc(4_096, 0xa5), 0, 4_096, (page - 1) * 4_096);
  closeSync(descriptor);
}

test.each(['properties', 'readers', 'open_rows', 'series'])('damage in %s is found at start', async (table) => {
  using folder = new Folder();
  const [one, two] = [some(), some()];
  (await new Running(folder.path, [[new LedgerReader(one)], [new LedgerReader(two)]]).ready()).stop();
  damage(folder.file('state.db'), table);
  using running = await new Running(folder.path, [[new LedgerReader(one)], [new LedgerReader(two)]]).ready();
  expect(published(running.store)).toMatchObject({ ...recounted([one, two]), sessions: 6 });
  expect(keptFiles(folder, 'corrupt')).toHaveLength(1);
});

test('damage in the once-keys is found when one is looked up', async () => {
  using folder = new Folder();
  const ledger = some();
  (await new Running(folder.path, [[new LedgerReader(ledger)]]).ready()).stop();
  damage(folder.file('state.db'), 'once_keys');
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]]).ready();
  ledger.add({ session: 'new' });
  await running.shows({ ...recounted([ledger]), sessions: 4 });
  expect(keptFiles(folder, 'corrupt')).toHaveLength(1);
});

test('a fault while loading that is no damage is passed on, and leaves nothing half done', () => {
  using folder = new Folder();
  const state = new State({ storage: storageIn(folder.path), logger: recorder(), now: () => 0 });
  const nothing = (): void => undefined;
  const member = { write: nothing, committed: nothing, announce: nothing, resume: nothing };
  const load = (): void => {
    state.sql.addReader.run('p', 'r', 's', 'x');
    throw new Error('out of memory');
  };
  expect(() => state.join({ ...member, load })).toThrow('out of memory');
  expect(state.sql.findReader.get('p', 'r', 's', 'x')).toBeUndefined();
  state.close();
});

test('damage found while running is set aside, and the metrics never go down', async () => {
  using folder = new Folder();
  const ledger = some();
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]]).ready();
  const lowest = { calls: Infinity };
  running.store.onCommit(() => {
    lowest.calls = Math.min(lowest.calls, Number(published(running.store)['calls{agent=a}']));
  });
  running.state.fail(new Database.SqliteError('database disk image is malformed', 'SQLITE_CORRUPT'));
  await running.until(() => running.state.available);
  ledger.add({ agent: 'new' });
  await running.shows({ ...recounted([ledger]), sessions: 4 });
  expect(lowest.calls).toBe(2);
  expect(keptFiles(folder, 'corrupt')).toHaveLength(1);
});

test('a fault of the state is not taken for one of the source', async () => {
  const ledger = some();
  using running = await new Running(undefined, [[new LedgerReader(ledger)]]).ready();
  running.state.sql.findKey.get = () => {
    throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR');
  };
  ledger.add({ session: 'new' });
  await running.until(() => !running.state.available);
  expect(running.lanes[0]?.failures).toEqual([]);
  expect(running.state.failure?.message).toBe('disk I/O error');
});

test('a state written under another key is set aside: its digests would never be found again', async () => {
  using folder = new Folder();
  const ledger = some();
  (await new Running(folder.path, [[new LedgerReader(ledger)]]).ready()).stop();
  const secret = Buffer.alloc(32, 8);
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]], { secret }).ready();
  expect(published(running.store)).toMatchObject({ ...recounted([ledger]), sessions: 3 });
  expect(keptFiles(folder, 'other-key')).toHaveLength(1);
});

test('a database of something else is set aside, not written into', async () => {
  using folder = new Folder();
  const foreign = new Database(folder.file('state.db'));
  foreign.exec('CREATE TABLE notes (text)');
  foreign.close();
  using running = await new Running(folder.path, [[new LedgerReader(some())]]).ready();
  expect(running.state.available).toBe(true);
  expect(keptFiles(folder, 'foreign')).toHaveLength(1);
});

test('a state of a newer version is refused and left alone', () => {
  using folder = new Folder();
  const newer = new Database(folder.file('state.db'));
  newer.pragma('user_version = 99');
  newer.close();
  const open = (): State => new State({ storage: storageIn(folder.path), logger: recorder(), now: () => 0 });
  expect(open).toThrow(ConfigError);
  expect(open).toThrow(/was written by a newer agentcol \(schema 99, this one knows 1\)/);
  expect(readdirSync(folder.path)).toContain('state.db');
  expect(keptFiles(folder, 'corrupt')).toEqual([]);
});

test('a state that cannot be opened at start is an error for the user', () => {
  using folder = new Folder();
  mkdirSync(folder.file('state.db'));
  const open = (): State => new State({ storage: storageIn(folder.path), logger: recorder(), now: () => 0 });
  expect(open).toThrow(ConfigError);
  expect(open).toThrow(/^open the state in .*EISDIR/);
});

test('goes on trying while the folder cannot be used, then recovers', async () => {
  using folder = new Folder();
  const ledger = some();
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]]).ready();
  rmSync(folder.path, { recursive: true });
  writeFileSync(folder.path, 'in the way');
  ledger.add({ agent: 'new' });
  await running.until(() => running.log.lines.some((line) => line.startsWith('debug the state cannot be opened yet')));
  rmSync(folder.path);
  await running.shows({ ...recounted([ledger]), sessions: 4 });
});

test('what breaks the contract of a page changes nothing, and is reported', () => {
  const ledger = some();
  const reader = new LedgerReader(ledger, { metrics: [] });
  const stepped = new Stepped(undefined, reader);
  const read = reader.read.bind(reader);
  reader.read = (state) => {
    const page = read(state);
    const metric = { name: 'unknown', type: 'counter', unit: '', description: '', aggregation: 'sum' } as const;
    return page && { ...page, batch: { signal: 'metrics', metrics: [{ metric, mode: 'delta', points: [] }] } };
  };
  stepped.turn();
  expect(stepped.reader.failure?.message).toBe('the metric unknown is not one that the reader declares');
  expect(stepped.reader.record.position).toBeUndefined();
  stepped.state.close();
});

test('a page half applied is forgotten whole', async () => {
  const ledger = some();
  using running = await new Running(undefined, [[new LedgerReader(ledger)]]).ready();
  const takeKey = running.state.sql.takeKey;
  const run = takeKey.run.bind(takeKey);
  let failures = 1;
  takeKey.run = (...parameters: Parameters<typeof run>) => {
    if (failures-- > 0) throw new Error('disk I/O error');
    return run(...parameters);
  };
  ledger.add({ agent: 'new', session: 'new' });
  await running.until(() => !running.state.available);
  await running.shows({ ...recounted([ledger]), sessions: 4 });
});

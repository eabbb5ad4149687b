import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Collector, Clock, Workspace } from '../main-job/harness.ts';

type Metrics = readonly Readonly<Record<string, unknown>>[];

const COUNT = { name: 'jobs', type: 'counter' };
const COST = { name: 'jobs.cost', type: 'counter', value: 'cost' };
const SPENT = { name: 'jobs.spent', type: 'counter', of: 'open', value: 'cost' };
const OPEN = { name: 'jobs.open', type: 'updowncounter', of: 'open' };

describe('a metric that is defined otherwise', () => {
  let workspace: Workspace;
  let database: Database.Database;

  beforeEach(() => {
    workspace = new Workspace();
    database = new Database(workspace.file('jobs.db'));
    database.exec('CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, created TEXT, cost REAL, done INTEGER)');
    insert(10);
  });

  afterEach(() => {
    database.close();
    workspace[Symbol.dispose]();
  });

  function insert(rows: number, done = 1): void {
    const statement = database.prepare(`INSERT INTO jobs (created, cost, done) VALUES (hex(randomblob(8)), 2, ?)`);
    for (let row = 0; row < rows; row += 1) statement.run(done);
  }

  async function run(metrics: Metrics, inspect: (collector: Collector) => Promise<void>, more = {}): Promise<string> {
    const receiver = {
      preset: [],
      tables: { jobs: { identity: ['created'], complete_when: 'done', metrics, ...more } },
    };
    const options = { receiver, storage: workspace.file('state'), clock: new Clock() };
    const collector = await Collector.start(workspace.file('jobs.db'), options);
    try {
      await inspect(collector);
    } finally {
      await collector.stop();
    }
    return collector.logged.join('\n');
  }

  function storedReaders(): unknown[] {
    const state = new Database(workspace.file('state', 'state.db'), { readonly: true });
    try {
      return state.prepare('SELECT reader FROM readers ORDER BY id').pluck().all();
    } finally {
      state.close();
    }
  }

  it('is counted anew, and the others go on with what is not in the source any more', async () => {
    await run([COUNT, COST], (collector) => collector.shows('jobs_cost_total', 20));
    database.exec('DELETE FROM jobs WHERE id <= 4');
    const redefined = { ...COST, value: 'cost * 10' };
    const log = await run([COUNT, redefined], async (collector) => {
      await collector.shows('jobs_total', 10);
      await collector.shows('jobs_cost_total', 120);
      insert(1);
      await collector.shows('jobs_total', 11);
      await collector.shows('jobs_cost_total', 140);
    });
    expect(log).toContain('jobs: counted anew from the source, as it is defined now: jobs.cost');
    expect(storedReaders()).toEqual(['jobs', 'jobs+2']);
  });

  it('joins the others at the next start, with everything that it had counted', async () => {
    await run([COUNT, COST, OPEN], (collector) => collector.shows('jobs_total', 10));
    insert(2, 0);
    const redefined = [COUNT, { ...COST, value: 'cost + 1' }, OPEN, SPENT];
    await run(redefined, (collector) => collector.shows('jobs_spent_total', 24));
    expect(storedReaders()).toEqual(['jobs', 'jobs+2']);
    insert(1);
    await run(redefined, async (collector) => {
      expect(storedReaders()).toEqual(['jobs']);
      await collector.shows('jobs_open', 2);
      await collector.shows('jobs_total', 11);
      database.exec('UPDATE jobs SET done = 1, cost = 5');
      await collector.shows('jobs_open', 0);
      await collector.shows('jobs_total', 13);
      expect(collector.samples().get('jobs_cost_total')).toBe(11 * 3 + 2 * 6);
      expect(collector.samples().get('jobs_spent_total')).toBe(26 + 2 * 3);
      expect(collector.logged.join('\n')).not.toContain('anew');
    });
  });

  it('and then back again is counted anew once more, not from what was dropped', async () => {
    await run([COUNT, COST], (collector) => collector.shows('jobs_cost_total', 20));
    await run([COUNT, { ...COST, value: '1' }], (collector) => collector.shows('jobs_cost_total', 10));
    await run([COUNT, COST], (collector) => collector.shows('jobs_cost_total', 20));
    await run([COUNT], async (collector) => {
      await collector.shows('jobs_total', 10);
      expect([...collector.samples().keys()]).toEqual(['jobs_total']);
    });
    expect(storedReaders()).toEqual(['jobs']);
  });

  it('keeps its share when all others are gone', async () => {
    await run([COUNT], (collector) => collector.shows('jobs_total', 10));
    await run([COUNT, COST], (collector) => collector.shows('jobs_cost_total', 20));
    database.exec('DELETE FROM jobs WHERE id <= 4');
    await run([COST], (collector) => collector.shows('jobs_cost_total', 20));
    expect(storedReaders()).toHaveLength(1);
  });

  it('by what all of the table share takes all of them with it', async () => {
    await run([COUNT, COST], (collector) => collector.shows('jobs_cost_total', 20));
    database.exec('DELETE FROM jobs WHERE id <= 4');
    await run([COUNT, COST], (collector) => collector.shows('jobs_cost_total', 6), { where: 'id > 7' });
    expect(storedReaders()).toEqual(['jobs']);
  });
});

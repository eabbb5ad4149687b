import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { AgentcolProcess } from '../../crash/agentcol-process.ts';
import { Workspace } from '../../main-job/harness.ts';
import { residentMiB } from '../../soak/process.ts';
import { until } from './subject.ts';

const COUNT = 1_000_000;
const STEPS = 5;
/** How long a fifth may take on a slow machine. */
const STEP_MS = 120_000;

/** A table whose rows are counted once per name, and the distinct names of another column. */
const MAPPING = {
  preset: [],
  tables: { jobs: { key: 'name', identity: ['name'], metrics: [{ name: 'jobs', type: 'counter' }] } },
};

it(`${COUNT} once-keys: exact, with the memory of a few, and the last cost no more than the first`, async () => {
  using workspace = new Workspace();
  const file = workspace.file('jobs.db');
  const db = new Database(file);
  db.exec('CREATE TABLE jobs (id INTEGER PRIMARY KEY, name TEXT)');
  const insert = db.prepare('INSERT INTO jobs (name) VALUES (?)');
  const insertRange = db.transaction((from: number, upto: number) => {
    for (let name = from; name < upto; name += 1) insert.run(`job-${name}`);
  });
  const agentcol = new AgentcolProcess(workspace.folder, file, { receiver: MAPPING });
  const counts = async (count: number): Promise<void> => {
    const distinct = db.prepare<[], number>('SELECT count(DISTINCT name) FROM jobs').pluck().get();
    expect(distinct).toBe(count);
    await until(async () => ((await agentcol.scrape())?.get('jobs_total') ?? 0) >= count, `${count} jobs`, STEP_MS);
    expect((await agentcol.scrape())?.get('jobs_total')).toBe(count);
  };
  agentcol.start();
  try {
    const seconds: number[] = [];
    const mib: number[] = [];
    for (let step = 0; step < STEPS; step += 1) {
      const started = performance.now();
      insertRange((step * COUNT) / STEPS, ((step + 1) * COUNT) / STEPS);
      await counts(((step + 1) * COUNT) / STEPS);
      seconds.push((performance.now() - started) / 1000);
      mib.push(residentMiB(agentcol.pid));
    }
    console.log(
      `once-keys, ${COUNT / STEPS} at a time: ${seconds.map((s) => s.toFixed(1)).join(', ')} s; ${mib.map((m) => m.toFixed(0)).join(', ')} MiB`,
    );
    expect(mib.at(-1)! - mib[0]!).toBeLessThan(20);
    expect(seconds.at(-1)).toBeLessThan(4 * seconds[0]!);
    // All of them once more, under new row ids, and one that is new.
    insertRange(0, COUNT);
    insert.run('the last one');
    await counts(COUNT + 1);
    await agentcol.kill();
    agentcol.start();
    await counts(COUNT + 1);
    expect(residentMiB(agentcol.pid, true)).toBeLessThan(mib[0]! + 40);
  } finally {
    await agentcol.kill();
    db.close();
  }
});

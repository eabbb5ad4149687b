import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { generateAgentWorkflow } from '../test/fixtures/generate.ts';
import { Agentcol, type Usage } from './agentcol.ts';
import { median, megabytes, milliseconds, type Result } from './result.ts';

const SERIES = [1_000, 10_000, 50_000];
const DATABASES = [1, 10, 100];
const SCRAPES = 20;
/** After it has caught up, until the compilers of the runtime have come to rest. */
const REST_MS = 10_000;
const WATCHED_MS = 10_000;

/** Where one process ends: what series and databases cost it (docs/scaling.md). */
export async function limits(): Promise<Result[]> {
  const results: Result[] = [];
  const measure = async (result: Promise<Result>): Promise<void> => {
    results.push(await result);
    console.error(`${results.at(-1)!.what}: ${results.at(-1)!.measured}`);
  };
  for (const count of SERIES) await measure(series(count));
  for (const count of DATABASES) await measure(databases(count));
  return results;
}

/** Of one counter, an attribute value each. */
async function series(count: number): Promise<Result> {
  using folder = new Folder();
  const file = folder.file('jobs.db');
  const db = new Database(file);
  db.exec('CREATE TABLE jobs (id INTEGER PRIMARY KEY, kind TEXT)');
  const insert = db.prepare('INSERT INTO jobs (kind) VALUES (?)');
  db.transaction(() => {
    for (let kind = 0; kind < count; kind += 1) insert.run(`kind-${kind}`);
  })();
  db.close();
  const metrics = [{ name: 'jobs', type: 'counter', unit: '{job}', description: 'Jobs by kind' }];
  const tables = { jobs: { identity: ['kind'], attributes: { kind: 'kind' }, metrics } };
  await using agentcol = new Agentcol(file, {
    receivers: { 'sqlite/agents': { database: file, tables, storage: 'file_storage' } },
  });
  await agentcol.start();
  await agentcol.caughtUp();
  const times: number[] = [];
  for (let scrape = 0; scrape < SCRAPES; scrape += 1) {
    const begin = performance.now();
    await agentcol.scrape();
    times.push(performance.now() - begin);
  }
  const { residentBytes } = await agentcol.usage();
  return {
    what: `${count} series`,
    measured: `${megabytes(residentBytes)}, a scrape p50 ${milliseconds(median(times))}`,
    target: '',
  };
}

/** Small ones, to which nothing is written. */
async function databases(count: number): Promise<Result> {
  using folder = new Folder();
  const first = folder.file('0.db');
  generateAgentWorkflow(first, { invocations: 20, endMs: Date.UTC(2026, 0, 1), slim: true });
  for (let copy = 1; copy < count; copy += 1) fs.copyFileSync(first, folder.file(`${copy}.db`));
  await using agentcol = new Agentcol(folder.file('*.db'));
  const begin = performance.now();
  await agentcol.start();
  await agentcol.caughtUp();
  const readMs = performance.now() - begin;
  await delay(REST_MS);
  const { share, usage } = await watch(agentcol);
  return {
    what: `${count} databases, nothing new`,
    measured: `${megabytes(usage.residentBytes)}, ${(share * 100).toFixed(2)} % of a core; read after ${milliseconds(readMs)}`,
    target: '',
  };
}

async function watch(agentcol: Agentcol): Promise<{ readonly share: number; readonly usage: Usage }> {
  const before = await agentcol.usage();
  const begin = performance.now();
  await delay(WATCHED_MS);
  const usage = await agentcol.usage();
  return { share: (usage.cpuMs - before.cpuMs) / (performance.now() - begin), usage };
}

/** A temporary folder. */
class Folder implements Disposable {
  readonly #path = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-bench-limits-'));

  file(name: string): string {
    return path.join(this.#path, name);
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.#path, { recursive: true });
  }
}

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { mock } from 'node:test';
import { factories } from '../src/components.ts';
import { loadConfig } from '../src/config/config.ts';
import { Service } from '../src/pipeline/service.ts';
import { median, milliseconds, type Result } from './result.ts';
import { generatedDatabase, ROWS_PER_INVOCATION, RowWriter } from './source.ts';

const INTERVAL_MS = 1000;
const NEW_ROWS = 100;
/** Agents and tools at work: what each cycle with a change has to look at again. */
const OPEN_ROWS = 100;
const WARM_UP = 20;
const CYCLES = 50;
const IDLE_CYCLES = 5_000;
/** The databases take turns, so that whatever else the machine does meets all of them. */
const ROUNDS = 5;
const CONFIG = path.resolve(import.meta.dirname, '../otel-config.yaml');

interface Measured {
  readonly busyMs: number;
  readonly idleMs: number;
}

/** A database with a state that has caught up with it, once it was measured. */
class Site implements Disposable {
  readonly #folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-bench-run-'));
  readonly #database = path.join(this.#folder, 'agents.db');
  readonly #writer: RowWriter;

  constructor(records: number) {
    const original = generatedDatabase(Math.round(records / ROWS_PER_INVOCATION), true);
    fs.copyFileSync(original, this.#database, fs.constants.COPYFILE_FICLONE);
    this.#writer = new RowWriter(this.#database);
    this.#writer.commitOpen(OPEN_ROWS);
  }

  async measure(): Promise<Measured> {
    process.env.AGENT_WORKFLOW_DB = this.#database;
    process.env.XDG_STATE_HOME = path.join(this.#folder, 'state');
    const config = await loadConfig({ files: [CONFIG], sets: [] }, factories);
    const service = await Service.create(config, { logger: { ...console, debug: () => undefined }, listen: false });
    // The lane's timers are turned by hand, so that a cycle is one synchronous call.
    mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    try {
      await service.start();
      while (service.sources.some((source) => source.progress() !== undefined)) cycle();
      for (let index = 0; index < WARM_UP; index += 1) this.#busyCycle();
      const busy = Array.from({ length: CYCLES }, () => this.#busyCycle());
      for (let index = 0; index < WARM_UP; index += 1) cycle();
      const idle = Array.from({ length: IDLE_CYCLES }, cycle);
      return { busyMs: median(busy), idleMs: idle.reduce((sum, ms) => sum + ms) / IDLE_CYCLES };
    } finally {
      mock.timers.reset();
      await service.shutdown();
    }
  }

  #busyCycle(): number {
    this.#writer.commit(NEW_ROWS);
    return cycle();
  }

  [Symbol.dispose](): void {
    this.#writer.close();
    fs.rmSync(this.#folder, { recursive: true });
  }
}

function cycle(): number {
  const begin = performance.now();
  mock.timers.tick(INTERVAL_MS);
  return performance.now() - begin;
}

/** A cycle of the whole pipeline, poll to commit, over databases of several sizes: what is old must cost nothing. */
export async function cycles(records: readonly number[]): Promise<Result[]> {
  const rows = records.map((count) => ({ count, site: new Site(count), measured: [] as Measured[] }));
  try {
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const { site, measured } of rows) {
        const one = await site.measure();
        // The first round catches up, and lets the compilers do their work.
        if (round > 0) measured.push(one);
      }
    }
  } finally {
    for (const { site } of rows) site[Symbol.dispose]();
  }
  const smallest = rows[0]!;
  const largest = rows.at(-1)!;
  const ratio = median(largest.measured.map(({ busyMs }, round) => busyMs / smallest.measured[round]!.busyMs));
  const idle = Math.max(...rows.map(({ measured }) => median(measured.map(({ idleMs }) => idleMs))));
  return [
    ...rows.map(({ count, measured }): Result => {
      const busyMs = median(measured.map((one) => one.busyMs));
      const idleMs = median(measured.map((one) => one.idleMs));
      return {
        what: `a cycle over ${count} records: ${NEW_ROWS} new rows; nothing new`,
        measured: `${milliseconds(busyMs)}; ${milliseconds(idleMs)}`,
        target: '<= 5 ms',
        met: busyMs <= 5,
      };
    }),
    {
      what: `${NEW_ROWS} new rows: ${largest.count} records against ${smallest.count}`,
      measured: `${ratio.toFixed(2)}x`,
      target: '<= 1.2x',
      met: ratio <= 1.2,
    },
    { what: 'an idle cycle', measured: milliseconds(idle), target: '<= 0.05 ms', met: idle <= 0.05 },
  ];
}

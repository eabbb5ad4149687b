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
const CYCLES = 100;
const IDLE_CYCLES = 20_000;
const CONFIG = path.resolve(import.meta.dirname, '../otel-config.yaml');

interface Measured {
  readonly busyMs: number;
  readonly idleMs: number;
}

/** A cycle of the whole pipeline, poll to commit, over databases of several sizes: what is old must cost nothing. */
export async function cycles(records: readonly number[]): Promise<Result[]> {
  await measure(records[0]!); // the compilers have done their work from here on
  const measured: Measured[] = [];
  for (const count of records) measured.push(await measure(count));
  const smallest = measured[0]!;
  const largest = measured.at(-1)!;
  const ratio = largest.busyMs / smallest.busyMs;
  const idle = Math.max(...measured.map(({ idleMs }) => idleMs));
  return [
    ...records.map((count, index): Result => {
      const { busyMs, idleMs } = measured[index]!;
      return {
        what: `a cycle over ${count} records: ${NEW_ROWS} new rows; nothing new`,
        measured: `${milliseconds(busyMs)}; ${milliseconds(idleMs)}`,
        target: '<= 5 ms',
        met: busyMs <= 5,
      };
    }),
    {
      what: `${NEW_ROWS} new rows: ${records.at(-1)!} records against ${records[0]!}`,
      measured: `${ratio.toFixed(2)}x`,
      target: '<= 1.2x',
      met: ratio <= 1.2,
    },
    { what: 'an idle cycle', measured: milliseconds(idle), target: '<= 0.05 ms', met: idle <= 0.05 },
  ];
}

async function measure(records: number): Promise<Measured> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-bench-run-'));
  const database = path.join(folder, 'agents.db');
  fs.copyFileSync(
    generatedDatabase(Math.round(records / ROWS_PER_INVOCATION), true),
    database,
    fs.constants.COPYFILE_FICLONE,
  );
  const writer = new RowWriter(database);
  writer.commitOpen(OPEN_ROWS);
  process.env.AGENT_WORKFLOW_DB = database;
  process.env.XDG_STATE_HOME = path.join(folder, 'state');
  const config = await loadConfig({ files: [CONFIG], sets: [] }, factories);
  const service = await Service.create(config, { logger: { ...console, debug: () => undefined }, listen: false });
  // The lane's timers are turned by hand, so that a cycle is one synchronous call.
  mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
  try {
    await service.start();
    const cycle = (): number => {
      const begin = performance.now();
      mock.timers.tick(INTERVAL_MS);
      return performance.now() - begin;
    };
    while (service.sources.some((source) => source.progress() !== undefined)) cycle();
    const busy: number[] = [];
    for (let index = 0; index < WARM_UP + CYCLES; index += 1) {
      writer.commit(NEW_ROWS);
      const took = cycle();
      if (index >= WARM_UP) busy.push(took);
    }
    for (let index = 0; index < WARM_UP; index += 1) cycle();
    const begin = performance.now();
    for (let index = 0; index < IDLE_CYCLES; index += 1) cycle();
    return { busyMs: median(busy), idleMs: (performance.now() - begin) / IDLE_CYCLES };
  } finally {
    mock.timers.reset();
    await service.shutdown();
    writer.close();
    fs.rmSync(folder, { recursive: true });
  }
}

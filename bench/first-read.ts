import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { Agentcol } from './agentcol.ts';
import { Bystander } from './bystander.ts';
import { median, megabytes, milliseconds, type Result } from './result.ts';
import { generatedDatabase, RowWriter } from './source.ts';

/** Interleaved, so that whatever else the machine does meets both. */
const ROUNDS = 3;
const SQL = fs.readFileSync(path.join(import.meta.dirname, 'shell.sql'), 'utf8');

/** The whole preset over a database of `invocations`, by a new process into a new state, against the sqlite3 shell. */
export async function firstRead(invocations: number): Promise<Result[]> {
  const database = generatedDatabase(invocations);
  await using agentcol = new Agentcol(database);
  shellMs(database); // the file is in memory from here on
  const shell: number[] = [];
  const wall: number[] = [];
  const ratios: number[] = [];
  let peakBytes = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const plainMs = shellMs(database);
    const { wallMs, usage } = agentcol.once();
    shell.push(plainMs);
    wall.push(wallMs);
    ratios.push(wallMs / plainMs);
    peakBytes = Math.max(peakBytes, usage.peakBytes);
  }
  const ratio = median(ratios);
  const size = `${invocations} invocations, ${3 * invocations} tool uses`;
  return [
    {
      what: `first read: ${size}, against the sqlite3 shell`,
      measured: `${ratio.toFixed(2)}x (${(median(wall) / 1e3).toFixed(1)} s, shell ${(median(shell) / 1e3).toFixed(1)} s)`,
      target: '<= 2.0x, reach for 1.5x',
      // The target is for a million: below, starting the process and its compilers weighs as much as the work.
      ...(invocations >= 1_000_000 && { met: ratio <= 2 }),
    },
    {
      what: 'peak resident memory of the first read',
      measured: megabytes(peakBytes),
      target: '<= 100 MB',
      met: peakBytes <= 100e6,
    },
    ...(await whileServing(database)),
  ];
}

/** The event loop during a first read of the running service, and what it weighs afterwards. */
async function whileServing(original: string): Promise<Result[]> {
  await using agentcol = Agentcol.onCopyOf(original);
  using bystander = new Bystander();
  await agentcol.start({ watchLoop: true });
  await bystander.longestBlockMs();
  await agentcol.usage();
  await agentcol.caughtUp();
  const reading = await agentcol.usage();
  const besides = await bystander.longestBlockMs();
  const writer = new RowWriter(agentcol.database);
  for (let commit = 0; commit < 50; commit += 1) {
    writer.commit(100);
    await agentcol.scrape();
  }
  writer.close();
  const { residentBytes, peakBytes } = await agentcol.usage();
  const block = reading.longestBlockMs ?? NaN;
  return [
    {
      what: 'resident memory afterwards, serving',
      measured: `${megabytes(residentBytes)} (peak ${megabytes(peakBytes)})`,
      target: '<= 100 MB',
      met: peakBytes <= 100e6,
    },
    {
      what: 'longest block of the event loop in a first read',
      measured: `${milliseconds(block)} (p99.9 ${milliseconds(reading.blockP999Ms ?? NaN)}; an idle process ${milliseconds(besides)})`,
      target: '<= 10 ms',
      met: block <= 10,
    },
  ];
}

function shellMs(database: string): number {
  const begin = performance.now();
  const { status, stderr } = spawnSync('sqlite3', [database], { input: SQL, encoding: 'utf8', maxBuffer: 64e6 });
  if (status !== 0) throw new Error(`sqlite3 ended with ${status ?? 'a signal'}: ${stderr}`);
  return performance.now() - begin;
}

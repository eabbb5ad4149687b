/**
 * `npm run soak [-- --minutes M] [--seed N]`: runs the built agentcol beside a process that writes into its database, and
 * scrapes it every second. Half-way both the process is suspended for a while, and the machine goes on. At the end, and every
 * minute, what it publishes must equal a recount; no scrape may fail, no counter fall, and neither memory nor descriptors grow.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { AgentcolProcess } from '../crash/agentcol-process.ts';
import { generateAgentWorkflow } from '../fixtures/generate.ts';
import { recount } from '../oracle/recount.ts';
import type { Samples } from '../oracle/samples.ts';
import { descriptors, processorSeconds, residentMiB } from './process.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const INVOCATIONS = 5000;
/** Some fifty commits a second. */
const PAUSE_MS = 15;
const SCRAPE_MS = 1000;
const SETTLE_MS = 30_000;
const SUSPENDED_MS = 30_000;
/** Of the whole time: until then memory may grow. */
const WARM_UP = 0.3;
/** The straight line through what comes after may rise by this, whatever the time: V8 needs some room to breathe. */
const GROWTH_MIB = 8;
/** A scrape, a checkpoint, a reopened source. */
const SPARE_DESCRIPTORS = 4;

interface Look {
  readonly atMs: number;
  readonly mib: number;
  readonly descriptors: number;
}

interface Check {
  readonly name: string;
  readonly failed: readonly string[];
}

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: String(Date.now() % 1e6) } },
});
const wholeMs = Number(values.minutes) * MINUTE;
const isCumulative = (key: string): boolean => /_(total|count|bucket|sum)(\{|$)/.test(key);

async function ask(writer: ChildProcess, message: string): Promise<void> {
  const answered = once(writer, 'message');
  writer.send(message);
  await answered;
}

/** What the least squares make of it: how much memory grows over these looks, MiB. */
function growth(looks: readonly Look[]): number {
  const times = looks.map(({ atMs }) => atMs);
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [meanAt, meanMib] = [mean(times), mean(looks.map(({ mib }) => mib))];
  let covariance = 0;
  let variance = 0;
  for (const { atMs, mib } of looks) {
    covariance += (atMs - meanAt) * (mib - meanMib);
    variance += (atMs - meanAt) ** 2;
  }
  return (covariance / variance) * (times.at(-1)! - times[0]!);
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-soak-'));
const database = path.join(folder, 'agent_workflow.db');
// No session of these falls silent meanwhile: agentcol may learn of that 15 s later than the recount.
generateAgentWorkflow(database, { invocations: INVOCATIONS, endMs: Date.now() - 2 * HOUR, journalMode: 'wal' });
const agentcol = new AgentcolProcess(folder, database, { receiver: { collection_interval: '1s' } });
const writer = fork(path.join(import.meta.dirname, '../fixtures/writer-process.ts'), [
  database,
  values.seed,
  String(PAUSE_MS),
]);

const looks: Look[] = [];
const unanswered: string[] = [];
const fallen: string[] = [];
const unequal: string[] = [];
let scrapes = 0;
let recounts = 0;
let suspended = false;
let before: Samples = new Map();
let processor: number;
const startedMs = Date.now();
const elapsedMs = (): number => Date.now() - startedMs;

async function look(): Promise<void> {
  const published = await agentcol.scrape();
  scrapes += 1;
  if (published === undefined) unanswered.push(`at ${(elapsedMs() / 1000).toFixed(0)} s`);
  else {
    for (const [key, value] of before) {
      if (isCumulative(key) && (published.get(key) ?? -1) < value) fallen.push(key);
    }
    before = published;
  }
  looks.push({ atMs: elapsedMs(), mib: residentMiB(agentcol.pid), descriptors: descriptors(agentcol.pid) });
}

async function compare(): Promise<void> {
  await ask(writer, 'pause');
  const published = await agentcol.settle(() => recount(database, Date.now(), 'UTC'), SETTLE_MS);
  recounts += 1;
  if (Array.isArray(published)) unequal.push(`at ${(elapsedMs() / 1000).toFixed(0)} s: ${published.join('; ')}`);
  writer.send('resume');
}

async function suspend(): Promise<void> {
  process.kill(agentcol.pid, 'SIGSTOP');
  await delay(Math.min(SUSPENDED_MS, wholeMs / 10));
  process.kill(agentcol.pid, 'SIGCONT');
}

try {
  agentcol.start();
  while ((await agentcol.scrape()) === undefined) await delay(SCRAPE_MS / 10);
  let comparedMs = elapsedMs();
  while (elapsedMs() < wholeMs) {
    const next = delay(SCRAPE_MS);
    await look();
    if (!suspended && elapsedMs() > wholeMs / 2) {
      suspended = true;
      const suspension = suspend();
      await look(); // asked while it stands still, answered when it goes on
      await suspension;
    }
    if (elapsedMs() - comparedMs > MINUTE) {
      await compare();
      comparedMs = elapsedMs();
      console.log(
        `${(elapsedMs() / MINUTE).toFixed(1)} min: ${looks.at(-1)!.mib.toFixed(1)} MiB, ${looks.at(-1)!.descriptors} descriptors`,
      );
    }
    await next;
  }
  await compare();
  processor = processorSeconds(agentcol.pid) / (elapsedMs() / 1000);
} finally {
  await agentcol.kill();
  writer.disconnect();
  writer.kill();
  await once(writer, 'exit');
}

const settled = looks.filter(({ atMs }) => atMs > wholeMs * WARM_UP);
const grownMib = growth(settled);
const counts = settled.map((one) => one.descriptors);
const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
const errors = agentcol.log.split('\n').filter((line) => line.includes('"level":"error"'));
const checks: Check[] = [
  { name: `${recounts} recounts equal what was published`, failed: unequal },
  { name: `${scrapes} scrapes answered`, failed: unanswered },
  { name: 'no counter fell', failed: fallen },
  {
    name: `memory grew by ${grownMib.toFixed(1)} MiB after the first ${WARM_UP * 100} %, ${Math.max(...looks.map(({ mib }) => mib)).toFixed(0)} MiB at most`,
    failed: grownMib <= GROWTH_MIB ? [] : [`more than ${GROWTH_MIB} MiB`],
  },
  {
    name: `${fewest} to ${most} descriptors`,
    failed: most - fewest <= SPARE_DESCRIPTORS ? [] : [`more than ${SPARE_DESCRIPTORS} apart`],
  },
  { name: 'no error in the log', failed: errors },
];
for (const { name, failed } of checks) {
  console.log(`${failed.length === 0 ? 'passed' : 'FAILED'}: ${name}`);
  for (const line of failed.slice(0, 20)) console.error(`  ${line}`);
}
const failures = checks.filter(({ failed }) => failed.length > 0).length;
console.log(
  `${(elapsedMs() / MINUTE).toFixed(1)} minutes, ${(processor * 100).toFixed(1)} % of a core, ` +
    `${(fs.statSync(database).size / 2 ** 20).toFixed(0)} MiB of database, seed ${values.seed}`,
);
console.log(`${checks.length - failures} passed, ${failures} failed`);
const results = process.env.AGENTCOL_RESULTS;
if (results !== undefined) {
  // In the words of vitest, as .ci/sum.js reads them.
  const sum = {
    numPassedTests: checks.length - failures,
    numFailedTests: failures,
    numPendingTests: 0,
    numTodoTests: 0,
  };
  fs.writeFileSync(path.join(results, 'soak.json'), JSON.stringify(sum));
}
if (failures === 0) fs.rmSync(folder, { recursive: true, force: true });
else console.log(`kept: ${folder}`);
process.exitCode = failures === 0 ? 0 : 1;

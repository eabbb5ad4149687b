/**
 * `npm run crashtest -- [--rounds N] [--seed S]`: kills the built agentcol with SIGKILL at random points, during start-up,
 * catch-up and live writes of another process. After every round what it publishes must equal a recount of the source,
 * and no counter may have fallen. Equal seeds give equal choices (not equal timing).
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { generateAgentWorkflow } from '../fixtures/generate.ts';
import { Random } from '../fixtures/random.ts';
import { recount } from '../oracle/recount.ts';
import type { Samples } from '../oracle/samples.ts';
import { AgentcolProcess } from './agentcol-process.ts';

/**
 * A life is one database and one state. Three small ones, for fast rounds; then one with a first read that is long enough to
 * be killed in the middle of it, several times.
 */
const LIVES: readonly { readonly invocations: number; readonly rounds: number }[] = [
  { invocations: 300, rounds: 25 },
  { invocations: 300, rounds: 25 },
  { invocations: 300, rounds: 25 },
  { invocations: 12_000, rounds: 5 },
];
const SETTLE_MS = 20_000;
/** Kills before a round's last one come within this: start-up and catch-up take about as long. */
const EARLY_MS = 600;
const LIVE_MS = 150;
const HOUR = 3_600_000;

interface Tally {
  rounds: number;
  earlyKills: number;
  kills: number;
}

async function oneLife(invocations: number, rounds: number, seed: number, tally: Tally): Promise<string[]> {
  const random = new Random(seed);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-crash-'));
  const database = path.join(folder, 'agent_workflow.db');
  // No session falls silent while this runs: agentcol may learn of that 15 s later than the recount.
  const endMs = Date.now() - 2 * HOUR;
  const journalMode = random.next() < 0.5 ? 'wal' : 'delete';
  generateAgentWorkflow(database, { invocations, endMs, seed, journalMode, slim: true });
  const writer = fork(path.join(import.meta.dirname, '../fixtures/writer-process.ts'), [database, String(seed)]);
  const agentcol = new AgentcolProcess(folder, database);
  try {
    let before: Samples = new Map();
    for (let round = 0; round < rounds; round += 1) {
      while (random.next() < 0.5) {
        agentcol.start();
        await delay(random.next() * EARLY_MS);
        await agentcol.kill();
        tally.earlyKills += 1;
      }
      agentcol.start();
      await delay(random.next() * LIVE_MS);
      await ask(writer, 'pause');
      const published = await agentcol.settle(() => recount(database, Date.now(), 'UTC'), SETTLE_MS);
      if (Array.isArray(published)) return [`not equal to the recount (kept: ${folder})`, ...published];
      const fallen = [...before].filter(([key, value]) => isCumulative(key) && (published.get(key) ?? -1) < value);
      if (fallen.length > 0) return [`counters fell (kept: ${folder})`, ...fallen.map(([key]) => key)];
      before = published;
      writer.send('resume');
      await delay(random.next() * LIVE_MS);
      await agentcol.kill();
      tally.kills += 1;
      tally.rounds += 1;
    }
  } finally {
    await agentcol.kill();
    writer.disconnect();
    writer.kill();
    await once(writer, 'exit');
  }
  fs.rmSync(folder, { recursive: true, force: true });
  return [];
}

const isCumulative = (key: string): boolean => /_(total|count|bucket|sum)(\{|$)/.test(key);

async function ask(writer: ChildProcess, message: string): Promise<void> {
  const answered = once(writer, 'message');
  writer.send(message);
  await answered;
}

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '100' }, seed: { type: 'string', default: String(Date.now() % 1e6) } },
});
const rounds = Number(values.rounds);
const tally: Tally = { rounds: 0, earlyKills: 0, kills: 0 };
const startedMs = Date.now();
let failure: string[] = [];
for (let life = 0; tally.rounds < rounds && failure.length === 0; life += 1) {
  const { invocations, rounds: most } = LIVES[life % LIVES.length]!;
  failure = await oneLife(invocations, Math.min(most, rounds - tally.rounds), Number(values.seed) + life, tally);
}
const seconds = (Date.now() - startedMs) / 1000;
for (const line of failure) console.error(line);
console.log(
  `${tally.rounds} of ${rounds} rounds equal the recount; ${tally.kills + tally.earlyKills} kills, ${tally.earlyKills} of them ` +
    `before it had caught up; seed ${values.seed}; ${(seconds / Math.max(tally.rounds, 1)).toFixed(2)} s a round`,
);
process.exitCode = failure.length === 0 ? 0 : 1;

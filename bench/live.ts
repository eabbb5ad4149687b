import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { HookLogger, openAgentWorkflow } from '../test/fixtures/agent-workflow.ts';
import { Agentcol } from './agentcol.ts';
import { Bystander } from './bystander.ts';
import { milliseconds, quantile, type Result } from './result.ts';
import type { Scraped } from './scrape-client.ts';
import { generatedDatabase } from './source.ts';

const ROWS_PER_SECOND = 1_000;
const INVOCATIONS = 50_000;
/** More agents and tools, for an exposition of 10 000 lines. */
const MORE_SERIES = 155;
const COMMITS = 200;
const MARKER = /^agent_workflow_invocation_last_start_timestamp_seconds\{gen_ai_agent_name="marker"\} (\S+)$/m;

/** Everything at once, each in a process of its own: rows arrive, agentcol publishes them, a scraper reads. */
export async function live(seconds: number): Promise<Result[]> {
  await using agentcol = Agentcol.onCopyOf(generatedDatabase(INVOCATIONS));
  const { database } = agentcol;
  widen(database);
  await agentcol.start({ watchLoop: true });
  await agentcol.caughtUp();
  const latencies = await commitToVisible(agentcol, database);

  const writer = fork(path.join(import.meta.dirname, 'writer.ts'), [database, String(ROWS_PER_SECOND)]);
  const client = fork(path.join(import.meta.dirname, 'scrape-client.ts'), [
    agentcol.address,
    'text',
    'none',
    String(seconds),
  ]);
  using bystander = new Bystander();
  await once(client, 'message'); // warm
  await bystander.longestBlockMs();
  await agentcol.usage();
  const [scraped] = (await once(client, 'message')) as [Scraped];
  const usage = await agentcol.usage();
  const besides = await bystander.longestBlockMs();
  writer.disconnect();
  await once(writer, 'exit');

  const p99 = quantile(scraped.times, 0.99);
  const visible = quantile(latencies, 0.99);
  const block = usage.longestBlockMs ?? NaN;
  return [
    {
      what: `scrape of ${scraped.lines} lines while ${ROWS_PER_SECOND} rows/s arrive`,
      measured: `p50 ${milliseconds(quantile(scraped.times, 0.5))}, p99 ${milliseconds(p99)}`,
      target: 'p99 < 5 ms, reach for 1 ms',
      met: p99 < 5,
    },
    {
      what: 'row committed -> visible in /metrics',
      measured: `p50 ${milliseconds(quantile(latencies, 0.5))}, p99 ${milliseconds(visible)}`,
      target: 'p99 <= 250 ms',
      met: visible <= 250,
    },
    {
      what: `longest block of the event loop under ${ROWS_PER_SECOND} rows/s`,
      measured: `${milliseconds(block)} (p99.9 ${milliseconds(usage.blockP999Ms ?? NaN)}; an idle process ${milliseconds(besides)})`,
      target: '<= 10 ms',
      met: block <= 10,
    },
  ];
}

function widen(database: string): void {
  const logger = new HookLogger(openAgentWorkflow(database));
  logger.transaction(() => {
    for (let index = 0; index < MORE_SERIES; index += 1) {
      const at = Date.now();
      const id = logger.toolStart({ session: 'wide', agent: `agent-${index % 10}`, tool: `tool-${index}`, at });
      logger.toolEnd(id, { at, durationSeconds: 1 });
    }
  });
  logger.close();
}

/** Commits single rows, each with a start of its own, and scrapes until it is published. Milliseconds. */
async function commitToVisible(agentcol: Agentcol, database: string): Promise<number[]> {
  const db = openAgentWorkflow(database);
  db.pragma('synchronous = OFF');
  const logger = new HookLogger(db, Intl.DateTimeFormat().resolvedOptions().timeZone);
  const times: number[] = [];
  let at = Date.now() - COMMITS * 1000;
  for (let index = 0; index < COMMITS; index += 1) {
    // At any point of agentcol's own rhythm.
    await delay(Math.random() * 200);
    at += 1000;
    const id = logger.invocationStart({ session: 'marker', agent: 'marker', at });
    const begin = performance.now();
    while (!isPublished((await agentcol.scrape())?.body ?? '', at)) await delay(1);
    times.push(performance.now() - begin);
    logger.invocationEnd(id, { at });
  }
  db.close();
  return times;
}

function isPublished(body: string, atMs: number): boolean {
  return Number(MARKER.exec(body)?.[1]) >= atMs / 1000;
}

/**
 * `npm run demo`: made-up people and their agents write hook events into a temporary database, the built agentcol publishes
 * them, and what to look at is printed. Ends with Ctrl-C, at any time, and leaves nothing behind.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as breathe, setTimeout as delay } from 'node:timers/promises';
import { Collector } from './collector.ts';
import { endpoint } from './endpoints.ts';
import { EventWriter } from './event-writer.ts';
import { guide } from './guide.ts';
import type { TimedEvent } from './session-script.ts';
import { Workload } from './workload.ts';

/** More than the 24 hours after which what never ended counts as abandoned. */
const HISTORY_HOURS = 30;
const HOUR_MS = 3_600_000;
const EVENTS_PER_COMMIT = 1000;
const TICK_MS = 250;

const controller = new AbortController();
let collector: Collector | undefined;
// A terminal that is closed is as good as Ctrl-C.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (controller.signal.aborted) collector?.kill();
    controller.abort();
  });
}

/** Only ends by an error, or by that of the signal. */
async function demo(folder: string, stop: AbortSignal): Promise<never> {
  const database = path.join(folder, 'agent_workflow.db');
  using writer = new EventWriter(database);
  const workload = new Workload(Date.now() - HISTORY_HOURS * HOUR_MS);
  process.stdout.write(`Five made-up people and their agents; first the last ${HISTORY_HOURS} hours of them ...\n`);
  const events = await writeHistory(workload, writer, stop);
  process.stdout.write(`... ${events.toLocaleString('en')} events of hooks, in ${database}\n`);

  const [metrics, ownMetrics, health, prometheus] = [
    await endpoint(9465),
    await endpoint(9466),
    await endpoint(9467),
    await endpoint(9090),
  ];
  await using running = new Collector({
    folder,
    database,
    metrics: metrics.address,
    ownMetrics: ownMetrics.address,
    health: health.address,
  });
  collector = running;
  await running.ready(stop);
  process.stdout.write(`agentcol publishes them, and what they do from now on.\n`);
  process.stdout.write(guide({ folder, metrics, ownMetrics, health, prometheus }));

  workload.hurry(Date.now());
  for (;;) {
    running.check();
    writer.write([...workload.due(Date.now())]);
    await delay(TICK_MS, undefined, { signal: stop });
  }
}

/** Returns how many events there were. */
async function writeHistory(workload: Workload, writer: EventWriter, stop: AbortSignal): Promise<number> {
  let events = 0;
  let commit: TimedEvent[] = [];
  for (const event of workload.due(Date.now())) {
    events += 1;
    commit.push(event);
    if (commit.length < EVENTS_PER_COMMIT) continue;
    writer.write(commit);
    commit = [];
    await breathe();
    stop.throwIfAborted();
  }
  writer.write(commit);
  return events;
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-demo-'));
try {
  await demo(folder, controller.signal);
} catch (error) {
  if (!controller.signal.aborted) {
    process.exitCode = 1;
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  }
} finally {
  // Prometheus may still be writing there.
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}

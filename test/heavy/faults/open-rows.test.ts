import { expect, it } from 'vitest';
import { residentMiB } from '../../soak/process.ts';
import { Subject, until } from './subject.ts';

const COUNT = 50_000;
const ROUNDS = 20;
const CHANGED = 50;

const completedOf = (agent: string): string =>
  `agent_workflow_invocations_total{agent_workflow_phase="development",agent_workflow_status="completed",gen_ai_agent_name="${agent}"}`;

it(`${COUNT} open rows cost memory once, and changes are seen as soon as without them`, async () => {
  await using subject = new Subject();
  const { agentcol, logger } = subject;
  const at = Date.now();
  const ids: number[] = [];
  const open = (count: number): void =>
    logger.transaction(() => {
      for (let row = 0; row < count; row += 1)
        ids.push(logger.invocationStart({ session: null, agent: 'architect', at: at - (COUNT - ids.length) }));
    });
  /** Milliseconds from the commit of completions to their being scraped: the median of some. */
  let completed = 0;
  const latency = async (): Promise<number> => {
    const took: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const done = ids.splice(-CHANGED);
      logger.transaction(() => {
        for (const id of done) logger.invocationEnd(id, { at, durationSeconds: 1 });
      });
      completed += CHANGED;
      const started = performance.now();
      await until(
        async () => (await agentcol.scrape())?.get(completedOf('architect')) === completed,
        'completions to be seen',
      );
      took.push(performance.now() - started);
    }
    return took.sort((a, b) => a - b)[ROUNDS / 2]!;
  };

  open(2 * ROUNDS * CHANGED);
  agentcol.start();
  await subject.settles();
  const few = { latencyMs: await latency(), mib: residentMiB(agentcol.pid) };
  open(COUNT);
  await subject.settles();
  const many = { latencyMs: await latency(), mib: residentMiB(agentcol.pid) };
  for (let round = 0; round < 3; round += 1) await latency();
  const later = residentMiB(agentcol.pid);
  console.log(
    `1 000 open rows: ${few.latencyMs.toFixed(0)} ms, ${few.mib.toFixed(0)} MiB; ${COUNT}: ` +
      `${many.latencyMs.toFixed(0)} ms, ${many.mib.toFixed(0)} MiB, later ${later.toFixed(0)} MiB`,
  );
  // 0.4 KB a row, and what the garbage collector leaves.
  expect(many.mib - few.mib).toBeLessThan(60);
  expect(later - many.mib).toBeLessThan(20);
  expect(many.latencyMs).toBeLessThan(few.latencyMs + 250);

  // The oldest are looked at in rotation, a thousand a cycle.
  const oldest = ids.splice(0, 10_000);
  logger.transaction(() => {
    for (const id of oldest) logger.invocationEnd(id, { at, durationSeconds: 1 });
  });
  await subject.settles();
  await agentcol.kill();
  agentcol.start();
  await subject.isWhole();
});

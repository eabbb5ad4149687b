import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createAgentWorkflow, HookLogger, openAgentWorkflow } from '../fixtures/agent-workflow.ts';
import { generateAgentWorkflow } from '../fixtures/generate.ts';
import { recount } from '../oracle/recount.ts';
import { differences, type Samples } from '../oracle/samples.ts';
import { Clock, Collector, HOUR, NOON, Workspace, ZONE } from './harness.ts';
import { Story } from './story.ts';

/** Samples that only ever grow. */
const isCumulative = (key: string): boolean => /_(total|count|bucket|sum)(\{|$)/.test(key);

function fallen(before: Samples, after: Samples): string[] {
  return [...before].filter(([key, value]) => isCumulative(key) && (after.get(key) ?? -1) < value).map(([key]) => key);
}

describe('stop and start', () => {
  it('counts nothing twice, misses nothing, and no counter falls', async () => {
    await using story = await Story.begin();
    const { logger } = story;
    let before: Samples = new Map();
    const open: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      logger.sessionStart(`session-${round}`, story.clock.nowMs);
      open.push(logger.invocationStart({ session: 'a', agent: 'architect', at: story.clock.nowMs }));
      await story.holds();
      await story.stop();
      for (let row = 0; row < 3; row += 1) {
        const id = logger.invocationStart({ session: 'b', agent: 'task-planner', at: story.clock.nowMs });
        logger.invocationEnd(id, { at: story.clock.nowMs, durationSeconds: 0.1 * (row + 1) });
      }
      if (round % 2 === 1) logger.invocationEnd(open.pop()!, { at: story.clock.nowMs });
      story.clock.advance(7 * HOUR);
      await story.start();
      await story.holds();
      const after = story.collector.samples();
      expect(fallen(before, after)).toEqual([]);
      before = after;
    }
    await story.keepsHolding();
  });

  it('without storage rebuilds the same totals from the source', async () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    generateAgentWorkflow(database, { invocations: 500, endMs: NOON, zone: ZONE, slim: true });
    for (let start = 0; start < 2; start += 1) {
      await using collector = await Collector.start(database);
      expect(differences(recount(database, NOON, ZONE), collector.samples())).toEqual([]);
    }
  });

  it('keeps the totals while the source is away', async () => {
    await using story = await Story.begin();
    const id = story.logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
    story.logger.invocationEnd(id, { at: NOON, durationSeconds: 1 });
    await story.holds();
    const before = story.collector.samples();
    await story.stop();
    fs.renameSync(story.database, `${story.database}.away`);
    await story.start();
    await story.collector.fails('missing');
    expect(fallen(before, story.collector.samples())).toEqual([]);
    fs.renameSync(`${story.database}.away`, story.database);
    await story.collector.fails(undefined);
    await story.keepsHolding();
  });
});

describe('rows that go away', () => {
  it('stay counted when they had settled, and are active no longer when they were open', async () => {
    await using story = await Story.begin();
    const { logger } = story;
    for (let row = 0; row < 10; row += 1) {
      const id = logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
      if (row % 2 === 0) logger.invocationEnd(id, { at: NOON, durationSeconds: 2 });
    }
    await story.holds();
    logger.db.exec('DELETE FROM agent_invocations WHERE id <= 4');
    await story.keepsHolding();
    await story.stop();
    logger.db.exec('DELETE FROM agent_invocations WHERE id <= 8');
    await story.start();
    await story.keepsHolding();
  });

  it('leave the totals alone when the file is deleted and recreated; the new rows are counted', async () => {
    using workspace = new Workspace();
    const clock = new Clock();
    const database = workspace.file('agent_workflow.db');
    const storage = workspace.file('state');
    const write = (session: string, at: number): void => {
      const logger = new HookLogger(createAgentWorkflow(database), ZONE);
      const id = logger.invocationStart({ session, agent: 'architect', at });
      logger.invocationEnd(id, { at, durationSeconds: 3 });
      logger.toolStart({ session, agent: 'direct', tool: 'Read', at });
      logger.close();
    };
    write('first', NOON - HOUR);
    const first = recount(database, NOON, ZONE);
    await using collector = await Collector.start(database, { clock, storage });
    expect(differences(first, collector.samples())).toEqual([]);
    fs.rmSync(database);
    write('second', NOON);
    const second = recount(database, NOON, ZONE);
    await collector.equals(sumOf(first, second));
  });

  it('leave the totals alone when the file is recreated while nobody looks', async () => {
    using workspace = new Workspace();
    const clock = new Clock();
    const database = workspace.file('agent_workflow.db');
    const storage = workspace.file('state');
    generateAgentWorkflow(database, { invocations: 300, endMs: NOON - HOUR, zone: ZONE, slim: true, seed: 1 });
    openAgentWorkflow(database)
      .exec(`UPDATE agent_invocations SET status = 'completed'; UPDATE agent_tool_uses SET status = 'completed'`)
      .close();
    const first = recount(database, NOON, ZONE);
    await (await Collector.start(database, { clock, storage })).stop();
    fs.rmSync(database);
    generateAgentWorkflow(database, { invocations: 200, endMs: NOON, zone: ZONE, slim: true, seed: 2 });
    openAgentWorkflow(database)
      .exec(`UPDATE agent_invocations SET status = 'completed'; UPDATE agent_tool_uses SET status = 'completed'`)
      .close();
    const second = recount(database, NOON, ZONE);
    await using collector = await Collector.start(database, { clock, storage });
    await collector.equals(sumOf(first, second));
  });
});

/** Counters of both files together; gauges and up-downs of the second. */
function sumOf(first: Samples, second: Samples): Samples {
  const both = new Map([...first].filter(([key]) => isCumulative(key)));
  for (const [key, value] of second) both.set(key, isCumulative(key) ? (both.get(key) ?? 0) + value : value);
  for (const [key, value] of first) {
    if (key.startsWith('agent_workflow_invocation_last_start')) both.set(key, Math.max(value, both.get(key) ?? 0));
  }
  return both;
}

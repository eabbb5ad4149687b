import { describe, expect, it } from 'vitest';
import { createAgentWorkflow, HookLogger } from '../../fixtures/agent-workflow.ts';
import { Clock, Collector, HOUR, MINUTE, Workspace, ZONE } from '../../main-job/harness.ts';
import { Story } from '../../main-job/story.ts';

const ABANDONED =
  'agent_workflow_invocations_total{agent_workflow_phase="development",agent_workflow_status="abandoned",gen_ai_agent_name="architect"}';

describe('a clock that jumps', () => {
  it('ahead and back again abandons a row once, and never un-abandons it', async () => {
    await using story = await Story.begin();
    const { logger, clock } = story;
    const ids = Array.from({ length: 5 }, () =>
      logger.invocationStart({ session: 'a', agent: 'architect', at: clock.nowMs }),
    );
    logger.sessionStart('a', clock.nowMs);
    logger.stop('a', clock.nowMs);
    await story.holds();
    for (let jump = 0; jump < 3; jump += 1) {
      clock.advance(30 * HOUR);
      await story.keepsHolding();
      expect(story.collector.samples().get(ABANDONED)).toBe(ids.length);
      clock.advance(-30 * HOUR);
      await story.keepsHolding();
    }
    for (const id of ids) logger.invocationEnd(id, { at: clock.nowMs, durationSeconds: 1 });
    await story.keepsHolding();
    await story.stop();
    clock.advance(-10 * HOUR);
    await story.start();
    await story.keepsHolding();
    expect(story.collector.samples().get(ABANDONED)).toBe(ids.length);
  });

  it.each([-3 * 24, -1, 1, 3 * 24])('by %d h leaves timers that come due by themselves', async (hours) => {
    await using story = await Story.begin();
    const { logger, clock } = story;
    logger.invocationStart({ session: 'before', agent: 'architect', at: clock.nowMs });
    logger.sessionStart('before', clock.nowMs);
    logger.stop('before', clock.nowMs);
    await story.holds();
    clock.advance(hours * HOUR);
    await story.cycle();
    logger.invocationStart({ session: 'after', agent: 'architect', at: clock.nowMs });
    logger.sessionStart('after', clock.nowMs);
    logger.stop('after', clock.nowMs);
    await story.holds();
    // No write from here on: 31 minutes end the sessions, a day abandons the rows.
    clock.advance(31 * MINUTE);
    await story.holds();
    clock.advance(24 * HOUR);
    await story.holds();
    clock.advance(-hours * HOUR);
    await story.holds();
    await story.keepsHolding();
  });

  it('back after everything was read, and no write: what is due is what the clock says now', async () => {
    await using story = await Story.begin();
    const { logger, clock } = story;
    const start = clock.nowMs;
    logger.invocationStart({ session: 'a', agent: 'architect', at: start });
    logger.sessionStart('a', start);
    logger.stop('a', start);
    await story.holds();
    clock.advance(-5 * HOUR);
    await story.cycle();
    for (let hour = 0; hour < 30; hour += 1) {
      clock.advance(HOUR + 16_000);
      await story.holds();
    }
    expect(story.collector.samples().get(ABANDONED)).toBe(1);
  });

  it('back does not stop the snapshots', async () => {
    using workspace = new Workspace();
    const clock = new Clock();
    const logger = new HookLogger(createAgentWorkflow(workspace.file('agent_workflow.db')), ZONE);
    await using collector = await Collector.start(workspace.file('agent_workflow.db'), { clock });
    const size = (): number | undefined => collector.samples().get('agent_workflow_database_size_bytes');
    const before = size();
    clock.advance(-24 * HOUR);
    logger.transaction(() => {
      for (let row = 0; row < 500; row += 1)
        logger.invocationStart({ session: 'a', agent: 'architect', at: clock.nowMs });
    });
    await expect.poll(size).toBeGreaterThan(before ?? 0);
    logger.close();
  });

  it.each([-24, 24])('by %d h does not keep new files of a glob from being found', async (hours) => {
    using workspace = new Workspace();
    const clock = new Clock();
    const create = (name: string): void => {
      const logger = new HookLogger(createAgentWorkflow(workspace.file(name)), ZONE);
      logger.invocationStart({ session: name, agent: 'architect', at: clock.nowMs });
      logger.close();
    };
    create('a.db');
    await using collector = await Collector.start(workspace.file('*.db'), { clock });
    await collector.shows('agent_workflow_sessions_total', 1);
    clock.advance(hours * HOUR);
    create('b.db');
    clock.advance(16_000);
    await collector.shows('agent_workflow_sessions_total', 2);
  });
});

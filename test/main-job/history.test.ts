import { describe, expect, it } from 'vitest';
import { recount } from '../oracle/recount.ts';
import { sampleKey } from '../oracle/samples.ts';
import { HOUR, MINUTE, NOON, ZONE } from './harness.ts';
import { Story } from './story.ts';

describe('following a database', () => {
  it('counts new rows, and rows completed by UPDATE, once', async () => {
    await using story = await Story.begin();
    const { logger } = story;
    logger.sessionStart('a', NOON);
    const first = logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
    const second = logger.invocationStart({ session: 'a', agent: 'task-planner', phase: 'planning', at: NOON });
    await story.holds();
    logger.invocationEnd(second, { at: NOON + 5000, durationSeconds: 5, rawOutput: '{"usage":{"output_tokens":7}}' });
    await story.holds();
    logger.invocationEnd(first, { at: NOON + 9000, status: 'failed' });
    await story.keepsHolding();
  });

  it.each(['completed', 'failed', 'error'])('settles at status %s without an end_time', async (status) => {
    await using story = await Story.begin();
    const id = story.logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
    const tool = story.logger.toolStart({ session: 'a', agent: 'architect', tool: 'Bash', at: NOON });
    await story.holds();
    story.logger.invocationEnd(id, { status, durationSeconds: 2.5 });
    story.logger.toolEnd(tool, { status });
    await story.keepsHolding();
  });

  it('follows two tables that interleave', async () => {
    await using story = await Story.begin();
    const { logger } = story;
    for (let turn = 0; turn < 5; turn += 1) {
      const id = logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
      const tools = ['Read', 'Bash', 'Read'].map((tool) =>
        logger.toolStart({ session: 'a', agent: 'architect', tool, at: NOON }),
      );
      if (turn % 2 === 0) await story.holds();
      tools.forEach((tool, index) =>
        logger.toolEnd(tool, { at: NOON, durationSeconds: index / 8, status: index === 1 ? 'error' : 'completed' }),
      );
      logger.toolStart({ session: 'a', agent: 'direct', tool: 'Grep', at: NOON });
      logger.subagentStop('a', NOON);
      logger.invocationEnd(id, { at: NOON + 1000 });
      await story.holds();
    }
    await story.keepsHolding();
  });

  it('abandons by age alone, without any write', async () => {
    await using story = await Story.begin();
    story.logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
    story.logger.toolStart({ session: 'a', agent: 'architect', tool: 'Bash', at: NOON });
    await story.holds();
    story.clock.advance(24 * HOUR - 1000);
    await story.cycle();
    story.clock.advance(2000);
    await story.holds();
    const abandoned = {
      gen_ai_agent_name: 'architect',
      agent_workflow_phase: 'development',
      agent_workflow_status: 'abandoned',
    };
    expect(story.collector.samples().get(sampleKey('agent_workflow_invocations_total', abandoned))).toBe(1);
    await story.keepsHolding();
  });

  it('lets a completion after abandonment change nothing', async () => {
    await using story = await Story.begin();
    const id = story.logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
    const tool = story.logger.toolStart({ session: 'a', agent: 'architect', tool: 'Bash', at: NOON });
    await story.holds();
    story.clock.advance(25 * HOUR);
    await story.holds();
    story.logger.invocationEnd(id, {
      at: NOON + 25 * HOUR,
      durationSeconds: 90_000,
      rawOutput: '{"usage":{"input_tokens":5}}',
    });
    story.logger.toolEnd(tool, { at: NOON + 25 * HOUR, durationSeconds: 90_000, status: 'error' });
    await story.keepsHolding();
    await story.stop();
    await story.start();
    await story.holds();
  });

  it('takes the age of a row without a start, or from the future, from when it was first seen', async () => {
    await using story = await Story.begin();
    story.logger.invocationStart({ session: 'a', agent: 'architect', at: null });
    story.logger.invocationStart({ session: 'a', agent: 'task-planner', at: NOON + 100 * HOUR });
    await story.holds();
    await story.stop();
    story.clock.advance(23 * HOUR);
    await story.start();
    await story.holds();
    story.clock.advance(2 * HOUR);
    await story.holds();
  });

  it('changes nothing of a settled row, whatever is written to it', async () => {
    await using story = await Story.begin();
    const id = story.logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
    story.logger.invocationEnd(id, { at: NOON + 1000, durationSeconds: 1 });
    await story.holds();
    story.logger.invocationEnd(id, { at: NOON + 9000, durationSeconds: 900, status: 'failed' });
    story.logger.db.prepare(`UPDATE agent_invocations SET agent_name = 'other', phase = 'other' WHERE id = ?`).run(id);
    await story.keepsHolding();
  });
});

describe('sessions', () => {
  it('start, end a turn, fall silent, and are observed once', async () => {
    await using story = await Story.begin();
    story.logger.sessionStart('a', NOON);
    await story.holds();
    story.clock.advance(10 * MINUTE);
    story.logger.stop('a', story.clock.nowMs);
    await story.holds();
    story.clock.advance(10 * MINUTE);
    story.logger.stop('a', story.clock.nowMs);
    await story.holds();
    story.clock.advance(29 * MINUTE);
    await story.cycle();
    story.clock.advance(2 * MINUTE);
    await story.holds();
    expect(story.collector.samples().get('agent_workflow_session_duration_seconds_sum')).toBe(20 * 60);
    story.logger.stop('a', story.clock.nowMs);
    await story.keepsHolding();
  });

  it('that are resumed by INSERT OR REPLACE are a new run of the same session', async () => {
    await using story = await Story.begin();
    story.logger.sessionStart('a', NOON - HOUR);
    story.logger.sessionStart('b', NOON - HOUR);
    story.logger.stop('a', NOON - 50 * MINUTE);
    await story.holds();
    story.logger.sessionStart('a', NOON);
    await story.holds();
    story.clock.advance(MINUTE);
    story.logger.stop('a', story.clock.nowMs);
    await story.holds();
    story.clock.advance(40 * MINUTE);
    await story.holds();
    expect(story.collector.samples().get('agent_workflow_sessions_total')).toBe(2);
    expect(story.collector.samples().get('agent_workflow_session_duration_seconds_count')).toBe(2);
    await story.keepsHolding();
  });

  it('that are replaced before they settled leave nothing behind', async () => {
    await using story = await Story.begin();
    story.logger.sessionStart('a', NOON);
    await story.holds();
    story.clock.advance(MINUTE);
    story.logger.sessionStart('a', story.clock.nowMs);
    story.logger.sessionStart('b', story.clock.nowMs);
    await story.holds();
    story.logger.sessionStart('a', story.clock.nowMs);
    await story.keepsHolding();
    expect(story.collector.samples().get('agent_workflow_sessions_active')).toBe(2);
  });

  it('without an end are given up after a day, and observed nowhere', async () => {
    await using story = await Story.begin();
    story.logger.sessionStart('a', NOON);
    await story.holds();
    story.clock.advance(24 * HOUR + 1000);
    await story.holds();
    story.logger.stop('a', story.clock.nowMs);
    await story.holds();
    story.clock.advance(HOUR);
    await story.keepsHolding();
    expect(story.collector.samples().get('agent_workflow_session_duration_seconds_count') ?? 0).toBe(0);
  });

  it('need no row of their own to be counted', async () => {
    await using story = await Story.begin();
    story.logger.invocationStart({ session: 'only-invocation', agent: 'architect', at: NOON });
    story.logger.toolStart({ session: 'only-tool', agent: 'direct', tool: 'Read', at: NOON });
    story.logger.subagentStop('only-stop', NOON);
    story.logger.toolStart({ session: 'only-nameless-tool', agent: null, tool: null, at: NOON });
    await story.keepsHolding();
    expect(story.collector.samples().get('agent_workflow_sessions_total')).toBe(4);
  });
});

describe('schema changes while running', () => {
  it('counts agent_tool_uses when it is created later', async () => {
    await using story = await Story.begin({ toolUses: false });
    story.logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
    await story.holds();
    story.logger.createToolUses();
    const tool = story.logger.toolStart({ session: 'b', agent: 'architect', tool: 'Bash', at: NOON });
    await story.holds();
    story.logger.toolEnd(tool, { at: NOON + 100 });
    await story.keepsHolding();
  });

  it('follows sessions of four columns', async () => {
    await using story = await Story.begin({ sessionContext: false });
    story.logger.sessionStart('a', NOON - HOUR);
    story.logger.stop('a', NOON - 59 * MINUTE);
    story.logger.sessionStart('b', NOON);
    await story.keepsHolding();
  });
});

describe('the size of the database', () => {
  it('follows the file within its interval', async () => {
    await using story = await Story.begin();
    story.logger.transaction(() => {
      for (let row = 0; row < 400; row += 1)
        story.logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
    });
    await story.holds();
    story.clock.advance(16_000);
    story.logger.subagentStop('a', NOON);
    await story.collector.equals(() => recount(story.database, story.clock.nowMs, ZONE), {});
  });
});

import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createAgentWorkflow, HookLogger } from '../fixtures/agent-workflow.ts';
import { generateAgentWorkflow } from '../fixtures/generate.ts';
import { recount } from '../oracle/recount.ts';
import { differences } from '../oracle/samples.ts';
import { Clock, Collector, HOUR, MINUTE, NOON, Workspace, ZONE } from './harness.ts';

describe('a first read', () => {
  it.each([
    ['delete journal', { journalMode: 'delete' }],
    ['WAL', { journalMode: 'wal' }],
    ['sessions of four columns', { sessionContext: false }],
    ['no agent_tool_uses', { toolUses: false }],
  ] as const)('equals the recount, the size included: %s', async (_, schema) => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    generateAgentWorkflow(database, { ...schema, invocations: 1500, endMs: NOON, zone: ZONE, slim: true });
    await using collector = await Collector.start(database);
    expect(differences(recount(database, NOON, ZONE), collector.samples())).toEqual([]);
    expect(collector.service.failures).toEqual([]);
  });

  it('of an empty database publishes no series with labels', async () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    createAgentWorkflow(database).close();
    await using collector = await Collector.start(database);
    expect(differences(recount(database, NOON, ZONE), collector.samples())).toEqual([]);
  });

  it('sees the rows of a WAL whose main file is one empty page', async () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    const logger = new HookLogger(createAgentWorkflow(database, { journalMode: 'wal' }), ZONE);
    logger.invocationStart({ session: 'a', agent: 'architect', at: NOON - MINUTE });
    expect(fs.statSync(database).size).toBe(4096);
    await using collector = await Collector.start(database);
    expect(differences(recount(database, NOON, ZONE), collector.samples())).toEqual([]);
    logger.close();
  });

  it('takes every status, NULLs and malformed JSON as the definitions say', async () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    const logger = new HookLogger(createAgentWorkflow(database), ZONE);
    const statuses = ['completed', 'failed', 'error', 'started', 'cancelled', ''];
    const outputs = [null, '', '{', '[]', '"text"', '5', 'null', '{"usage":null}', '{"usage":{"input_tokens":null}}'];
    logger.transaction(() => {
      for (const status of statuses) {
        for (const at of [undefined, NOON - MINUTE]) {
          for (const rawOutput of [...outputs, '{"usage":{"input_tokens":4,"output_tokens":30}}']) {
            const start = { session: 'a', agent: 'architect', at: NOON - 2 * MINUTE };
            const id = logger.invocationStart(start);
            logger.invocationEnd(id, { status, rawOutput, ...(at === undefined ? {} : { at }) });
          }
          const tool = logger.toolStart({ session: 'a', agent: 'architect', tool: 'Read', at: NOON - MINUTE });
          logger.toolEnd(tool, { status, ...(at === undefined ? {} : { at }) });
          const direct = logger.toolStart({ session: 'a', agent: 'direct', tool: 'Read', at: NOON - MINUTE });
          logger.toolEnd(direct, { status, durationSeconds: 1.5, ...(at === undefined ? {} : { at }) });
        }
      }
      logger.invocationStart({ session: null, agent: 'architect', phase: null, at: null });
      logger.invocationStart({ session: null, agent: null, at: NOON });
      logger.toolStart({ session: null, agent: null, tool: 'Bash', at: null });
      logger.toolStart({ session: null, agent: 'architect', tool: null, at: NOON });
      logger.subagentStop('b', NOON);
      logger.trackingStart('b', 'architect', NOON);
      logger.sessionStart('c', null);
      logger.sessionStart('d', 'not a time');
      logger.db.exec(`UPDATE agent_invocations SET status = NULL WHERE id % 7 = 0;
        UPDATE agent_invocations SET duration_seconds = -1 WHERE id % 11 = 0;
        INSERT INTO sessions (session_id, start_time) VALUES (NULL, '2026-11-22T10:00:00')`);
    });
    await using collector = await Collector.start(database);
    expect(differences(recount(database, NOON, ZONE), collector.samples())).toEqual([]);
    logger.close();
  });

  it('publishes the error types of a database that has them', async () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    const logger = new HookLogger(createAgentWorkflow(database), ZONE);
    logger.db.exec(`ALTER TABLE agent_invocations ADD COLUMN error_type TEXT;
      ALTER TABLE agent_tool_uses ADD COLUMN error_type TEXT; ALTER TABLE sessions ADD COLUMN last_event_time TIMESTAMP`);
    const invocation = logger.invocationStart({ session: 'a', agent: 'architect', at: NOON - MINUTE });
    logger.invocationEnd(invocation, { at: NOON, durationSeconds: 3, status: 'failed' });
    const tool = logger.toolStart({ session: 'a', agent: 'architect', tool: 'Bash', at: NOON - MINUTE });
    logger.toolEnd(tool, { at: NOON, durationSeconds: 3, status: 'error' });
    for (const session of ['a', 'b', 'c']) logger.sessionStart(session, NOON - 3 * HOUR);
    logger.stop('b', NOON - 2 * HOUR);
    logger.db.exec(`UPDATE agent_invocations SET error_type = 'timeout';
      UPDATE sessions SET last_event_time = '2026-11-22T11:30:00' WHERE session_id IN ('a', 'b')`);
    await using collector = await Collector.start(database);
    expect(differences(recount(database, NOON, ZONE), collector.samples())).toEqual([]);
    expect(collector.exposition()).toContain('error_type="timeout"');
    logger.close();
  });

  it.each([
    ['a fraction of microseconds', '2026-11-22T12:30:00.401799'],
    ['no fraction', '2026-11-22T12:30:00'],
    ['a space', '2026-11-22 12:30:00'],
    ['Z', '2026-11-22T11:30:00.25Z'],
    ['an offset', '2026-11-22T17:00:00+05:30'],
  ])('reads timestamps with %s', async (_, start) => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    const logger = new HookLogger(createAgentWorkflow(database), ZONE);
    const id = logger.invocationStart({ session: 'a', agent: 'architect', at: start });
    logger.invocationEnd(id, { at: '2026-11-22T12:40:00' });
    logger.sessionStart('a', start);
    await using collector = await Collector.start(database);
    expect(differences(recount(database, NOON, ZONE), collector.samples())).toEqual([]);
    const published = collector
      .samples()
      .get('agent_workflow_invocation_last_start_timestamp_seconds{gen_ai_agent_name="architect"}');
    expect(published).toBeCloseTo(Date.UTC(2026, 10, 22, 11, 30) / 1000, -1);
    logger.close();
  });

  it.each([
    ['begins', Date.UTC(2026, 2, 29, 0, 55)],
    ['ends', Date.UTC(2026, 9, 25, 0, 20)],
  ])('measures durations across the hour in which summer time %s', async (_, changeMs) => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    const logger = new HookLogger(createAgentWorkflow(database), ZONE);
    for (let minute = 0; minute < 90; minute += 7) {
      const at = changeMs + minute * MINUTE;
      const id = logger.invocationStart({ session: 'a', agent: 'architect', at });
      logger.invocationEnd(id, { at: at + 50 * MINUTE + 1 });
    }
    const clock = new Clock(changeMs + 3 * HOUR);
    await using collector = await Collector.start(database, { clock });
    expect(differences(recount(database, clock.nowMs, ZONE), collector.samples())).toEqual([]);
    logger.close();
  });
});

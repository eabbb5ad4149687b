import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateAgentWorkflow } from '../fixtures/generate.ts';
import { HookLogger, openAgentWorkflow } from '../fixtures/agent-workflow.ts';
import { Clock, Collector, HOUR, NOON, Workspace, ZONE } from '../main-job/harness.ts';
import { History } from '../oracle/history.ts';
import { recount } from '../oracle/recount.ts';
import { differences } from '../oracle/samples.ts';
import { requirement } from './requirement.ts';

const corpus = path.join(process.env.AGENTCOL_CORPUS ?? '', 'data/origin-db/attio.db');
const recorded = requirement('the recorded database ($AGENTCOL_CORPUS/data/origin-db/attio.db)', fs.existsSync(corpus));

/** The day after the recording: some of its rows are abandoned, some still open. */
const RECORDED = Date.UTC(2026, 10, 23, 9, 26);

describe.skipIf(!recorded.met)(`the recorded database${recorded.reason}`, () => {
  function copy(workspace: Workspace): string {
    const database = workspace.file('agent_workflow.db');
    fs.copyFileSync(corpus, database);
    fs.chmodSync(database, 0o600);
    return database;
  }

  it.each([
    ['just after the recording', -23.5 * HOUR],
    ['while rows are being abandoned', 0],
    ['long after it', 1000 * HOUR],
  ])('is counted as the recount says: %s', async (_, offset) => {
    using workspace = new Workspace();
    const database = copy(workspace);
    const clock = new Clock(RECORDED + offset);
    await using collector = await Collector.start(database, { clock, zone: 'UTC' });
    expect(differences(recount(database, clock.nowMs, 'UTC'), collector.samples())).toEqual([]);
  });

  it('is followed through a day of silence, new rows and a restart', async () => {
    using workspace = new Workspace();
    const database = copy(workspace);
    const storage = workspace.file('state');
    const clock = new Clock(RECORDED - 23.5 * HOUR);
    const history = new History('UTC');
    let collector = await Collector.start(database, { clock, zone: 'UTC', storage });
    for (const hours of [0, 0.4, 10, 13, 3]) {
      clock.advance(hours * HOUR);
      history.look(database, clock.nowMs);
      await collector.equals(history.samples());
    }
    const logger = new HookLogger(openAgentWorkflow(database), 'UTC');
    logger.invocationStart({ session: 'new', agent: 'architect', at: clock.nowMs });
    logger.db.exec(
      `UPDATE agent_invocations SET status = 'completed', end_time = '2026-11-24T00:00:00' WHERE status = 'started'`,
    );
    logger.close();
    history.look(database, clock.nowMs);
    await collector.equals(history.samples());
    await collector.stop();
    collector = await Collector.start(database, { clock, zone: 'UTC', storage });
    await collector.equals(history.samples());
    await collector.stop();
  });

  it('shows no path and no session id of it', async () => {
    using workspace = new Workspace();
    const database = copy(workspace);
    const db = openAgentWorkflow(database);
    const sessions = db.prepare<[], string>('SELECT session_id FROM sessions').pluck().all();
    db.close();
    await using collector = await Collector.start(database, { clock: new Clock(RECORDED), zone: 'UTC' });
    const text = collector.exposition();
    expect(text).not.toMatch(/\/Users\/|\/home\//);
    for (const session of sessions) expect(text).not.toContain(session);
  });
});

describe('a generated database of 50 000 invocations', () => {
  it('is counted as the recount says, with and without a restart in between', async () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    generateAgentWorkflow(database, { invocations: 50_000, endMs: NOON, zone: ZONE, journalMode: 'wal' });
    const expected = recount(database, NOON, ZONE);
    const storage = workspace.file('state');
    for (let start = 0; start < 2; start += 1) {
      await using collector = await Collector.start(database, { storage });
      expect(differences(expected, collector.samples())).toEqual([]);
    }
  });
});

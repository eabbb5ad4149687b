import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { prepareHookDatabase } from '../../../receivers/claude_code_hooks/prepare.ts';
import { LOG_FILE } from '../../../receivers/claude_code_hooks/refusal-log.ts';
import { Clock, Collector, Workspace, ZONE } from '../../main-job/harness.ts';
import { MAIN } from '../../program.ts';
import { inParallel, runHook } from './hook-process.ts';

const HOOKS = 64;
const EVENTS = 5;
const SESSIONS = 100;
const OLD_CALLS = 20_000;
const DAY_MS = 86_400_000;

const CALLS =
  'agent_workflow_tool_calls_total{agent_workflow_status="completed",gen_ai_agent_name="main",gen_ai_tool_name="Old"}';

function fill(db: Database.Database, atMs: number): void {
  const time = new Date(atMs).toISOString();
  const session = db.prepare(
    `INSERT INTO sessions (session_id, start_time, last_event_time, stored_by) VALUES (?, ?, ?, 'agentcol')`,
  );
  const call = db.prepare(
    `INSERT INTO agent_tool_uses (timestamp, session_id, agent_name, tool_name, status, start_time, end_time, duration_seconds, stored_by, tool_use_id)
     VALUES (?, ?, 'main', 'Old', 'completed', ?, ?, 1, 'agentcol', ?)`,
  );
  db.transaction(() => {
    for (let number = 0; number < SESSIONS; number += 1) session.run(`old-${number}`, time, time);
    for (let number = 0; number < OLD_CALLS; number += 1) {
      call.run(time, `old-${number % SESSIONS}`, time, time, `toolu_old_${number}`);
    }
  })();
}

function writeConfig(workspace: Workspace, database: string): string {
  const file = workspace.file('otel-config.yaml');
  const config = {
    receivers: { 'sqlite/agents': { database, preset: 'agent_workflow', timezone: ZONE, storage: 'file_storage' } },
    processors: { hash: { key: 'a key that only this test knows' }, strip_paths: null },
    exporters: { prometheus: { endpoint: '127.0.0.1:0' } },
    extensions: { file_storage: { directory: workspace.file('state') } },
    service: {
      extensions: ['file_storage'],
      pipelines: {
        metrics: { receivers: ['sqlite/agents'], processors: ['hash', 'strip_paths'], exporters: ['prometheus'] },
      },
    },
  };
  fs.writeFileSync(file, stringify(config));
  return file;
}

describe('retention', () => {
  it(`beside ${HOOKS} hooks at a time and a collector: no event is lost, no total changes`, async () => {
    using workspace = new Workspace();
    const database = workspace.file('agents.db');
    const db = prepareHookDatabase(database);
    const nowMs = Date.now();
    fill(db, nowMs - 100 * DAY_MS);
    const options = { clock: new Clock(nowMs), storage: workspace.file('state') };
    const collector = await Collector.start(database, options);
    const sessions = Array.from({ length: HOOKS }, (_, session) => session);
    const event = (session: number, number: number): string =>
      JSON.stringify({
        session_id: `session-${session}`,
        hook_event_name: 'PreToolUse',
        tool_name: 'New',
        tool_input: { number },
        tool_use_id: `toolu_${session}_${number}`,
      });
    // A first event each, so that the newest rows are none of those to be deleted.
    await inParallel(sessions, HOOKS, async (session) => {
      await runHook(database, event(session, 0));
    });
    await collector.shows(CALLS, OLD_CALLS);

    const words = ['retention', '--older-than', '90d', '--config', writeConfig(workspace, database)];
    const retention = spawn(process.execPath, [MAIN, ...words]);
    let told = '';
    for (const stream of [retention.stdout, retention.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (told += text));
    const ended = once(retention, 'close');
    await inParallel(sessions, HOOKS, async (session) => {
      for (let number = 1; number < EVENTS; number += 1) {
        const { code, stdout, stderr } = await runHook(database, event(session, number));
        expect([code, stdout, stderr]).toEqual([0, '', '']);
      }
    });
    expect([(await ended)[0], told]).toEqual([0, expect.stringMatching(/agent_tool_uses +20,000\n/)]);

    const count = (where: string): unknown =>
      db.prepare(`SELECT count(*) FROM agent_tool_uses WHERE ${where}`).pluck().get();
    expect([count(`tool_name = 'Old'`), count(`tool_name = 'New'`)]).toEqual([0, HOOKS * EVENTS]);
    expect(fs.readdirSync(workspace.folder)).not.toContain(LOG_FILE);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    const active = 'agent_workflow_tool_calls_active{gen_ai_agent_name="main",gen_ai_tool_name="New"}';
    await collector.shows(active, HOOKS * EVENTS);
    await collector.shows('agent_workflow_sessions_total', SESSIONS + HOOKS);
    expect(collector.samples().get(CALLS)).toBe(OLD_CALLS);
    expect(collector.logged.filter((line) => /^(warn|error)/.test(line))).toEqual([]);
    await collector.stop();
    await using restarted = await Collector.start(database, options);
    await restarted.shows(active, HOOKS * EVENTS);
    expect(restarted.samples().get(CALLS)).toBe(OLD_CALLS);
    expect(restarted.samples().get('agent_workflow_sessions_total')).toBe(SESSIONS + HOOKS);
    db.close();
  });
});

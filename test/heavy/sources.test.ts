import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import fs from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { createAgentWorkflow, HookLogger, openAgentWorkflow } from '../fixtures/agent-workflow.ts';
import { Collector, NOON, Workspace, ZONE } from '../main-job/harness.ts';
import { recount } from '../oracle/recount.ts';
import { differences, parseExposition } from '../oracle/samples.ts';
import { requirement } from './requirement.ts';
import { MAIN } from '../program.ts';

/** nobody */
const OTHER = 65_534;
const root = requirement('root, to run as another user', process.getuid?.() === 0);

describe('a database locked for 10 s', () => {
  it('never holds up the event loop, and is read when it is free', async () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    const logger = new HookLogger(createAgentWorkflow(database), ZONE);
    logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
    await using collector = await Collector.start(database);
    logger.db.exec('BEGIN EXCLUSIVE');
    logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
    const blocked = monitorEventLoopDelay({ resolution: 5 });
    blocked.enable();
    await delay(10_000); // the ten seconds are the subject
    blocked.disable();
    expect(blocked.max / 1e6).toBeLessThan(250);
    await collector.fails('busy');
    logger.db.exec('COMMIT');
    await collector.fails(undefined, 10_000);
    await collector.equals(recount(database, NOON, ZONE));
    logger.close();
  });
});

describe.skipIf(!root.met)(`agentcol of another user${root.reason}`, () => {
  /** `agentcol --once` on a database, as the user `nobody`. */
  function once(workspace: Workspace, database: string): SpawnSyncReturns<string> {
    const config = workspace.file('otel-config.yaml');
    fs.chmodSync(workspace.folder, 0o755);
    fs.writeFileSync(
      config,
      stringify({
        receivers: { 'sqlite/agents': { database, preset: 'agent_workflow', timezone: 'UTC' } },
        exporters: { prometheus: { endpoint: '127.0.0.1:0' } },
        service: { pipelines: { metrics: { receivers: ['sqlite/agents'], exporters: ['prometheus'] } } },
      }),
    );
    return spawnSync(process.execPath, [MAIN, '--config', config, '--once'], {
      uid: OTHER,
      gid: OTHER,
      encoding: 'utf8',
      env: { HOME: workspace.folder, PATH: process.env.PATH },
    });
  }

  function create(database: string, journalMode: 'delete' | 'wal'): void {
    const logger = new HookLogger(createAgentWorkflow(database, { journalMode }));
    const id = logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
    logger.invocationEnd(id, { at: NOON, durationSeconds: 1 });
    logger.close();
  }

  it('names an unreadable database', () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    create(database, 'delete');
    fs.chmodSync(database, 0o600);
    const result = once(workspace, database);
    expect(result.stderr).toContain('unreadable');
    expect(result.stderr).toContain(database);
    expect(result.status).toBe(1);
  });

  it('reads a rollback-journal database in a read-only folder', () => {
    using workspace = new Workspace();
    fs.mkdirSync(workspace.file('closed'));
    const database = workspace.file('closed', 'agent_workflow.db');
    create(database, 'delete');
    fs.chmodSync(database, 0o644);
    fs.chmodSync(workspace.file('closed'), 0o555);
    const result = once(workspace, database);
    expect(result.stderr).toBe('');
    const published = parseExposition(result.stdout);
    expect(differences(recount(database, Date.now(), 'UTC'), published)).toEqual([]);
  });

  it('refuses a WAL database in a read-only folder, with what it needs', () => {
    using workspace = new Workspace();
    fs.mkdirSync(workspace.file('closed'));
    const database = workspace.file('closed', 'agent_workflow.db');
    create(database, 'wal');
    fs.chownSync(database, OTHER, OTHER);
    fs.chmodSync(workspace.file('closed'), 0o555);
    const result = once(workspace, database);
    expect(result.stderr).toContain('-shm');
    expect(result.status).toBe(1);
  });

  it('refuses a WAL database of somebody else, whose next write works', () => {
    using workspace = new Workspace();
    fs.mkdirSync(workspace.file('open'));
    fs.chmodSync(workspace.file('open'), 0o777);
    const database = workspace.file('open', 'agent_workflow.db');
    create(database, 'wal');
    fs.chmodSync(database, 0o666);
    const result = once(workspace, database);
    expect(result.stderr).toContain('run agentcol as that user');
    expect(result.status).toBe(1);
    const owner = new HookLogger(openAgentWorkflow(database));
    expect(owner.invocationStart({ session: 'a', agent: 'architect', at: NOON })).toBe(2);
    owner.close();
  });
});

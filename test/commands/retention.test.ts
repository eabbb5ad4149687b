import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { prepareHookDatabase } from '../../receivers/claude_code_hooks/prepare.ts';
import { RETAINED_TABLES } from '../../receivers/claude_code_hooks/retention.ts';
import { parseCommandLine } from '../../src/commands/command-line.ts';
import { importHistory } from '../../src/commands/import.ts';
import { retention } from '../../src/commands/retention.ts';
import { createAgentWorkflow, HookLogger, openAgentWorkflow } from '../fixtures/agent-workflow.ts';
import { History } from '../oracle/history.ts';
import { Clock, Collector, HOUR, MINUTE, NOON, Workspace, ZONE } from '../main-job/harness.ts';
import { capture } from './capture.ts';

const DAY = 24 * HOUR;
const LIMIT = '90d';
const LONG_AGO = NOON - 100 * DAY;

let out: string;

beforeEach(() => {
  out = '';
  capture(process.stdout, (text) => (out += text));
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** A database of our hooks, a collector that counts it, and the command beside it. */
class Scene implements AsyncDisposable {
  readonly workspace = new Workspace();
  readonly clock = new Clock();
  readonly history = new History(ZONE);
  readonly database = this.workspace.file('agent_workflow.db');
  readonly storage = this.workspace.file('state');
  readonly db: Database.Database;
  receiver: Readonly<Record<string, unknown>> = {};
  collector: Collector | undefined;

  constructor(create: (file: string) => Database.Database = prepareHookDatabase) {
    this.db = create(this.database);
  }

  async start(): Promise<void> {
    const { clock, storage, receiver } = this;
    this.collector = await Collector.start(this.database, { clock, storage, receiver });
  }

  async stop(): Promise<void> {
    await this.collector?.stop();
    this.collector = undefined;
  }

  /** What is published is what a collector has counted that saw all there was. */
  async holds(): Promise<void> {
    this.history.look(this.database, this.clock.nowMs);
    await this.collector?.equals(this.history.samples());
  }

  async restartedHolds(): Promise<void> {
    await this.stop();
    await this.start();
    await this.holds();
  }

  /** The configuration of the collector. */
  writeConfig(storage = true): string {
    const file = this.workspace.file('otel-config.yaml');
    const receiver = {
      database: this.database,
      preset: 'agent_workflow',
      timezone: ZONE,
      ...(storage ? { storage: 'file_storage' } : {}),
      ...this.receiver,
    };
    const config = {
      receivers: { 'sqlite/agents': receiver },
      processors: { hash: { key: 'a key that only this test knows' }, strip_paths: null },
      exporters: { prometheus: { endpoint: '127.0.0.1:0' } },
      extensions: { file_storage: { directory: this.storage } },
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

  async retain(options: { storage?: boolean; dryRun?: boolean; database?: string } = {}): Promise<string> {
    const { storage = true, dryRun = false, database } = options;
    const files = [this.writeConfig(storage)];
    out = '';
    expect(await retention({ olderThan: LIMIT, dryRun, database, files, sets: [] }, () => this.clock.nowMs)).toBe(0);
    return out;
  }

  rows(table: string): number {
    return this.db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? 0;
  }

  tool(session: string, at: number, row: Readonly<Record<string, string | null>> = {}): void {
    const time = iso(at);
    this.insert('agent_tool_uses', {
      timestamp: time,
      session_id: session,
      agent_name: 'main',
      tool_name: 'Read',
      status: 'completed',
      start_time: time,
      end_time: iso(at + 1000),
      stored_by: 'agentcol',
      ...row,
    });
  }

  run(session: string, at: number): void {
    const time = iso(at);
    this.insert('lifecycle', { session_id: session, agent_id: 'a1', name: 'SubagentStart', time });
    this.insert('agent_invocations', {
      timestamp: time,
      session_id: session,
      event_type: 'pre_invocation',
      agent_name: 'Explore',
      status: 'completed',
      start_time: time,
      end_time: iso(at + 5000),
      stored_by: 'agentcol',
    });
  }

  session(session: string, at: number): void {
    const time = iso(at);
    const run = { session_id: session, start_time: time, last_event_time: time, stored_by: 'agentcol' };
    this.insert('sessions', run);
    this.insert('events', { time, session_id: session, name: 'UserPromptSubmit' });
    this.insert('compactions', { time, session_id: session, trigger: 'auto' });
    const answer = { tool_name: 'Bash', time, resolved_time: iso(at + 4000), outcome: 'allowed' };
    this.insert('permission_requests', { session_id: session, ...answer });
  }

  insert(table: string, row: Readonly<Record<string, string | null>>): void {
    const columns = Object.keys(row).map((name) => `"${name}"`);
    const marks = columns.map(() => '?');
    this.db.prepare(`INSERT INTO ${table} (${columns.join()}) VALUES (${marks.join()})`).run(...Object.values(row));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.db.close();
    this.workspace[Symbol.dispose]();
  }
}

const iso = (at: number): string => new Date(at).toISOString();

/** A quiet session of long ago and one of today. */
function oldAndNew(scene: Scene): void {
  for (const [session, at] of [
    ['old', LONG_AGO],
    ['new', NOON - HOUR],
  ] as const) {
    scene.session(session, at);
    scene.run(session, at + MINUTE);
    for (let call = 0; call < 3; call += 1) scene.tool(session, at + call * MINUTE);
  }
}

describe('retention', () => {
  it('deletes what is old, and no total changes: running, restarted, and with what comes next', async () => {
    await using scene = new Scene();
    oldAndNew(scene);
    await scene.start();
    await scene.holds();
    const text = await scene.retain();
    expect(text).toMatch(/agent_tool_uses +3\n/);
    expect(text).toMatch(/MB given back/);
    for (const { name } of RETAINED_TABLES) {
      if (name === 'agent_launches' || name === 'model_requests') continue;
      const left = scene.db.prepare(`SELECT DISTINCT session_id FROM ${name}`).pluck().all();
      expect([name, left]).toEqual([name, ['new']]);
    }
    await scene.holds();
    scene.tool('new', NOON - MINUTE);
    scene.run('new', NOON - MINUTE);
    await scene.holds();
    await scene.restartedHolds();
    scene.session('next', NOON - MINUTE);
    scene.tool('next', NOON - MINUTE);
    await scene.holds();
  });

  it('deletes from a database that was taken over of the older logger, row by row', async () => {
    await using scene = new Scene((file) => {
      const logger = new HookLogger(createAgentWorkflow(file), ZONE);
      logger.transaction(() => {
        for (let day = 0; day < 100; day += 1) {
          const at = LONG_AGO - HOUR + day * DAY;
          // One session goes on all the time, as the older logger's "unknown" does.
          logger.sessionStart(`session-${day}`, at);
          logger.stop(`session-${day}`, at + HOUR);
          for (const session of ['unknown', `session-${day}`]) {
            const id = logger.invocationStart({ session, agent: 'architect', at });
            if (day % 3 > 0) logger.invocationEnd(id, { at: at + HOUR, durationSeconds: 3600 });
            logger.toolEnd(logger.toolStart({ session, agent: 'architect', tool: 'Read', at }), { at: at + MINUTE });
          }
        }
      });
      logger.close();
      prepareHookDatabase(file).close();
      return openAgentWorkflow(file);
    });
    await scene.start();
    await scene.holds();
    expect(await scene.retain()).toMatch(/agent_invocations +20\n/);
    expect(out).toMatch(/sessions +10\n/);
    expect(out).toMatch(/without incremental vacuum/);
    expect(scene.rows('agent_invocations')).toBe(180);
    await scene.holds();
    await scene.restartedHolds();
  });

  it('keeps what is open or not yet counted, however old, and the newest row of a table', async () => {
    await using scene = new Scene();
    scene.session('open', NOON - HOUR);
    scene.tool('open', NOON - HOUR, { status: 'started', end_time: null });
    await scene.start();
    await scene.holds();
    await scene.stop();
    scene.tool('late', LONG_AGO);
    scene.session('newest', NOON - HOUR);
    scene.clock.advance(100 * DAY);
    await scene.retain();
    expect(scene.rows('agent_tool_uses')).toBe(2);
    expect(scene.rows('sessions')).toBe(2);
    await scene.start();
    await scene.holds();
    await scene.retain();
    expect(scene.db.prepare('SELECT session_id FROM agent_tool_uses').pluck().all()).toEqual(['late']);
    await scene.restartedHolds();
  });

  it('keeps a session of ours whole as long as anything of it is young', async () => {
    await using scene = new Scene();
    scene.session('long', LONG_AGO);
    scene.run('long', LONG_AGO);
    scene.tool('long', LONG_AGO);
    scene.tool('other', NOON - HOUR);
    scene.insert('events', { time: iso(NOON - HOUR), session_id: 'long', name: 'Notification' });
    await scene.start();
    await scene.retain();
    expect([scene.rows('agent_tool_uses'), scene.rows('lifecycle'), scene.rows('agent_invocations')]).toEqual([
      2, 1, 1,
    ]);
  });

  it('tells with --dry-run what it would delete, and deletes nothing', async () => {
    await using scene = new Scene();
    oldAndNew(scene);
    await scene.start();
    const told = await scene.retain({ dryRun: true });
    expect(told).toMatch(/would be deleted/);
    expect(scene.rows('agent_tool_uses')).toBe(6);
    const numbers = (text: string): string[] => [...text.matchAll(/^ {2}\w+ +\d+$/gm)].map(([line]) => line);
    expect(numbers(told)).toHaveLength(RETAINED_TABLES.length);
    expect(numbers(await scene.retain())).toEqual(numbers(told));
  });

  it('gives space back to the file system', async () => {
    await using scene = new Scene();
    oldAndNew(scene);
    for (let call = 0; call < 2000; call += 1) scene.tool('old', LONG_AGO + call);
    scene.tool('new', NOON - HOUR);
    await scene.start();
    await scene.holds();
    const pages = (): number => Number(scene.db.pragma('page_count', { simple: true }));
    const before = pages();
    await scene.retain();
    expect(pages()).toBeLessThan(before / 2);
    expect(scene.db.pragma('freelist_count', { simple: true })).toBe(0);
    await scene.holds();
  });
});

describe('an import after retention', () => {
  const record = (session: string, id: string, at: number): Readonly<Record<string, unknown>>[] => {
    const common = { sessionId: session, cwd: '/home/a/project', isSidechain: false };
    const use = { type: 'tool_use', id, name: 'Bash', input: {} };
    const message = { id: `msg_${id}`, role: 'assistant', content: [use], usage: { output_tokens: 10 } };
    const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: '' }] };
    return [
      { ...common, type: 'assistant', message, requestId: 'req', timestamp: iso(at) },
      { ...common, type: 'user', message: result, timestamp: iso(at + 1000) },
    ];
  };

  it('of what retention deleted changes no total', async () => {
    await using scene = new Scene();
    const ids = [1, 2, 3, 4, 5].map((number) => `toolu_${number}`);
    const files = {
      'a.jsonl': ids.flatMap((id, index) => record('may', id, LONG_AGO + index * MINUTE)),
      'b.jsonl': ids.slice(2).flatMap((id, index) => record('now', `${id}b`, NOON - HOUR + index * MINUTE)),
    };
    const paths = Object.entries(files).map(([name, records]) => {
      const file = scene.workspace.file(name);
      fs.writeFileSync(file, records.map((value) => JSON.stringify(value)).join('\n'));
      return file;
    });
    const stop = new AbortController().signal;
    expect(await importHistory({ paths, database: scene.database }, stop)).toBe(0);
    await scene.start();
    await scene.holds();
    expect(scene.rows('agent_tool_uses')).toBe(8);
    expect(await scene.retain()).toMatch(/agent_tool_uses +5\n/);
    await scene.holds();
    out = '';
    expect(await importHistory({ paths, database: scene.database }, stop)).toBe(0);
    expect(out).toContain('16 events and requests left out: retention deleted those of their sessions\n');
    expect([scene.rows('agent_tool_uses'), scene.rows('model_requests'), scene.rows('sessions')]).toEqual([3, 3, 1]);
    await scene.holds();
    await scene.restartedHolds();
  });
});

describe('retention refuses', () => {
  it('without storage, since totals would fall at the next start', async () => {
    await using scene = new Scene();
    await expect(scene.retain({ storage: false })).rejects.toThrow(/otel-config.yaml:\d+.*without storage, totals/s);
  });

  it('before anything was counted', async () => {
    await using scene = new Scene();
    await expect(scene.retain()).rejects.toThrow(/no state in .* yet: run the collector first/);
  });

  it('when a metric would be counted anew, with the rows that are left', async () => {
    await using scene = new Scene();
    oldAndNew(scene);
    await scene.start();
    await scene.stop();
    scene.receiver = { maps: { phases: { Explore: 'planning' } } };
    await expect(scene.retain()).rejects.toThrow(/metrics of invocations are defined otherwise/);
    await scene.start();
    expect(await scene.retain()).toMatch(/agent_tool_uses +3\n/);
  });

  it('a database of another program, one that is not there, and one that nobody reads', async () => {
    await using scene = new Scene((file) => createAgentWorkflow(file));
    await scene.start();
    await expect(scene.retain()).rejects.toThrow(/no database of agentcol's hooks: agentcol hooks install/);
    scene.db.pragma('user_version = 7');
    await expect(scene.retain()).rejects.toThrow(/delete old rows of .*: .* is a database of another program/);
    const elsewhere = scene.workspace.file('elsewhere.db');
    await expect(scene.retain({ database: elsewhere })).rejects.toThrow(/no receiver of the configuration reads/);
    scene.receiver = { preset: [], tables: { sessions: { metrics: [{ name: 'a', type: 'counter' }] } } };
    await expect(scene.retain()).rejects.toThrow(/no receiver .* reads a database of agentcol's hooks/);
  });

  it.each([
    [['retention'], /needs --older-than/],
    [['retention', '--older-than', 'soon'], /duration of at least 1d/],
    [['retention', '--older-than', '23h'], /duration of at least 1d/],
    [['run', '--older-than', '90d'], /--older-than has no meaning for run/],
  ])('%j', (words, message) => {
    expect(() => parseCommandLine(words)).toThrow(message);
  });
});

describe('the tables of retention', () => {
  it('are all that belong to a session, but what tells that it was deleted', async () => {
    await using scene = new Scene();
    const tables = scene.db
      .prepare<[], string>(
        `SELECT DISTINCT m.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
         WHERE m.type = 'table' AND c.name = 'session_id'`,
      )
      .pluck()
      .all();
    expect([...RETAINED_TABLES.map(({ name }) => name), 'retired_sessions'].sort()).toEqual(tables.sort());
  });
});

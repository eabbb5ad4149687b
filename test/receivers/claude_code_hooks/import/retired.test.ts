import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../../receivers/claude_code_hooks/decode.ts';
import { importFiles } from '../../../../receivers/claude_code_hooks/import/import.ts';
import { describeImport, type ImportSummary } from '../../../../receivers/claude_code_hooks/import/summary.ts';
import { prepareHookDatabase } from '../../../../receivers/claude_code_hooks/prepare.ts';
import { retain, RETAINED_TABLES } from '../../../../receivers/claude_code_hooks/retention.ts';
import { hookDigest, hookSettings } from '../../../../receivers/claude_code_hooks/settings.ts';
import { HookWriter } from '../../../../receivers/claude_code_hooks/writer.ts';
import { createAgentWorkflow, HookLogger } from '../../../fixtures/agent-workflow.ts';
import { Workspace } from '../../../main-job/harness.ts';

type Json = Readonly<Record<string, unknown>>;

const DAY = 86_400;
/** Epoch seconds. */
const TODAY = Date.UTC(2026, 7, 12) / 1000;
const LONG_AGO = TODAY - 100 * DAY;
const RECENTLY = TODAY - 2 * DAY;
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** A database, what is to be imported into it, and a retention of 90 days, all of it counted. */
class Scene extends Workspace {
  readonly database = this.file('agent_workflow.db');

  write(name: string, values: readonly Json[], modified = TODAY): void {
    const file = this.file('files', name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, values.map((value) => JSON.stringify(value)).join('\n'));
    fs.utimesSync(file, modified, modified);
  }

  import(name = ''): Promise<ImportSummary> {
    return importFiles({
      database: this.database,
      paths: [this.file('files', name)],
      problem: (message) => expect.unreachable(message),
      progress: () => undefined,
      stop: new AbortController().signal,
    });
  }

  /** As hooks would have stored it. */
  hooked(payload: Json, seconds: number): void {
    this.#use((db) => {
      const event = decode(JSON.stringify(payload), hookSettings(db), seconds * 1000, hookDigest(db));
      if (event.kind === 'refusal') throw new Error(event.reason);
      new HookWriter(db).write(event);
    });
  }

  async retain({ dryRun = false, now = TODAY } = {}): Promise<void> {
    const counted = new Map(
      RETAINED_TABLES.map(({ name }) => [name, { upto: Number.MAX_SAFE_INTEGER, kept: [] }] as const),
    );
    const db = prepareHookDatabase(this.database);
    await retain(db, { beforeMs: (now - 90 * DAY) * 1000, counted, dryRun, pause: () => Promise.resolve() });
    db.close();
  }

  rows(sql: string): readonly Json[] {
    return this.#use((db) => db.prepare<[], Json>(sql).all());
  }

  /** How many rows of each session a table has. */
  sessions(table: string): Json {
    const rows = this.rows(`SELECT session_id AS session, count(*) AS count FROM ${table} GROUP BY 1 ORDER BY 1`);
    return Object.fromEntries(rows.map(({ session, count }) => [String(session), count]));
  }

  #use<T>(use: (db: Database.Database) => T): T {
    const db = prepareHookDatabase(this.database);
    try {
      return use(db);
    } finally {
      db.close();
    }
  }
}

/** The newest row of each table stays, however old: what is to go has to come in first, and files come in by their names. */
function writeOldAndNew(scene: Scene): void {
  scene.write('1-old.jsonl', calls('old', LONG_AGO, 5));
  scene.write('2-new.jsonl', calls('new', RECENTLY, 3, 6));
}

/** Records of so many calls, each with a request to the model, a minute apart. */
function calls(session: string, start: number, count: number, first = 1): Json[] {
  return Array.from({ length: count }, (_, index) => {
    const number = first + index;
    const common = { sessionId: session, cwd: '/home/a/project', isSidechain: false };
    const use = { type: 'tool_use', id: `toolu_${number}`, name: 'Bash', input: {} };
    const message = { id: `msg_${number}`, role: 'assistant', content: [use], usage: { output_tokens: 10 } };
    const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: '' }] };
    return [
      { ...common, type: 'assistant', message, requestId: `req_${number}`, timestamp: iso(start + index * 60) },
      { ...common, type: 'user', message: result, timestamp: iso(start + index * 60 + 5) },
    ];
  }).flat();
}

describe('transcripts of sessions that retention deleted', () => {
  it('are left out when they are imported again, and said to be', async () => {
    using scene = new Scene();
    writeOldAndNew(scene);
    await scene.import();
    await scene.retain();
    for (const table of ['agent_tool_uses', 'model_requests']) expect(scene.sessions(table)).toEqual({ new: 3 });
    const again = await scene.import();
    for (const table of ['agent_tool_uses', 'model_requests']) expect(scene.sessions(table)).toEqual({ new: 3 });
    expect(scene.sessions('sessions')).toEqual({ new: 1 });
    // Ten events of calls, one end of a turn, five requests.
    expect(again).toMatchObject({ events: 0, requests: 0, retired: 16 });
    expect(describeImport(again, '/db')).toContain(
      '  nothing is new\n  7 events were there already\n  16 events and requests left out: retention deleted those of their sessions\n',
    );
  });

  it('are left out, too, where hooks told of them and the transcript goes on a little longer', async () => {
    using scene = new Scene();
    const call = { session_id: 'old', tool_name: 'Bash', tool_input: {}, tool_use_id: 'toolu_1' };
    scene.hooked({ ...call, hook_event_name: 'PreToolUse' }, LONG_AGO);
    scene.hooked({ ...call, hook_event_name: 'PostToolUse' }, LONG_AGO + 5);
    scene.hooked({ ...call, session_id: 'new', hook_event_name: 'PreToolUse' }, RECENTLY);
    await scene.retain();
    scene.write('1-old.jsonl', [...calls('old', LONG_AGO, 1), ...calls('old', LONG_AGO + 60, 1, 2).slice(0, 1)]);
    await scene.import();
    expect(scene.sessions('sessions')).toEqual({ new: 1 });
  });

  it('that went on since give what is new', async () => {
    using scene = new Scene();
    writeOldAndNew(scene);
    await scene.import();
    await scene.retain();
    scene.write('1-old.jsonl', [...calls('old', LONG_AGO, 5), ...calls('old', RECENTLY, 2, 21)]);
    for (let times = 0; times < 2; times += 1) await scene.import();
    for (const table of ['agent_tool_uses', 'model_requests']) {
      expect(scene.sessions(table)).toEqual({ new: 3, old: 2 });
    }
    // And again, later.
    await scene.retain({ now: TODAY + 100 * DAY });
    const before = scene.sessions('agent_tool_uses');
    await scene.import();
    expect(scene.sessions('agent_tool_uses')).toEqual(before);
  });

  it('are not mixed up with those of the same time that nobody ever imported', async () => {
    using scene = new Scene();
    writeOldAndNew(scene);
    await scene.import();
    await scene.retain();
    scene.write('3-other.jsonl', calls('other', LONG_AGO, 2, 11));
    await scene.import();
    expect(scene.sessions('agent_tool_uses')).toEqual({ new: 3, other: 2 });
  });

  it.each([
    ['when it was imported, too, before', true],
    ['when it comes together with them', false],
  ])('are left out as copies in a session that continues them, %s', async (_, before) => {
    using scene = new Scene();
    const old = calls('a-old', LONG_AGO, 5);
    const continuing = [...old.map((record) => ({ ...record, sessionId: 'b' })), ...calls('b', RECENTLY, 3, 6)];
    scene.write('a-old.jsonl', old);
    scene.write('c.jsonl', calls('c', RECENTLY, 1, 9));
    if (before) scene.write('b.jsonl', continuing);
    await scene.import();
    await scene.retain();
    if (before) fs.rmSync(scene.file('files', 'a-old.jsonl'));
    scene.write('b.jsonl', continuing);
    await scene.import();
    for (const table of ['agent_tool_uses', 'model_requests']) expect(scene.sessions(table)).toEqual({ b: 3, c: 1 });
  });

  it('are left out where the calls of the older logger were deleted one by one', async () => {
    using scene = new Scene();
    const logger = new HookLogger(createAgentWorkflow(scene.database), 'UTC');
    logger.sessionStart('old', LONG_AGO * 1000);
    const id = logger.toolStart({ session: 'old', agent: 'main', tool: 'Bash', at: LONG_AGO * 1000 });
    logger.toolEnd(id, { at: LONG_AGO * 1000 + 5000 });
    // Its session stays, since this one of its calls does.
    logger.toolStart({ session: 'old', agent: 'main', tool: 'Bash', at: RECENTLY * 1000 });
    logger.close();
    await scene.retain();
    scene.write('1-old.jsonl', calls('old', LONG_AGO, 1));
    expect(await scene.import()).toMatchObject({ events: 0, requests: 0, retired: 4 });
  });
});

describe('recorded payloads of sessions that retention deleted', () => {
  const pre = { session_id: 'old', hook_event_name: 'PreToolUse', tool_name: 'Bash', tool_input: {} };
  const post = { ...pre, hook_event_name: 'PostToolUse' };

  it.each([
    [
      'with times',
      [
        { ...pre, logged_at: iso(LONG_AGO) },
        { ...post, logged_at: iso(LONG_AGO + 5) },
      ],
    ],
    ['with assumed times', [pre, post]],
  ])('are left out when they are imported again, %s, in another form, and from a younger file', async (_, payloads) => {
    using scene = new Scene();
    scene.write('a/hooks.jsonl', payloads, LONG_AGO);
    await scene.import();
    scene.hooked({ ...pre, session_id: 'new' }, RECENTLY);
    await scene.retain();
    expect(scene.sessions('agent_tool_uses')).toEqual({ new: 1 });
    fs.rmSync(scene.file('files', 'a'), { recursive: true });
    scene.write('b/hooks.json', payloads, TODAY);
    expect(await scene.import()).toMatchObject({ events: 0, repeated: 2 });
    expect(scene.sessions('agent_tool_uses')).toEqual({ new: 1 });
  });

  it('are left out where hooks told of them, whatever their times', async () => {
    using scene = new Scene();
    scene.hooked(pre, LONG_AGO);
    scene.hooked({ ...pre, session_id: 'new' }, RECENTLY);
    await scene.retain();
    scene.write('a.jsonl', [pre, post]);
    scene.write('b.jsonl', [{ ...pre, logged_at: iso(LONG_AGO) }]);
    expect(await scene.import()).toMatchObject({ events: 0, toldBefore: 3 });
    expect(scene.sessions('sessions')).toEqual({ new: 1 });
  });
});

describe('what retention leaves of a session', () => {
  it('is one row: its id, up to when, and who told of it', async () => {
    using scene = new Scene();
    writeOldAndNew(scene);
    await scene.import();
    await scene.retain({ dryRun: true });
    expect(scene.rows('SELECT * FROM retired_sessions')).toEqual([]);
    for (let times = 0; times < 2; times += 1) await scene.retain();
    expect(scene.rows('SELECT * FROM retired_sessions')).toEqual([
      { session_id: 'old', before_time: iso(TODAY - 90 * DAY), time_source: 'transcript' },
    ]);
  });
});

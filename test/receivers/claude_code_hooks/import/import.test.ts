import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../../receivers/claude_code_hooks/decode.ts';
import { importFiles } from '../../../../receivers/claude_code_hooks/import/import.ts';
import { describeImport, type ImportSummary } from '../../../../receivers/claude_code_hooks/import/summary.ts';
import { prepareHookDatabase } from '../../../../receivers/claude_code_hooks/prepare.ts';
import { hookDigest, hookSettings } from '../../../../receivers/claude_code_hooks/settings.ts';
import { HookWriter } from '../../../../receivers/claude_code_hooks/writer.ts';
import { Workspace } from '../../../main-job/harness.ts';

type Json = Readonly<Record<string, unknown>>;

const START = Date.UTC(2026, 7, 12, 21, 56);
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();
const SECRET = 'a sentence that nobody else may ever read';

/** A folder with files to be imported, and a database. */
class Import extends Workspace {
  readonly database = this.file('database', 'agent_workflow.db');
  readonly problems: string[] = [];

  write(name: string, values: readonly (Json | string)[]): string {
    const file = this.file('files', name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(
      file,
      values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join('\n'),
    );
    return file;
  }

  run(...names: readonly string[]): Promise<ImportSummary> {
    return importFiles({
      database: this.database,
      paths: (names.length === 0 ? [''] : names).map((name) => this.file('files', name)),
      problem: (message) => this.problems.push(message),
      progress: () => undefined,
      stop: new AbortController().signal,
    });
  }

  /** As hooks would have stored it. */
  hooked(payload: Json, seconds: number): void {
    const db = prepareHookDatabase(this.database);
    const event = decode(JSON.stringify(payload), hookSettings(db), START + seconds * 1000, hookDigest(db));
    if (event.kind === 'refusal') throw new Error(event.reason);
    new HookWriter(db).write(event);
    db.close();
  }

  rows(sql: string): readonly Json[] {
    const db = new Database(this.database, { readonly: true });
    try {
      return db.prepare<[], Json>(sql).all();
    } finally {
      db.close();
    }
  }

  /** Every row of every table. */
  all(): Json {
    const tables = this.rows(`SELECT name FROM sqlite_master WHERE type = 'table'`).map(({ name }) => String(name));
    return Object.fromEntries(tables.map((table) => [table, this.rows(`SELECT * FROM "${table}"`)]));
  }
}

const common = { sessionId: 's-1', cwd: '/home/a/project', isSidechain: false, version: '2.1.228' };

function uses(id: string, name: string, seconds: number, more: Json = {}, input: Json = { command: SECRET }): Json {
  const message = { id: `msg_${id}`, role: 'assistant', content: [{ type: 'tool_use', id, name, input }] };
  return { ...common, type: 'assistant', message, timestamp: at(seconds), ...more };
}

function result(id: string, seconds: number, more: Json = {}, block: Json = {}): Json {
  const message = { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: SECRET, ...block }] };
  return { ...common, type: 'user', message, timestamp: at(seconds), ...more };
}

function answers(id: string, seconds: number, usage: Json, more: Json = {}): Json {
  const message = { id, role: 'assistant', model: 'claude-opus-5', content: [{ type: 'text', text: SECRET }], usage };
  return { ...common, type: 'assistant', requestId: `req_${id}`, message, timestamp: at(seconds), ...more };
}

const inside = { isSidechain: true, agentId: 'a46e7b2c04daf30b7' };
const agentResult = {
  status: 'completed',
  agentId: inside.agentId,
  agentType: 'Explore',
  totalDurationMs: 12_500,
  totalTokens: 26_678,
  totalToolUseCount: 1,
  usage: { input_tokens: 4, output_tokens: 200 },
};

/** A session with two calls and a sub-agent that has one, as Claude Code writes it. */
function writeSession(workspace: Import): void {
  workspace.write('p/s-1.jsonl', [
    { type: 'summary', summary: SECRET, leafUuid: 'x' },
    { ...common, type: 'user', message: { role: 'user', content: SECRET }, timestamp: at(0) },
    uses('t1', 'Bash', 1),
    result('t1', 3, { toolUseResult: { stdout: SECRET } }),
    uses('t2', 'Read', 4),
    result('t2', 5, {}, { is_error: true, content: '<tool_use_error>EISDIR: illegal operation on a directory' }),
    uses('t3', 'Agent', 6, {}, { subagent_type: 'Explore', prompt: SECRET }),
    result('t3', 20, { toolUseResult: { ...agentResult, content: [{ type: 'text', text: SECRET }] } }),
    answers('m1', 21, { input_tokens: 2, output_tokens: 5 }),
    answers('m1', 21.5, { input_tokens: 2, output_tokens: 90, cache_read_input_tokens: 45_958 }),
  ]);
  workspace.write(`p/s-1/subagents/agent-${inside.agentId}.jsonl`, [
    { ...common, ...inside, type: 'user', message: { role: 'user', content: SECRET }, timestamp: at(7) },
    uses('t4', 'Grep', 8, inside),
    result('t4', 9, inside),
    answers('m2', 19, { input_tokens: 4, output_tokens: 200 }, inside),
  ]);
  workspace.write(`p/s-1/subagents/agent-${inside.agentId}.meta.json`, [{ agentType: 'Explore', toolUseId: 't3' }]);
}

const CALLS = `SELECT tool_use_id, tool_name, agent_name, status, error_type, start_time, end_time FROM agent_tool_uses ORDER BY 1`;

describe('the transcripts of a session', () => {
  it('give its calls, runs of agents, and the session, with the times of their records', async () => {
    using workspace = new Import();
    writeSession(workspace);
    const summary = await workspace.run();
    expect(workspace.problems).toEqual([]);
    expect(summary).toMatchObject({ files: 2, unreadable: 0, broken: 0, unrecognised: 0 });
    const call = { agent_name: 'main', status: 'completed', error_type: null };
    expect(workspace.rows(CALLS)).toEqual([
      { ...call, tool_use_id: 't1', tool_name: 'Bash', start_time: at(1), end_time: at(3) },
      {
        ...call,
        tool_use_id: 't2',
        tool_name: 'Read',
        status: 'failed',
        error_type: 'EISDIR',
        start_time: at(4),
        end_time: at(5),
      },
      { ...call, tool_use_id: 't4', tool_name: 'Grep', agent_name: 'Explore', start_time: at(8), end_time: at(9) },
    ]);
    const runs = `SELECT agent_id, agent_name, status, tool_use_id, duration_seconds, start_time, end_time,
      json_extract(raw_output, '$.usage.output_tokens') AS tokens FROM agent_invocations`;
    expect(workspace.rows(runs)).toEqual([
      {
        agent_id: inside.agentId,
        agent_name: 'Explore',
        status: 'completed',
        tool_use_id: 't3',
        duration_seconds: 12.5,
        start_time: at(7),
        end_time: at(19),
        tokens: 200,
      },
    ]);
    expect(workspace.rows('SELECT session_id, project, start_time, time_source FROM sessions')).toEqual([
      { session_id: 's-1', project: 'project', start_time: at(1), time_source: 'transcript' },
    ]);
  });

  it('tell what each request to the model took, once', async () => {
    using workspace = new Import();
    writeSession(workspace);
    // A session that goes on from another has its records once more.
    workspace.write('p/s-2.jsonl', [answers('m1', 21, { input_tokens: 2, output_tokens: 5 }, { sessionId: 's-2' })]);
    await workspace.run();
    expect(
      workspace.rows(
        'SELECT message_id, agent_id, model, input_tokens, output_tokens, cache_read_input_tokens FROM model_requests ORDER BY 1',
      ),
    ).toEqual([
      {
        message_id: 'm1',
        agent_id: null,
        model: 'claude-opus-5',
        input_tokens: 2,
        output_tokens: 90,
        cache_read_input_tokens: 45_958,
      },
      {
        message_id: 'm2',
        agent_id: inside.agentId,
        model: 'claude-opus-5',
        input_tokens: 4,
        output_tokens: 200,
        cache_read_input_tokens: null,
      },
    ]);
  });

  it('imported twice are there once', async () => {
    using workspace = new Import();
    writeSession(workspace);
    expect(await workspace.run()).toMatchObject({ events: 11, requests: 2 });
    const once = workspace.all();
    const repeated = await workspace.run();
    expect(workspace.all()).toEqual(once);
    expect(repeated).toMatchObject({ events: 0, repeated: 11, requests: 0 });
    expect(describeImport(repeated, '/db')).toBe(
      'read 2 files into /db\n  nothing is new\n  11 events were there already\n',
    );
  });

  it('tell which requests to the model have grown', async () => {
    using workspace = new Import();
    const requests = [1, 2, 3].map((number) => answers(`m${number}`, number, { output_tokens: number }));
    workspace.write('s-1.jsonl', requests);
    expect(await workspace.run()).toMatchObject({ requests: 3 });
    workspace.write('s-1.jsonl', [...requests, answers('m3', 3, { output_tokens: 30 }), answers('m4', 4, {})]);
    expect(await workspace.run()).toMatchObject({ requests: 2 });
    expect(await workspace.run()).toMatchObject({ requests: 0 });
  });

  it('that have grown give what is new', async () => {
    using workspace = new Import();
    const records = [uses('t1', 'Bash', 1), result('t1', 3), uses('t2', 'Read', 4), result('t2', 5)];
    workspace.write('s-1.jsonl', records.slice(0, 3));
    await workspace.run();
    expect(workspace.rows(CALLS).map(({ status }) => status)).toEqual(['completed', 'started']);
    workspace.write('s-1.jsonl', records);
    await workspace.run();
    expect(workspace.rows(CALLS).map(({ status }) => status)).toEqual(['completed', 'completed']);
  });

  it('change nothing that hooks recorded, and add what they missed', async () => {
    using workspace = new Import();
    writeSession(workspace);
    const hook = { session_id: 's-1', cwd: '/home/a/project' };
    const call = { ...hook, tool_name: 'Bash', tool_use_id: 't1', tool_input: {} };
    const launch = { ...hook, tool_name: 'Agent', tool_use_id: 't3', tool_input: { subagent_type: 'Explore' } };
    const agent = { ...hook, agent_id: inside.agentId, agent_type: 'Explore' };
    workspace.hooked({ ...call, hook_event_name: 'PreToolUse' }, 1.2);
    workspace.hooked({ ...call, hook_event_name: 'PostToolUse', tool_response: '' }, 2.9);
    workspace.hooked({ ...launch, hook_event_name: 'PreToolUse' }, 6.1);
    workspace.hooked({ ...agent, hook_event_name: 'SubagentStart' }, 6.9);
    workspace.hooked({ ...agent, hook_event_name: 'SubagentStop' }, 19.1);
    workspace.hooked({ ...launch, hook_event_name: 'PostToolUse', tool_response: agentResult }, 19.9);
    const before = workspace.all();
    await workspace.run();
    expect(workspace.rows('SELECT * FROM agent_invocations')).toEqual(before.agent_invocations);
    expect(workspace.rows(`SELECT * FROM agent_tool_uses WHERE tool_use_id = 't1'`)).toEqual(before.agent_tool_uses);
    expect(workspace.rows(CALLS).map(({ tool_use_id: id }) => id)).toEqual(['t1', 't2', 't4']);
    expect(workspace.rows('SELECT time_source FROM sessions')).toEqual([{ time_source: null }]);
  });

  it('are left out where hooks recorded calls without ids', async () => {
    using workspace = new Import();
    writeSession(workspace);
    workspace.hooked({ session_id: 's-1', hook_event_name: 'PreToolUse', tool_name: 'Bash', tool_input: {} }, 1);
    const before = workspace.all();
    await workspace.run();
    expect(workspace.rows(CALLS)).toHaveLength(1);
    expect(workspace.rows('SELECT * FROM agent_invocations')).toEqual(before.agent_invocations);
  });

  it('that continue another have its calls once', async () => {
    using workspace = new Import();
    workspace.write('s-1.jsonl', [uses('t1', 'Bash', 1), result('t1', 3)]);
    const copied = { sessionId: 's-2' };
    workspace.write('s-2.jsonl', [
      uses('t1', 'Bash', 1, copied),
      result('t1', 3, copied),
      uses('t9', 'Bash', 100, copied),
      result('t9', 101, copied),
    ]);
    await workspace.run();
    expect(workspace.rows('SELECT session_id, tool_use_id FROM agent_tool_uses ORDER BY 2')).toEqual([
      { session_id: 's-1', tool_use_id: 't1' },
      { session_id: 's-2', tool_use_id: 't9' },
    ]);
  });

  it('lose a call whose input is nested too deep, and nothing else', async () => {
    using workspace = new Import();
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const nested = JSON.stringify(uses('t1', 'Bash', 1, {}, { x: 'deep' })).replace('"deep"', deep);
    workspace.write('s-1.jsonl', [nested, uses('t2', 'Read', 4), result('t2', 5)]);
    const { refused } = await workspace.run();
    expect(refused).toEqual(new Map([['too_deep', 1]]));
    expect(workspace.rows(CALLS)).toMatchObject([{ tool_use_id: 't2', status: 'completed' }]);
  });

  it('give each compaction once, that of the hook included', async () => {
    using workspace = new Import();
    const compacted = (seconds: number): Json => ({
      ...common,
      type: 'system',
      subtype: 'compact_boundary',
      compactMetadata: { trigger: 'auto' },
      timestamp: at(seconds),
    });
    workspace.write('s-1.jsonl', [compacted(100), compacted(150), compacted(4000)]);
    workspace.hooked({ session_id: 's-1', hook_event_name: 'PreCompact', trigger: 'auto' }, 3900);
    for (let times = 0; times < 2; times += 1) await workspace.run();
    expect(workspace.rows('SELECT time FROM compactions ORDER BY time')).toEqual([
      { time: at(100) },
      { time: at(150) },
      { time: at(3900) },
    ]);
  });
});

describe('recorded payloads', () => {
  const call = { session_id: 's-1', tool_name: 'Bash', tool_input: { command: SECRET }, cwd: '/home/a/project' };
  const pre = { ...call, hook_event_name: 'PreToolUse' };
  const post = { ...call, hook_event_name: 'PostToolUse', tool_response: { stdout: SECRET } };

  it('with a time each happened then', async () => {
    using workspace = new Import();
    workspace.write('hooks.jsonl', [
      { ...pre, logged_at: at(1) },
      { ...post, timestamp: at(2.5) },
    ]);
    await workspace.run();
    expect(workspace.rows('SELECT start_time, end_time, status, time_source FROM agent_tool_uses')).toEqual([
      { start_time: at(1), end_time: at(2.5), status: 'completed', time_source: null },
    ]);
    expect(workspace.rows('SELECT time_source FROM sessions')).toEqual([{ time_source: 'recorded' }]);
  });

  it('without times happened in their order, when nobody knows, and took as long as they say', async () => {
    using workspace = new Import();
    const launch = { ...call, tool_name: 'Task', tool_input: { subagent_type: 'Explore' } };
    const file = workspace.write('hooks.jsonl', [
      // One time among others that are missing tells nothing of those.
      { ...pre, logged_at: at(1) },
      post,
      { ...launch, hook_event_name: 'PreToolUse' },
      { ...launch, hook_event_name: 'PostToolUse', tool_response: { totalDurationMs: 1500 } },
    ]);
    fs.utimesSync(file, START / 1000, START / 1000);
    await workspace.run();
    expect(workspace.rows('SELECT start_time, end_time, duration_seconds, time_source FROM agent_tool_uses')).toEqual([
      { start_time: at(0), end_time: at(0.001), duration_seconds: null, time_source: 'assumed' },
    ]);
    expect(workspace.rows('SELECT agent_name, status, duration_seconds, time_source FROM agent_invocations')).toEqual([
      { agent_name: 'Explore', status: 'completed', duration_seconds: 1.5, time_source: 'assumed' },
    ]);
    expect(workspace.rows('SELECT time_source FROM sessions')).toEqual([{ time_source: 'assumed' }]);
  });

  it('imported twice are there once, equal ones as often as they were recorded', async () => {
    using workspace = new Import();
    workspace.write('hooks.jsonl', [pre, post, pre, post]);
    const first = await workspace.run();
    const once = workspace.all();
    const second = await workspace.run();
    expect(workspace.all()).toEqual(once);
    expect([first.events, first.repeated, second.events, second.repeated]).toEqual([4, 0, 0, 4]);
    expect(workspace.rows('SELECT status FROM agent_tool_uses')).toEqual([
      { status: 'completed' },
      { status: 'completed' },
    ]);
    // Three of each by now: one is new.
    workspace.write('hooks.jsonl', [pre, post, pre, post, pre, post]);
    expect(await workspace.run()).toMatchObject({ events: 2, repeated: 4 });
    expect(workspace.rows('SELECT status FROM agent_tool_uses')).toHaveLength(3);
  });

  it('are the same in lines and in an array, however they are written, and whatever time is assumed', async () => {
    using workspace = new Import();
    const lines = workspace.write('a/hooks.jsonl', [pre, post, pre, { ...post, '2': 1, '1': { b: 1, a: 'é' } }]);
    await workspace.run('a');
    const once = workspace.all();
    const reversed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reversed);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, inner]) => [key, reversed(inner)]),
      );
    };
    const values = fs
      .readFileSync(lines, 'utf8')
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    const array = workspace.write('b/hooks.json', [
      JSON.stringify(reversed(values), undefined, 2).replaceAll('é', '\\u00e9'),
    ]);
    fs.utimesSync(array, START / 1000, START / 1000);
    expect(await workspace.run('b')).toMatchObject({ events: 0, repeated: 4 });
    expect(workspace.all()).toEqual(once);
    // One more than were imported before is new.
    workspace.write('c/hooks.json', [JSON.stringify([...values, pre])]);
    expect(await workspace.run('c')).toMatchObject({ events: 1, repeated: 4 });
  });

  it('that are nested too deep for anybody are refused', async () => {
    using workspace = new Import();
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    workspace.write('hooks.jsonl', [JSON.stringify({ ...pre, tool_input: 'deep' }).replace('"deep"', deep), pre]);
    const { events, refused } = await workspace.run();
    expect([events, refused]).toEqual([1, new Map([['too_deep', 1]])]);
  });

  it('of a session that hooks or a transcript told of are left out', async () => {
    using workspace = new Import();
    workspace.hooked({ session_id: 's-1', hook_event_name: 'Stop' }, 1);
    workspace.write('a/s-3.jsonl', [uses('t1', 'Bash', 1, { sessionId: 's-3' })]);
    await workspace.run('a');
    workspace.write('b/hooks.jsonl', [pre, { ...pre, session_id: 's-2' }, { ...pre, session_id: 's-3' }]);
    expect(await workspace.run('b')).toMatchObject({ events: 1, toldBefore: 2 });
    expect(workspace.rows('SELECT session_id FROM agent_tool_uses ORDER BY 1')).toEqual([
      { session_id: 's-2' },
      { session_id: 's-3' },
    ]);
  });

  it('in an array are read as those in lines are', async () => {
    using workspace = new Import();
    workspace.write('hooks.json', [JSON.stringify([pre, post, { ...pre, session_id: 's-2' }], undefined, 2)]);
    expect(await workspace.run()).toMatchObject({ events: 3, broken: 0 });
  });

  it('that a hook would refuse are refused, and counted by reason', async () => {
    using workspace = new Import();
    workspace.write('hooks.jsonl', [
      { hookEventName: 'PreToolUse', sessionId: 's-1', toolName: 'Bash' },
      { ...pre, tool_name: 'not a name' },
    ]);
    const { refused } = await workspace.run();
    expect(refused).toEqual(
      new Map([
        ['foreign_dialect', 1],
        ['invalid', 1],
      ]),
    );
  });
});

describe('an import', () => {
  it('tells lines that it cannot read by file and line, never what is in them, and goes on', async () => {
    using workspace = new Import();
    const broken = `{"session_id": "${SECRET}`;
    const file = workspace.write('hooks.jsonl', [
      broken,
      uses('t1', 'Bash', 1),
      ...Array<string>(7).fill(broken),
      '3',
      { a: 1 },
    ]);
    const missing = workspace.file('files', 'missing');
    const summary = await workspace.run('', 'missing');
    expect(summary).toMatchObject({ files: 1, broken: 8, unrecognised: 2, unreadable: 1 });
    expect(workspace.problems).toEqual([
      expect.stringContaining(`${missing}: `),
      ...[1, 3, 4, 5, 6].map((line) => `${file}:${line}: not JSON`),
      `${file}: 3 more lines like these`,
    ]);
    expect(workspace.rows(CALLS)).toHaveLength(1);
  });

  it('goes on after files that it cannot read', async () => {
    using workspace = new Import();
    workspace.write('s-1.jsonl', [uses('t1', 'Bash', 1)]);
    // Not a file; and one that can be opened, but not read.
    const summary = await importFiles({
      database: workspace.database,
      paths: ['/dev/null', '/proc/self/mem', workspace.file('files')],
      problem: (message) => workspace.problems.push(message),
      progress: () => undefined,
      stop: new AbortController().signal,
    });
    expect(summary).toMatchObject({ files: 2, unreadable: 2 });
    expect(workspace.problems).toEqual([
      '/dev/null: is neither a file nor a folder',
      expect.stringMatching(/^\/proc\/self\/mem: .*EIO/),
    ]);
    expect(workspace.rows(CALLS)).toHaveLength(1);
  });

  it('stores no prompt, input or output', async () => {
    using workspace = new Import();
    writeSession(workspace);
    await workspace.run();
    expect(JSON.stringify(workspace.all())).not.toContain(SECRET.slice(0, 24));
  });

  it('stops when it is told to, with what it has stored until then', async () => {
    using workspace = new Import();
    writeSession(workspace);
    const stop = new AbortController();
    const summary = await importFiles({
      database: workspace.database,
      paths: [workspace.file('files')],
      problem: () => undefined,
      progress: () => {
        stop.abort();
      },
      stop: stop.signal,
    });
    expect(summary.files).toBe(1);
    expect(workspace.rows(CALLS)).toHaveLength(2);
  });

  it('says what became of everything', () => {
    const summary: ImportSummary = {
      files: 1200,
      unreadable: 1,
      broken: 2,
      unrecognised: 0,
      recognised: 34_579,
      events: 34_567,
      repeated: 5,
      toldBefore: 3,
      retired: 6,
      refused: new Map([['too_deep', 4]]),
      requests: 0,
    };
    expect(describeImport(summary, '/db').split('\n')).toEqual([
      'read 1,200 files into /db',
      '  34,567 events stored',
      '  2 events were there already',
      '  3 recorded payloads left out: hooks or a transcript told of their sessions before',
      '  6 events and requests left out: retention deleted those of their sessions',
      '  4 payloads refused, as hooks would have refused them (too_deep 4)',
      '  2 lines left out: not JSON, or too long',
      '  1 files or folders could not be read',
      '',
    ]);
  });
});

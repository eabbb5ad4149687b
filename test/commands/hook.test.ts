import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { prepareHookDatabase } from '../../receivers/claude_code_hooks/prepare.ts';
import { LOG_FILE } from '../../receivers/claude_code_hooks/refusal-log.ts';
import { createAgentWorkflow } from '../fixtures/agent-workflow.ts';
import { Workspace } from '../main-job/harness.ts';
import { runHookProcess, type HookRun } from './hook-process.ts';
import { MAIN } from '../program.ts';

const SILENT: HookRun = { code: 0, output: '' };
const SECRET = 'the-one-thing-nobody-may-see';

let workspace: Workspace;
let database: string;

beforeEach(() => {
  workspace = new Workspace();
  database = workspace.file('data', 'agents.db');
});
afterEach(() => {
  workspace[Symbol.dispose]();
});

function event(name: string, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ session_id: 'session-1', cwd: '/work/project', hook_event_name: name, ...more });
}

function hook(input: string | Buffer | undefined, words: readonly string[] = ['--database', database]) {
  return runHookProcess([MAIN, 'hook', ...words], input);
}

function rows(sql: string, file = database): unknown[] {
  const db = new Database(file, { readonly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}

/** The reasons that the log tells, in order. */
function logged(folder = path.dirname(database)): string[] {
  const text = fs.readFileSync(path.join(folder, LOG_FILE), 'utf8');
  expect(text).not.toContain(SECRET);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { reason: string }).reason);
}

describe('an event on standard input', () => {
  it('is stored, in a database that is made for it', async () => {
    expect(await hook(event('SessionStart', { source: 'startup' }))).toEqual(SILENT);
    expect(rows('SELECT session_id, status, start_source, project FROM sessions')).toEqual([
      { session_id: 'session-1', status: 'active', start_source: 'startup', project: 'project' },
    ]);
    expect(fs.readdirSync(path.dirname(database))).not.toContain(LOG_FILE);
  });

  it('has the time at which the process was started', async () => {
    prepareHookDatabase(database).close();
    const before = Date.now();
    await hook(event('SessionStart', { source: 'startup' }));
    const [row] = rows('SELECT start_time FROM sessions') as { start_time: string }[];
    expect(row?.start_time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Date.parse(row!.start_time)).toBeGreaterThanOrEqual(before - 1);
    expect(Date.parse(row!.start_time)).toBeLessThan(Date.now());
  });

  test('its database is named by --database=, by AGENT_WORKFLOW_DB, or is that of the data folder', async () => {
    const words = [MAIN, 'hook'];
    const input = event('SessionStart', { source: 'startup' });
    const home = { HOME: workspace.file('home') };
    expect(await runHookProcess([...words, `--database=${workspace.file('1.db')}`], input)).toEqual(SILENT);
    expect(await runHookProcess(words, input, { AGENT_WORKFLOW_DB: workspace.file('2.db') })).toEqual(SILENT);
    expect(await runHookProcess(words, input, home)).toEqual(SILENT);
    const usual = workspace.file('home/.local/share/agentcol/agent_workflow.db');
    for (const file of [workspace.file('1.db'), workspace.file('2.db'), usual]) {
      expect(rows('SELECT session_id FROM sessions', file)).toEqual([{ session_id: 'session-1' }]);
    }
    expect(fs.statSync(path.dirname(usual)).mode & 0o777).toBe(0o700);
  });

  it('is stored in a database of the older logger, which is adopted', async () => {
    fs.mkdirSync(path.dirname(database));
    createAgentWorkflow(database).close();
    // Its foreign keys were never enforced: a call may come before its session, and a session may begin anew.
    const call = { tool_name: 'Read', tool_input: {}, tool_use_id: 'toolu_1' };
    expect(await hook(event('PreToolUse', call))).toEqual(SILENT);
    expect(await hook(event('SessionEnd', { reason: 'other' }))).toEqual(SILENT);
    expect(await hook(event('SessionStart', { source: 'resume' }))).toEqual(SILENT);
    expect(fs.readdirSync(path.dirname(database))).not.toContain(LOG_FILE);
    expect(rows('SELECT session_id, status, stored_by FROM sessions')).toEqual([
      { session_id: 'session-1', status: 'active', stored_by: 'agentcol' },
    ]);
    expect(rows('SELECT tool_name, status FROM agent_tool_uses')).toEqual([{ tool_name: 'Read', status: 'started' }]);
  });

  it('is waited for', async () => {
    prepareHookDatabase(database).close();
    const child = spawn(process.execPath, [MAIN, 'hook', '--database', database], { stdio: ['pipe', 1, 2] });
    const closed = once(child, 'close') as Promise<[number]>;
    const [first, rest] = [event('SessionStart').slice(0, 20), event('SessionStart').slice(20)];
    child.stdin!.write(first);
    await once(child, 'spawn');
    child.stdin!.end(rest);
    expect((await closed)[0]).toBe(0);
    expect(rows('SELECT session_id FROM sessions')).toHaveLength(1);
  });
});

describe('a hook that cannot store its event ends with 0, says nothing to the agent, and tells the log', () => {
  it.each<[string, string, string | Buffer | undefined]>([
    ['not_json', 'no standard input', undefined],
    ['not_json', 'nothing on it', ''],
    ['not_json', 'no JSON', `{"prompt": "${SECRET}`],
    ['not_json', 'bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x01])],
    ['invalid', 'JSON that is no object', JSON.stringify([SECRET])],
    ['too_large', '2 MiB', event('UserPromptSubmit', { prompt: SECRET + 'x'.repeat(2 ** 21) })],
    [
      'too_deep',
      'a thousand levels',
      event('X', { a: SECRET }).slice(0, -1) + `,"b":${'['.repeat(999)}${']'.repeat(999)}}`,
    ],
    ['foreign_dialect', 'the payload of another agent', JSON.stringify({ hookEventName: 'x', prompt: SECRET })],
  ])('as %s: %s', async (reason, _, input) => {
    expect(await hook(input)).toEqual(SILENT);
    expect(logged()).toEqual([reason]);
    expect(rows('SELECT reason, count FROM refusals')).toEqual([{ reason, count: 1 }]);
    expect(fs.readFileSync(database, 'latin1')).not.toContain(SECRET);
  });

  it.each<[string, string, () => void]>([
    ['not_a_file', 'a folder', () => fs.mkdirSync(database, { recursive: true })],
    [
      'foreign_database',
      'a database of another program',
      () => {
        fs.mkdirSync(path.dirname(database));
        const db = new Database(database);
        db.exec('CREATE TABLE bookmarks (url)');
        db.close();
      },
    ],
    [
      'database',
      'a file that is no database',
      () => {
        fs.mkdirSync(path.dirname(database));
        fs.writeFileSync(database, 'x'.repeat(10_000));
      },
    ],
    [
      'newer_version',
      'a database of a newer agentcol',
      () => {
        const db = prepareHookDatabase(database);
        db.pragma('user_version = 1000');
        db.close();
      },
    ],
    [
      'busy',
      'a database that stays locked, within the second that the end of a session has',
      () => {
        const db = prepareHookDatabase(database);
        db.exec('BEGIN IMMEDIATE');
      },
    ],
  ])('as %s: %s', async (reason, _, make) => {
    make();
    const startMs = performance.now();
    expect(await hook(event('SessionEnd', { reason: SECRET }))).toEqual(SILENT);
    expect(performance.now() - startMs).toBeLessThan(1_500);
    expect(logged()).toEqual([reason]);
  });

  it('as called_wrongly, rather than in a database that was not meant', async () => {
    const around = { AGENT_WORKFLOW_DB: database };
    fs.mkdirSync(path.dirname(database));
    for (const words of [['--databse', 'x'], ['--database'], ['--database', 'a', 'b'], ['now']]) {
      expect(await runHookProcess([MAIN, 'hook', ...words], event('Stop'), around)).toEqual(SILENT);
    }
    expect(logged()).toEqual(['called_wrongly', 'called_wrongly', 'called_wrongly', 'called_wrongly']);
    expect(fs.existsSync(database)).toBe(false);
  });

  it('as error, where there is no room for the copy of a database to be adopted, which stays as it was', async () => {
    fs.mkdirSync(path.dirname(database));
    const older = createAgentWorkflow(database);
    older.exec(`INSERT INTO agent_invocations (session_id, prompt) VALUES ('a', hex(zeroblob(40000)))`);
    older.close();
    // 40 KiB: enough for the shared memory of a write-ahead log, and for half of the copy.
    const limited = `trap '' XFSZ; ulimit -f 80; exec "$0" "$@"`;
    const words = ['-c', limited, process.execPath, MAIN, 'hook', '--database', database];
    expect(await runHookProcess(words, event('Stop'), {}, '/bin/sh')).toEqual(SILENT);
    expect(logged()).toEqual(['error']);
    expect(fs.readdirSync(path.dirname(database)).filter((name) => name.includes('.before-'))).toEqual([]);
    expect(rows('PRAGMA user_version')).toEqual([{ user_version: 0 }]);
    expect(rows('SELECT length(prompt) AS length FROM agent_invocations')).toEqual([{ length: 80_000 }]);
  });

  it('and where there is no place for a log either, nobody', async () => {
    fs.writeFileSync(workspace.file('data'), 'a file in the place of the folder');
    expect(await hook(event('Stop'))).toEqual(SILENT);
    expect(fs.readdirSync(workspace.folder)).toEqual(['data']);
  });

  it('and where it is only half installed, nobody', async () => {
    const alone = workspace.file('main.cjs');
    fs.copyFileSync(MAIN, alone);
    expect(await runHookProcess([alone, 'hook', '--database', database], event('Stop'))).toEqual(SILENT);
  });
});

describe('the command line', () => {
  it('still answers who asks for help', async () => {
    const { code, output } = await runHookProcess([MAIN, 'hook', '--help'], undefined);
    expect(code).toBe(0);
    expect(output).toContain('agentcol hook ');
  });
});

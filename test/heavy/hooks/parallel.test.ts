import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { prepareHookDatabase } from '../../../receivers/claude_code_hooks/prepare.ts';
import { LOG_FILE } from '../../../receivers/claude_code_hooks/refusal-log.ts';
import { createAgentWorkflow } from '../../fixtures/agent-workflow.ts';
import { Random } from '../../fixtures/random.ts';
import { Workspace } from '../../main-job/harness.ts';
import { MAIN } from '../../program.ts';
import { inParallel, runHook, type HookRun } from './hook-process.ts';

const HOOKS = 64;
/** A process takes a tenth of a second of processor time, where nothing else wants it. */
const TIMEOUT_MS = 900_000;
const WORKERS = 8;
const KILLS = 400;
/** One call of a tool begins, in a session of its own for each of the hooks that run at a time. */
function call(session: number, number: number): string {
  return JSON.stringify({
    session_id: `session-${session}`,
    cwd: '/work/project',
    permission_mode: 'default',
    hook_event_name: 'PreToolUse',
    tool_name: `Tool${number % 7}`,
    tool_input: { command: `echo ${session} ${number}` },
    tool_use_id: `toolu_${session}_${number}`,
  });
}

interface Stored {
  readonly session_id: string;
  readonly tool_use_id: string;
  readonly tool_name: string;
  readonly status: string;
  readonly start_time: string | null;
  readonly stored_by: string;
  readonly project: string | null;
}

function storedCalls(database: string): { calls: Map<string, Stored>; sessions: Set<string>; sound: unknown } {
  const db = new Database(database);
  try {
    const calls = db
      .prepare<[], Stored>(
        'SELECT session_id, tool_use_id, tool_name, status, start_time, stored_by, project FROM agent_tool_uses',
      )
      .all();
    expect(new Set(calls.map((row) => row.tool_use_id)).size).toBe(calls.length);
    return {
      calls: new Map(calls.map((row) => [row.tool_use_id, row])),
      sessions: new Set(db.prepare<[], string>('SELECT session_id FROM sessions').pluck().all()),
      sound: db.pragma('integrity_check', { simple: true }),
    };
  } finally {
    db.close();
  }
}

/** The columns of a call that begins, whatever else there is. */
function wholeCall(session: number, number: number): Readonly<Record<keyof Stored, unknown>> {
  return {
    session_id: `session-${session}`,
    tool_use_id: `toolu_${session}_${number}`,
    tool_name: `Tool${number % 7}`,
    status: 'started',
    start_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/) as unknown,
    stored_by: 'agentcol',
    project: 'project',
  };
}

const beginnings: readonly (readonly [string, number, number, (file: string) => void])[] = [
  ['no database, which all find missing', 50, 0, () => undefined],
  ['one of the older logger, which all find', 5, 1, (file) => createAgentWorkflow(file).close()],
];

describe(`${HOOKS} parallel hooks`, () => {
  it.each(beginnings)(
    'beginning with %s: lose none of %i events each',
    async (_, events, copiesMade, make) => {
      using workspace = new Workspace();
      const database = workspace.file('agents.db');
      make(database);
      const runs: HookRun[] = [];
      const sessions = Array.from({ length: HOOKS }, (_, session) => session);
      await inParallel(sessions, HOOKS, async (session) => {
        for (let number = 0; number < events; number += 1) runs.push(await runHook(database, call(session, number)));
      });
      expect(runs.filter(({ code, stdout, stderr }) => code !== 0 || stdout !== '' || stderr !== '')).toEqual([]);
      expect(logged(workspace.file(LOG_FILE))).toBe('');
      const { calls, sessions: seen, sound } = storedCalls(database);
      expect([calls.size, seen.size, sound]).toEqual([HOOKS * events, HOOKS, 'ok']);
      for (const session of sessions) {
        for (let number = 0; number < events; number += 1) {
          expect(calls.get(`toolu_${session}_${number}`)).toEqual(wholeCall(session, number));
        }
      }
      const copies = fs.readdirSync(workspace.folder).filter((name) => name.includes('.before-agentcol-'));
      expect(copies).toHaveLength(copiesMade);
      const slowest = Math.max(...runs.map(({ elapsedMs }) => elapsedMs));
      console.log(`${runs.length} hooks, ${HOOKS} at a time: the slowest took ${slowest.toFixed(0)} ms`);
    },
    TIMEOUT_MS,
  );
});

describe(`kill -9 of ${KILLS} hooks at random points`, () => {
  it(
    'leaves a sound database in which every event is whole or not there, and those that ended are',
    async () => {
      using workspace = new Workspace();
      const database = workspace.file('data', 'agents.db');
      const seed = Date.now() % 2 ** 32;
      console.log(`seed ${seed}`);
      const random = new Random(seed);
      const lifeMs = await lifeTime(workspace.file('other', 'agents.db'));
      const ended = new Set<string>();
      const numbers = Array.from({ length: KILLS }, (_, number) => number);
      await inParallel(numbers, WORKERS, async (number) => {
        const child = spawn(process.execPath, [MAIN, 'hook', '--database', database], { stdio: ['pipe', 1, 2] });
        child.stdin?.on('error', () => undefined);
        child.stdin?.end(call(number, number));
        const closed = once(child, 'close') as Promise<[number | null]>;
        const timer = setTimeout(() => child.kill('SIGKILL'), random.next() * lifeMs);
        if ((await closed)[0] === 0) ended.add(`toolu_${number}_${number}`);
        clearTimeout(timer);
      });
      prepareHookDatabase(database).close();
      const { calls, sessions, sound } = storedCalls(database);
      expect(sound).toBe('ok');
      expect([...ended].filter((id) => !calls.has(id))).toEqual([]);
      for (const number of numbers) {
        const row = calls.get(`toolu_${number}_${number}`);
        if (row !== undefined) expect(row).toEqual(wholeCall(number, number));
        expect(sessions.has(`session-${number}`)).toBe(row !== undefined);
      }
      // Otherwise nothing was tried.
      expect(ended.size).toBeLessThan(KILLS);
      expect(calls.size).toBeGreaterThan(0);
      console.log(`${KILLS} hooks: ${ended.size} ended, ${calls.size} stored`);
    },
    TIMEOUT_MS,
  );
});

/** How long a hook lives that is not killed, where as many run at a time. */
async function lifeTime(database: string): Promise<number> {
  const lives: number[] = [];
  const numbers = Array.from({ length: 3 * WORKERS }, (_, number) => number);
  await inParallel(numbers, WORKERS, async (number) => {
    lives.push((await runHook(database, call(number, number))).elapsedMs);
  });
  return Math.max(...lives);
}

function logged(file: string): string {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

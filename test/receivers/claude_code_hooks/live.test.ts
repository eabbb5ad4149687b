import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runHook } from '../../../receivers/claude_code_hooks/hook.ts';
import { HOOK_SETTINGS } from '../../../receivers/claude_code_hooks/settings.ts';
import { HookStore } from '../../../receivers/claude_code_hooks/store.ts';
import { Workspace } from '../../main-job/harness.ts';
import { EPOCH_MS, type Payload } from './recording.ts';

/** Times that each event happens, all in one millisecond. */
const TIMES = 16;
const LS = { tool_name: 'Bash', tool_input: { command: 'ls' } };

let workspace: Workspace;
let database: string;

beforeEach(() => {
  workspace = new Workspace();
  database = workspace.file('agents.db');
});
afterEach(() => {
  workspace[Symbol.dispose]();
});

/** A process stamps with the time when it was started: here, that of this one. */
function byCommand(texts: readonly string[]): void {
  for (const text of texts) {
    fs.writeFileSync(workspace.file('input'), text);
    const input = fs.openSync(workspace.file('input'), 'r');
    runHook({ database, misuse: undefined, input });
    fs.closeSync(input);
  }
}

async function overHttp(texts: readonly string[]): Promise<void> {
  const store = new HookStore(database, HOOK_SETTINGS);
  for (const text of texts) expect(await store.store(Buffer.from(text), EPOCH_MS)).toBeUndefined();
  store.close();
}

function repeated(name: string, fields: Payload): string[] {
  const text = JSON.stringify({ session_id: 's', hook_event_name: name, ...fields });
  return Array.from({ length: TIMES }, () => text);
}

function counted(sql: string): unknown {
  const db = new Database(database, { readonly: true });
  try {
    return db.prepare(sql).pluck().get();
  } finally {
    db.close();
  }
}

describe.each<[string, (texts: readonly string[]) => void | Promise<void>]>([
  ['the command', byCommand],
  ['HTTP', overHttp],
])('equal events without ids that hooks tell of in the same millisecond, by %s', (_way, tell) => {
  it('are as many calls, each with its end and its permission', async () => {
    for (const name of ['PreToolUse', 'PermissionRequest', 'PostToolUse']) await tell(repeated(name, LS));
    expect(counted('SELECT count(*) FROM agent_tool_uses')).toBe(TIMES);
    expect(counted(`SELECT count(*) FROM agent_tool_uses WHERE status = 'completed' AND start_time = end_time`)).toBe(
      TIMES,
    );
    expect(counted(`SELECT count(*) FROM permission_requests WHERE outcome = 'allowed'`)).toBe(TIMES);
  });

  it('are as many calls whichever of start and end is stored first', async () => {
    for (const name of ['PostToolUse', 'PreToolUse']) await tell(repeated(name, LS));
    expect(counted(`SELECT count(*) FROM agent_tool_uses WHERE status = 'completed'`)).toBe(TIMES);
  });

  it('are as many launches', async () => {
    const launch = { tool_name: 'Task', tool_input: { subagent_type: 'builder' } };
    for (const name of ['PreToolUse', 'PostToolUse']) await tell(repeated(name, launch));
    expect(counted(`SELECT count(*) FROM agent_invocations WHERE status = 'completed'`)).toBe(TIMES);
  });

  it.each([
    ['Notification', 'events'],
    ['PreCompact', 'compactions'],
    ['SubagentStop', 'agent_invocations'],
  ])('are as many rows: %s', async (name, table) => {
    await tell(repeated(name, {}));
    expect(counted(`SELECT count(*) FROM ${table}`)).toBe(TIMES);
  });

  it('are one call when they carry its id', async () => {
    for (const name of ['PreToolUse', 'PostToolUse']) await tell(repeated(name, { ...LS, tool_use_id: 't1' }));
    expect(counted('SELECT count(*) FROM agent_tool_uses')).toBe(1);
  });
});

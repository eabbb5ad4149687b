import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runHook } from '../../../receivers/claude_code_hooks/hook.ts';
import { prepareHookDatabase } from '../../../receivers/claude_code_hooks/prepare.ts';
import { LOG_FILE } from '../../../receivers/claude_code_hooks/refusal-log.ts';
import { MOST_INPUT_BYTES, writeHookSettings } from '../../../receivers/claude_code_hooks/settings.ts';
import { Workspace } from '../../main-job/harness.ts';

const SECRET = 'the-one-thing-nobody-may-see';

let workspace: Workspace;
let database: string;

beforeEach(() => {
  workspace = new Workspace();
  database = workspace.file('agents.db');
});
afterEach(() => {
  workspace[Symbol.dispose]();
});

function run(input: string | Buffer, misuse?: string): void {
  fs.writeFileSync(workspace.file('input'), input);
  const descriptor = fs.openSync(workspace.file('input'), 'r');
  runHook({ database, misuse, input: descriptor });
  fs.closeSync(descriptor);
}

function rows(sql: string): unknown[] {
  const db = new Database(database, { readonly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}

function log(): unknown[] {
  const lines = fs.readFileSync(workspace.file(LOG_FILE), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as unknown);
}

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/) as unknown;

describe('an event', () => {
  it('is stored', () => {
    run('{"session_id": "s1", "hook_event_name": "SessionStart", "source": "resume"}');
    expect(rows('SELECT session_id, start_source FROM sessions')).toEqual([
      { session_id: 's1', start_source: 'resume' },
    ]);
    expect(fs.existsSync(workspace.file(LOG_FILE))).toBe(false);
  });

  it('that is refused is counted, and told to the log without anything of its content', () => {
    const torn = `{"session_id": "s1", "hook_event_name": "Stop", "${SECRET}": `;
    run(torn);
    run(`["${SECRET}"]`);
    run('');
    expect(rows('SELECT reason, count FROM refusals ORDER BY reason')).toEqual([
      { reason: 'invalid', count: 1 },
      { reason: 'not_json', count: 2 },
    ]);
    expect(log()).toMatchObject([
      { time, reason: 'not_json', bytes: torn.length },
      { time, reason: 'invalid', bytes: 32 },
      { time, reason: 'not_json', bytes: 0 },
    ]);
    expect(fs.readFileSync(workspace.file(LOG_FILE), 'utf8')).not.toContain(SECRET);
  });

  it('has the limits of its database', () => {
    const db = prepareHookDatabase(database);
    writeHookSettings(db, { max_input_bytes: 1024 });
    db.close();
    run(' '.repeat(1025));
    expect(log()).toMatchObject([{ reason: 'too_large', bytes: 1025 }]);
  });

  it('that is larger than any limit is read to its end, and not kept', () => {
    run(Buffer.alloc(MOST_INPUT_BYTES + 5, ' '));
    expect(log()).toMatchObject([{ reason: 'too_large', bytes: MOST_INPUT_BYTES + 5 }]);
  });

  it('that cannot be read at all counts as empty', () => {
    const descriptor = fs.openSync(workspace.folder, 'r');
    runHook({ database, misuse: undefined, input: descriptor });
    fs.closeSync(descriptor);
    expect(log()).toMatchObject([{ reason: 'not_json', bytes: 0 }]);
  });
});

describe('a hook that finds no place for its event', () => {
  it('tells the log what it was called with, and touches no database', () => {
    run('{"session_id": "s1", "hook_event_name": "Stop"}', 'it takes --database FILE');
    expect(log()).toEqual([{ time, reason: 'called_wrongly', detail: 'it takes --database FILE', bytes: 47 }]);
    expect(fs.existsSync(database)).toBe(false);
  });

  it.each<[string, unknown, () => void]>([
    ['a folder', { reason: 'not_a_file' }, () => fs.mkdirSync(database)],
    ['no database', { reason: 'database', detail: 'SQLITE_NOTADB' }, () => fs.writeFileSync(database, 'x'.repeat(999))],
    ['a link to itself', { reason: 'error', detail: 'ELOOP' }, () => fs.symlinkSync(database, database)],
  ])('because it is %s: tells the log', (_, entry, make) => {
    make();
    run('{"session_id": "s1", "hook_event_name": "Stop"}');
    expect(log()).toMatchObject([entry]);
  });

  it('because it stays locked: gives up within the second that the end of a session has', () => {
    const other = prepareHookDatabase(database);
    other.exec('BEGIN IMMEDIATE');
    const startMs = performance.now();
    run('{"session_id": "s1", "hook_event_name": "SessionEnd", "reason": "other"}');
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect(log()).toMatchObject([{ reason: 'busy' }]);
    other.close();
  });
});

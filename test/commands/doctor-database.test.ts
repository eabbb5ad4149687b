import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { Database } from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runHook } from '../../receivers/claude_code_hooks/hook.ts';
import { prepareHookDatabase } from '../../receivers/claude_code_hooks/prepare.ts';
import { LOG_FILE, logRefusal } from '../../receivers/claude_code_hooks/refusal-log.ts';
import { checkDatabase } from '../../src/commands/doctor-database.ts';
import type { Finding } from '../../src/commands/doctor-finding.ts';

const NOBODY = 65_534;
const HOUR_MS = 3_600_000;
const NOW_MS = Date.parse('2026-01-02T12:00:00.000Z');

let folder: string;
let file: string;
let db: Database;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol doctor-'));
  file = path.join(folder, 'agents.db');
  db = prepareHookDatabase(file);
});

afterEach(() => {
  db.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

function only(findings: readonly Finding[], check: string): Finding {
  const [found, ...more] = findings.filter((finding) => finding.check === check);
  expect(more).toEqual([]);
  expect(found).toBeDefined();
  return found!;
}

function hook(payload: string): void {
  const input = path.join(folder, 'input.json');
  fs.writeFileSync(input, payload);
  const descriptor = fs.openSync(input, 'r');
  try {
    runHook({ database: file, misuse: undefined, input: descriptor });
  } finally {
    fs.closeSync(descriptor);
  }
}

describe('events that are not stored', () => {
  it('since the database is locked, fail, though nothing counts them', async () => {
    db.exec('BEGIN IMMEDIATE');
    hook('{"hook_event_name": "SessionEnd", "session_id": "s", "reason": "other"}');
    db.exec('ROLLBACK');
    expect(only(await checkDatabase(file), 'refusals')).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(/^1 busy \(last \d{4}-.*Z\)$/) as string,
      remedy: `${path.join(folder, LOG_FILE)} tells more`,
    });
  });

  it('are counted once, in the database and in the log', async () => {
    hook('no JSON');
    hook('no JSON');
    expect(only(await checkDatabase(file), 'refusals')).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(/^2 not_json \(/) as string,
    });
  });

  it('are told with the word of SQLite or of the system, and with no other', async () => {
    const details = ['SQLITE_READONLY', 'SQLITE_READONLY', 'EACCES', 'a secret', undefined];
    for (const detail of details) logRefusal(file, NOW_MS, { reason: 'database', detail });
    const last = '(last 2026-01-02T12:00:00.000Z)';
    expect(only(await checkDatabase(file, NOW_MS), 'refusals').message).toBe(
      `2 database SQLITE_READONLY ${last}, 2 database ${last}, 1 database EACCES ${last}`,
    );
  });

  it('are looked for in the log before this one, and not beyond a day', async () => {
    logRefusal(file, NOW_MS - HOUR_MS, { reason: 'busy' });
    fs.renameSync(path.join(folder, LOG_FILE), path.join(folder, `${LOG_FILE}.1`));
    logRefusal(file, NOW_MS - 25 * HOUR_MS, { reason: 'foreign_owner' });
    expect(only(await checkDatabase(file, NOW_MS), 'refusals')).toMatchObject({
      status: 'fail',
      message: '1 busy (last 2026-01-02T11:00:00.000Z)',
    });
    expect(only(await checkDatabase(file, NOW_MS + 25 * HOUR_MS), 'refusals').status).toBe('ok');
  });

  it('are a warning when that was before the last day, or when they are of another agent', async () => {
    db.exec(`INSERT INTO refusals VALUES ('invalid', 3, '2025-12-31T00:00:00.000Z')`);
    logRefusal(file, NOW_MS, { reason: 'foreign_dialect' });
    expect(only(await checkDatabase(file, NOW_MS), 'refusals')).toMatchObject({
      status: 'warn',
      message: '3 invalid (last 2025-12-31T00:00:00.000Z), 1 foreign_dialect (last 2026-01-02T12:00:00.000Z)',
    });
  });

  it('are told where there is no database, too', async () => {
    const missing = path.join(folder, 'missing.db');
    logRefusal(missing, NOW_MS, { reason: 'error', detail: 'ENOSPC' });
    expect(only(await checkDatabase(missing, NOW_MS), 'refusals').message).toMatch(/^1 error ENOSPC /);
  });

  it('are read from no line that is cut off, no line of others, and no pipe', async () => {
    const log = path.join(folder, LOG_FILE);
    fs.writeFileSync(log, '{"time": "2026-01-02T12:\n5\nnull\n{"time": 5, "reason": "busy"}\n{}\n');
    expect(only(await checkDatabase(file, NOW_MS), 'refusals').status).toBe('ok');
    fs.unlinkSync(log);
    fs.mkdirSync(log);
    expect(only(await checkDatabase(file, NOW_MS), 'refusals')).toMatchObject({
      status: 'warn',
      message: `${log} cannot be read: it is no file`,
    });
  });
});

describe('a schema', () => {
  it('without a table fails, with a remedy that works', async () => {
    db.exec('DROP TABLE lifecycle');
    const found = await checkDatabase(file);
    expect(only(found, 'schema')).toEqual({
      check: 'schema',
      status: 'fail',
      message: `${file} lacks lifecycle: events cannot be stored`,
      remedy: `restore a copy, or move ${file}, ${file}-wal and ${file}-shm aside: the next event makes a new one`,
    });
    expect(found.filter(({ check }) => check === 'indexes')).toEqual([]);
  });

  it('without a column fails', async () => {
    db.exec('ALTER TABLE events DROP COLUMN unknown_fields; DROP TABLE refusals; DROP TABLE sessions');
    expect(only(await checkDatabase(file), 'schema').message).toBe(
      `${file} lacks sessions, events.unknown_fields, refusals: events cannot be stored`,
    );
  });

  it('without an index is told what that does, and the statement that makes it', async () => {
    db.exec('DROP INDEX idx_lifecycle');
    const found = only(await checkDatabase(file), 'indexes');
    expect(found).toMatchObject({
      status: 'warn',
      message: 'missing: idx_lifecycle: storing and queries grow slow, and events may be stored twice',
    });
    db.exec(/: (CREATE .*)$/.exec(found.remedy!)![1]!);
    expect(only(await checkDatabase(file), 'indexes').status).toBe('ok');
  });

  it('may have more than it needs', async () => {
    db.exec('CREATE TABLE notes(text); ALTER TABLE sessions ADD COLUMN mine');
    expect(only(await checkDatabase(file), 'schema')).toMatchObject({ status: 'ok' });
  });
});

describe('a database that its user cannot write', () => {
  /** As another user where this one is root, who may write everything. */
  async function findings(database: string): Promise<readonly Finding[]> {
    const child = spawn(
      process.execPath,
      ['--import', import.meta.resolve('tsx'), path.resolve(import.meta.dirname, 'doctor-process.ts'), database],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, AGENTCOL_TEST_UID: process.getuid?.() === 0 ? String(NOBODY) : '' },
      },
    );
    const [printed] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return JSON.parse(printed) as readonly Finding[];
  }

  beforeEach(() => {
    db.close();
    if (process.getuid?.() !== 0) return;
    for (const one of [folder, file]) fs.chownSync(one, NOBODY, NOBODY);
  });

  afterEach(() => {
    fs.chmodSync(folder, 0o700);
  });

  it('itself fails, and is not opened: what SQLite makes beside it would be read-only as well', async () => {
    fs.chmodSync(file, 0o400);
    const found = await findings(file);
    expect(found.filter(({ status }) => status === 'fail')).toEqual([
      {
        check: 'permissions',
        status: 'fail',
        message: `${file}: the user of this cannot write it (EACCES)`,
        remedy: `chmod u+rw ${file}`,
      },
    ]);
    expect(fs.readdirSync(folder)).toEqual(['agents.db']);
  });

  it.each(['-wal', '-shm'])('beside it, %s, fails', async (suffix) => {
    fs.writeFileSync(file + suffix, '', { mode: 0o400 });
    if (process.getuid?.() === 0) fs.chownSync(file + suffix, NOBODY, NOBODY);
    expect((await findings(file)).filter(({ status }) => status === 'fail')).toMatchObject([
      { check: 'permissions', remedy: `chmod u+rw ${file}${suffix}` },
    ]);
  });

  it.each([0o500, 0o600])('in a folder of mode %o fails', async (mode) => {
    fs.chmodSync(folder, mode);
    expect((await findings(file)).filter(({ status }) => status === 'fail')).toMatchObject([
      { check: 'permissions', remedy: `chmod u+rwx ${folder}` },
    ]);
    expect(
      (await findings(path.join(folder, 'later', 'new.db'))).filter(({ status }) => status === 'fail'),
    ).toHaveLength(1);
  });

  it('in a folder of another user fails', { skip: process.getuid?.() !== 0 }, async () => {
    fs.chownSync(folder, 0, 0);
    fs.chmodSync(folder, 0o755);
    expect((await findings(path.join(folder, 'new.db'))).filter(({ status }) => status === 'fail')).toMatchObject([
      {
        check: 'permissions',
        remedy: 'run this as user id 0, or name another one: agentcol hooks install --database FILE',
      },
    ]);
  });
});

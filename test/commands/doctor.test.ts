import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { prepareHookDatabase } from '../../receivers/claude_code_hooks/prepare.ts';
import { Collector } from '../../src/commands/collector.ts';
import { doctor } from '../../src/commands/doctor.ts';
import { checkCollector } from '../../src/commands/doctor-collector.ts';
import { checkDatabase } from '../../src/commands/doctor-database.ts';
import { checkTestEvent } from '../../src/commands/doctor-event.ts';
import type { Finding } from '../../src/commands/doctor-finding.ts';
import { checkSettings } from '../../src/commands/doctor-settings.ts';
import type { LookedAt } from '../../src/commands/hooks-status.ts';
import { load } from '../../src/commands/load.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { capture } from './capture.ts';
import { MAIN } from '../program.ts';

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol doctor-'));
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

/** "fail hooks" of each finding. */
function verdicts(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ status, check }) => `${status} ${check}`);
}

function only(findings: readonly Finding[], check: string): Finding {
  const [found, ...more] = findings.filter((finding) => finding.check === check);
  expect(more).toEqual([]);
  expect(found).toBeDefined();
  return found!;
}

describe('settings', () => {
  const program = {
    node: '/n',
    main: '/m',
    database: '/d',
    node_exists: true,
    main_exists: true,
    database_exists: true,
    capture_content: null,
  };
  const complete: LookedAt = {
    scope: 'user',
    file: '/u',
    exists: true,
    error: null,
    disable_all_hooks: false,
    events: ['Stop', 'PreToolUse'],
    missing: [],
    repeated: [],
    limited: [],
    others: 0,
    programs: [program],
    http: [],
  };
  const nothing: LookedAt = { ...complete, events: [], missing: ['Stop', 'PreToolUse'], programs: [] };
  const check = (...scopes: readonly LookedAt[]): readonly Finding[] =>
    checkSettings(scopes, path.join(folder, 'none'));

  it('are well when each event is passed on once, to a program that is there', () => {
    expect(verdicts(check(complete))).toEqual(['ok settings', 'ok program', 'ok hooks']);
  });

  it('may share the events among them', () => {
    const one = { ...complete, events: ['Stop'], missing: ['PreToolUse'] };
    const other = { ...complete, scope: 'local', events: ['PreToolUse'], missing: ['Stop'] };
    expect(verdicts(check(one, other))).toContain('ok hooks');
  });

  it.each<[string, LookedAt, string, Partial<Finding>]>([
    ['no file names agentcol', nothing, 'hooks', { status: 'fail', remedy: 'agentcol hooks install' }],
    ['there is no file', { ...nothing, exists: false }, 'hooks', { status: 'fail' }],
    [
      'a file cannot be read',
      { ...nothing, error: '/u:1:2: not valid JSON' },
      'settings',
      { status: 'fail', message: 'user: /u:1:2: not valid JSON' },
    ],
    [
      'all hooks are disabled',
      { ...complete, disable_all_hooks: true },
      'settings',
      { status: 'fail', remedy: 'remove disableAllHooks' },
    ],
    [
      'an event is missing',
      { ...complete, missing: ['SessionEnd'] },
      'hooks',
      { status: 'fail', message: 'not passed on: SessionEnd' },
    ],
    ['a matcher limits an event', { ...complete, limited: ['PreToolUse'] }, 'hooks', { status: 'fail' }],
    [
      'an event comes twice',
      { ...complete, repeated: ['Stop'] },
      'hooks',
      { status: 'warn', message: 'passed on more than once: Stop' },
    ],
    [
      'Node.js has moved',
      { ...complete, programs: [{ ...program, node_exists: false }] },
      'program',
      { status: 'fail', remedy: 'agentcol hooks install --scope user' },
    ],
    [
      'agentcol has moved',
      { ...complete, scope: 'named', programs: [{ ...program, main_exists: false }] },
      'program',
      { status: 'fail', remedy: 'agentcol hooks install --settings /u' },
    ],
  ])('tell it when %s', (_, looked, name, finding) => {
    expect(only(check(looked), name)).toMatchObject(finding);
  });

  it('tell when two of them pass on the same event', () => {
    const found = only(check(complete, { ...complete, scope: 'local' }), 'hooks');
    expect(found).toMatchObject({
      status: 'warn',
      message: 'passed on more than once (by user and local settings): Stop, PreToolUse',
    });
  });

  it('tell, to be pasted, which of them to take it out of: all but the one that passes on most', () => {
    const partial = { ...complete, events: ['Stop'], missing: ['PreToolUse'] };
    const remedy = (...scopes: readonly LookedAt[]): string | undefined => only(check(...scopes), 'hooks').remedy;
    expect(remedy(complete, { ...complete, scope: 'local' })).toBe('agentcol hooks uninstall --scope local');
    expect(remedy(partial, { ...partial, scope: 'project' }, { ...complete, scope: 'local' })).toBe(
      'agentcol hooks uninstall --scope user && agentcol hooks uninstall --scope project',
    );
    const limited = { ...complete, scope: 'local', missing: ['SessionEnd'] };
    expect(remedy(limited)).toBe('agentcol hooks install --scope local');
  });

  it('of an administrator win', () => {
    const managed = path.join(folder, 'managed.json');
    fs.writeFileSync(managed, '{"allowManagedHooksOnly" : true, "disableAllHooks": false}');
    const found = checkSettings([complete], managed).filter(({ status }) => status !== 'ok');
    expect(found).toMatchObject([
      { status: 'fail', message: `managed: ${managed}: allowManagedHooksOnly is true: hooks of users do not run` },
    ]);
    expect(checkSettings([complete], folder).filter(({ status }) => status !== 'ok')).toMatchObject([
      { status: 'warn' },
    ]);
  });
});

describe('a test event', () => {
  function program(text: string): { readonly node: string; readonly main: string } {
    const main = path.join(folder, 'main.mjs');
    fs.writeFileSync(main, text);
    return { node: process.execPath, main };
  }

  it.each([
    ['ends with an error', 'throw new Error("no such module")', 'ended with 1'],
    ['prints something', 'console.log("hello")', 'printed something, which an agent may take for instructions'],
    ['stores nothing', '', 'hook was run, but its event is not in /metrics'],
  ])('tells it when the command %s', async (_, text, message) => {
    const [found] = await checkTestEvent([program(text)]);
    expect(found).toMatchObject({ status: 'fail', message: expect.stringContaining(message) as string });
  });

  it('tells it when there is no such program', async () => {
    const [found] = await checkTestEvent([{ node: '/gone/node', main: '/gone/main.cjs' }]);
    expect(found).toMatchObject({ status: 'fail', message: expect.stringContaining('ENOENT') as string });
  });

  it('that arrives shows of the command that it works, whether or not settings name it', async () => {
    const [found] = await checkTestEvent([{ node: process.execPath, main: MAIN }]);
    expect(found).toMatchObject({
      status: 'ok',
      message: expect.stringMatching(
        /^the command itself works: an event arrived in a database and in \/metrics, /,
      ) as string,
    });
  });
});

describe('the database', () => {
  let file: string;

  beforeEach(() => {
    file = path.join(folder, 'private', 'agents.db');
  });

  it('is well when it is private, complete and in use', async () => {
    const db = prepareHookDatabase(file);
    db.prepare('INSERT INTO sessions (session_id, last_event_time, stored_by) VALUES (?, ?, ?)').run(
      's',
      '2026-01-02T03:04:05.000Z',
      'agentcol',
    );
    db.close();
    const found = await checkDatabase(file);
    expect(verdicts(found)).toEqual([
      'ok permissions',
      'ok database',
      'ok refusals',
      'ok schema',
      'ok indexes',
      'ok disk',
    ]);
    expect(only(found, 'database').message).toBe(`${file}: the last event came at 2026-01-02T03:04:05.000Z`);
  });

  it('is not made by looking for it', async () => {
    expect(verdicts(await checkDatabase(file))).toEqual(['warn database', 'ok disk']);
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it('tells what others may do with it, what is missing, and what was refused', async () => {
    const db = prepareHookDatabase(file);
    db.exec(`DROP INDEX idx_events; INSERT INTO refusals VALUES ('foreign_dialect', 3, '2026-01-02T03:04:05.000Z')`);
    fs.chmodSync(file, 0o644);
    fs.chmodSync(path.dirname(file), 0o755);
    const found = await checkDatabase(file);
    expect(found.filter(({ status }) => status !== 'ok')).toMatchObject([
      { status: 'fail', message: `${file}: other users may open it (0644)`, remedy: `chmod 600 ${file}` },
      { status: 'warn', message: `${path.dirname(file)}: other users may look into it (0755)` },
      { status: 'warn', check: 'database', message: `${file}: no event has come yet` },
      { status: 'warn', message: '3 foreign_dialect (last 2026-01-02T03:04:05.000Z)' },
      { status: 'warn', check: 'indexes', remedy: expect.stringContaining('CREATE INDEX idx_events') as string },
    ]);
    fs.chmodSync(path.dirname(file), 0o777);
    expect((await checkDatabase(file)).find(({ message }) => message.includes('write to it'))).toMatchObject({
      status: 'fail',
    });
    db.close();
  });

  it('of another user is not even opened', { skip: process.getuid?.() !== 0 }, async () => {
    prepareHookDatabase(file).close();
    fs.chownSync(file, 65_534, 65_534);
    expect(verdicts(await checkDatabase(file))).toEqual(['fail permissions', 'ok disk']);
    expect(fs.readdirSync(path.dirname(file))).toEqual(['agents.db']);
  });

  it('of another program, of an older logger, or that is none, is told', async () => {
    fs.mkdirSync(path.dirname(file), { mode: 0o700 });
    expect(only(await checkDatabase(path.dirname(file)), 'database')).toMatchObject({ status: 'fail' });
    fs.writeFileSync(file, 'no database, but longer than the header of one, which has a hundred bytes. '.repeat(9), {
      mode: 0o600,
    });
    expect(only(await checkDatabase(file), 'database')).toMatchObject({ status: 'fail' });
    fs.unlinkSync(file);
    const db = new Database(file);
    fs.chmodSync(file, 0o600);
    db.exec('CREATE TABLE sessions (session_id TEXT PRIMARY KEY)');
    expect(only(await checkDatabase(file), 'database')).toMatchObject({ status: 'warn' });
    db.pragma('application_id = 5');
    expect(only(await checkDatabase(file), 'database')).toMatchObject({ status: 'fail' });
    db.close();
  });
});

describe('the collector', () => {
  const socket = (name: string): string => `unix:${path.join(folder, name)}`;
  let file: string;
  let database: string;

  beforeEach(() => {
    file = path.join(folder, 'otel-config.yaml');
    database = path.join(folder, 'agents.db');
    configure({});
  });

  function configure(service: object): void {
    const config = {
      receivers: { sqlite: { database, preset: 'agent_workflow' } },
      exporters: { prometheus: { endpoint: socket('metrics') } },
      extensions: { health_check: { endpoint: socket('health') } },
      service: {
        extensions: ['health_check'],
        telemetry: { metrics: { level: 'none' } },
        pipelines: { metrics: { receivers: ['sqlite'], exporters: ['prometheus'] } },
        ...service,
      },
    };
    fs.writeFileSync(file, stringify(config));
  }

  it('is asked whether it has caught up, and how far behind it is', async () => {
    prepareHookDatabase(database).close();
    const { config } = await load([file], []);
    const collector = await Collector.create(config, createLogger({ level: 'error', stream: process.stderr }));
    await collector.start();
    try {
      let found: readonly Finding[] = [];
      for (
        let attempt = 0;
        attempt < 200 && !found.some(({ check, status }) => check === 'health' && status === 'ok');
        attempt += 1
      ) {
        found = await checkCollector([file], [], database);
      }
      expect(verdicts(found)).toEqual(['ok config', 'ok endpoint', 'ok health', 'ok telemetry']);
      expect(only(found, 'health').message).toBe(`health_check at ${socket('health')}: ready, 0 rows behind`);
    } finally {
      await collector.shutdown();
    }
  });

  it('is asked how far behind it is by its own metrics, too, and which source it cannot read', async () => {
    configure({ telemetry: { metrics: { level: 'normal', address: socket('own') } }, extensions: [] });
    const { config } = await load([file], []);
    const collector = await Collector.create(config, createLogger({ level: 'error', stream: process.stderr }));
    await collector.start();
    const lag = (): Promise<Finding> =>
      vi.waitFor(async () => only(await checkCollector([file], [], database), 'lag'), { timeout: 8000 });
    try {
      await vi.waitFor(
        async () =>
          expect(await lag()).toMatchObject({ status: 'warn', message: 'the collector cannot read a source: missing' }),
        { timeout: 8000 },
      );
      prepareHookDatabase(database).close();
      await vi.waitFor(
        async () => expect(await lag()).toMatchObject({ status: 'ok', message: 'the collector is 0 rows behind' }),
        { timeout: 8000 },
      );
    } finally {
      await collector.shutdown();
    }
  });

  it.each([
    [401, 'ok', 'and asks who wants to know'],
    [503, 'warn', 'is still reading what there was'],
    [500, 'warn', 'answers with 500'],
  ])('that answers with %i', async (status, verdict, message) => {
    const server = http.createServer((_, response) => response.writeHead(status).end());
    server.listen(path.join(folder, 'metrics'));
    await once(server, 'listening');
    try {
      const found = only(await checkCollector([file], [], database), 'endpoint');
      expect(found).toMatchObject({ status: verdict, message: expect.stringContaining(message) as string });
    } finally {
      server.close();
    }
  });

  it('that does not run is told, and how to start it', async () => {
    const found = await checkCollector([file], [], database);
    expect(verdicts(found)).toEqual(['ok config', 'warn endpoint', 'warn health', 'ok telemetry']);
    expect(only(found, 'endpoint').remedy).toBe('agentcol run');
    configure({ telemetry: { metrics: { level: 'basic', address: '127.0.0.1:1' } }, extensions: [] });
    expect(verdicts(await checkCollector([file], [], database))).toEqual([
      'ok config',
      'warn endpoint',
      'warn telemetry',
    ]);
  });

  it('that reads another database than the one of the hooks is told', async () => {
    const found = await checkCollector([file], [], '/another.db');
    expect(found.filter(({ check }) => check === 'config')).toMatchObject([
      { status: 'ok' },
      { status: 'warn', message: `no receiver reads /another.db, where the events go, but ${database}` },
    ]);
  });

  it('with a configuration that is wrong is told every mistake', async () => {
    fs.writeFileSync(file, 'receivers: {sqlite: {databse: 5}}\nservice: {}\n');
    const found = await checkCollector([file], [], database);
    expect(found.length).toBeGreaterThan(1);
    expect(new Set(verdicts(found))).toEqual(new Set(['fail config']));
    expect(found[0]?.message).toMatch(/otel-config\.yaml:\d+:\d+: /);
  });
});

it('prints every finding, with the remedy of what is not well, and ends with 1 when something failed', async () => {
  let printed = '';
  vi.stubEnv('HOME', folder);
  vi.stubEnv('CLAUDE_CONFIG_DIR', '');
  vi.spyOn(process, 'cwd').mockReturnValue(folder);
  capture(process.stdout, (text) => (printed += text));
  try {
    const file = path.join(folder, 'otel-config.yaml');
    fs.writeFileSync(file, 'receivers: 5\n');
    // A program that is no agentcol, and one that is gone: neither stores the test event.
    const entry = (main: string) => ({
      type: 'command',
      command: process.execPath,
      args: [main, 'hook', '--database', `${folder}/a.db`],
    });
    const main = path.join(folder, 'src', 'main.js');
    fs.mkdirSync(path.dirname(main));
    fs.writeFileSync(main, 'process.exitCode = 3');
    fs.mkdirSync(path.join(folder, '.claude'));
    const hooks = [main, '/gone/src/main.js'].map(entry);
    fs.writeFileSync(path.join(folder, '.claude', 'settings.json'), JSON.stringify({ hooks: { Stop: [{ hooks }] } }));
    expect(await doctor({ files: [file], sets: [], json: false })).toBe(1);
    expect(printed).toMatch(/^ok {4}settings +user: /);
    expect(printed).toMatch(
      /\/gone\/src\/main\.js is gone: agentcol has moved\n +-> agentcol hooks install --scope user\n/,
    );
    expect(printed).toMatch(/^fail {2}test event +.*ended with 3/m);
    expect(printed).toMatch(/^fail {2}config +/m);
    printed = '';
    expect(await doctor({ files: [file], sets: [], json: true })).toBe(1);
    expect(JSON.parse(printed)).toMatchObject({
      ok: false,
      findings: expect.arrayContaining([expect.objectContaining({ check: 'test event', status: 'fail' })]) as unknown,
    });
  } finally {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  }
});

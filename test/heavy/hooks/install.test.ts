import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The built agentcol in a folder with a blank in its name, and a home of its own, too. */
let folder: string;
let home: string;
let agentcol: string;

beforeAll(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol install-')));
  home = path.join(folder, 'a home');
  fs.mkdirSync(home);
  agentcol = put('my tools');
});

afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

function put(name: string): string {
  const target = path.join(folder, name, 'agentcol');
  fs.cpSync('dist', path.join(target, 'dist'), { recursive: true });
  for (const file of ['package.json', 'otel-config.yaml']) fs.copyFileSync(file, path.join(target, file));
  fs.symlinkSync(path.resolve('node_modules'), path.join(target, 'node_modules'));
  return path.join(target, 'dist', 'src', 'main.cjs');
}

function run(...words: readonly string[]) {
  const env = { PATH: process.env['PATH'], HOME: home };
  const { status, stdout, stderr } = spawnSync(process.execPath, [agentcol, ...words], {
    cwd: home,
    env,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

interface Entry {
  readonly command: string;
  readonly args: readonly string[];
}

/** By event, what the settings say is to be run. */
function entries(): ReadonlyMap<string, Entry> {
  const text = fs.readFileSync(path.join(home, '.claude', 'settings.json'), 'utf8');
  const settings = JSON.parse(text) as { hooks: Record<string, { hooks: Entry[] }[]> };
  return new Map(Object.entries(settings.hooks).map(([event, groups]) => [event, groups.at(-1)!.hooks[0]!]));
}

/** As Claude Code does: without a shell, the event on standard input. */
async function fire(event: string, fields: object): Promise<unknown> {
  const { command, args } = entries().get(event)!;
  const child = spawn(command, [...args], { stdio: ['pipe', 'pipe', 'pipe'], env: { HOME: '/' } });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stdin.end(JSON.stringify({ hook_event_name: event, session_id: 'session-1', ...fields }));
  const [code] = (await once(child, 'close')) as [number];
  return { code, printed };
}

interface Diagnosis {
  readonly ok: boolean;
  readonly findings: readonly { readonly check: string; readonly status: string; readonly message: string }[];
}

function diagnose(): Diagnosis & { readonly status: number | null } {
  const { status, stdout } = run('doctor', '--json');
  return { status, ...(JSON.parse(stdout) as Diagnosis) };
}

function failures(): readonly string[] {
  return diagnose()
    .findings.filter(({ status }) => status === 'fail')
    .map(({ check }) => check);
}

describe('agentcol, built and installed where names hold blanks', () => {
  const database = (): string => path.join(home, '.local', 'share', 'agentcol', 'agent_workflow.db');

  it('is missed by doctor before', () => {
    expect(diagnose()).toMatchObject({ status: 1, ok: false });
    expect(failures()).toEqual(['hooks']);
  });

  it('stores what Claude Code runs by its settings', async () => {
    expect(run('hooks', 'install')).toMatchObject({ status: 0, stderr: '' });
    const call = { tool_name: 'Bash', tool_use_id: 'toolu_1', tool_input: { command: 'ls' } };
    const fired = [
      await fire('SessionStart', { source: 'startup' }),
      await fire('PreToolUse', call),
      await fire('PostToolUse', { ...call, tool_response: {}, duration_ms: 250 }),
      await fire('SessionEnd', { reason: 'other' }),
    ];
    expect(fired).toEqual(Array(4).fill({ code: 0, printed: '' }));
    const db = new Database(database(), { readonly: true });
    expect(db.prepare('SELECT tool_name, status, duration_seconds FROM agent_tool_uses').all()).toEqual([
      { tool_name: 'Bash', status: 'completed', duration_seconds: 0.25 },
    ]);
    expect(db.prepare('SELECT session_id, status FROM sessions').all()).toEqual([
      { session_id: 'session-1', status: 'ended' },
    ]);
    db.close();
  });

  it('is well, says doctor, and changes nothing by looking', () => {
    const before = fs.readFileSync(database());
    const { status, findings } = diagnose();
    expect(findings.filter((finding) => finding.status === 'fail')).toEqual([]);
    expect(status).toBe(0);
    expect(findings.map(({ check, status: verdict }) => `${verdict} ${check}`)).toEqual(
      expect.arrayContaining([
        'ok settings',
        'ok program',
        'ok hooks',
        'ok test event',
        'ok database',
        'ok permissions',
        'ok indexes',
        'ok config',
      ]),
    );
    expect(fs.readFileSync(database())).toEqual(before);
  });

  it('is missed by doctor where it, or Node.js, has moved, until it is installed again', () => {
    const settings = path.join(home, '.claude', 'settings.json');
    fs.rmSync(path.join(folder, 'my tools'), { recursive: true });
    agentcol = put('my other tools');
    expect(failures()).toEqual(['program']);
    expect(run('hooks', 'install')).toMatchObject({ status: 0 });
    expect(fs.readFileSync(settings, 'utf8')).not.toContain('my tools');
    expect(failures()).toEqual([]);
    const installed = fs.readFileSync(settings, 'utf8');
    fs.writeFileSync(settings, installed.replaceAll(JSON.stringify(process.execPath), '"/gone/bin/node"'));
    expect(failures()).toEqual(['program']);
    expect(run('hooks', 'install')).toMatchObject({ status: 0 });
    expect(fs.readFileSync(settings, 'utf8')).toBe(installed);
  });

  it('is gone after uninstall', () => {
    expect(run('hooks', 'uninstall')).toMatchObject({ status: 0 });
    expect(failures()).toEqual(['hooks']);
  });

  it('tells a wrong settings file with its place, and leaves it', () => {
    const settings = path.join(home, '.claude', 'settings.json');
    fs.writeFileSync(settings, '{\n  "model": "opus",\n}\n');
    expect(run('hooks', 'install')).toEqual({
      status: 1,
      stdout: '',
      stderr: `${settings}:3:1: not valid JSON: property name expected\n`,
    });
    expect(failures()).toEqual(['settings', 'hooks']);
    expect(fs.readFileSync(settings, 'utf8')).toBe('{\n  "model": "opus",\n}\n');
  });
});

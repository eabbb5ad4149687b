import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import sqlite from 'better-sqlite3/package.json' with { type: 'json' };
import { Workspace } from '../main-job/harness.ts';
import { ROOT } from '../program.ts';

const PATIENCE = { timeout: 60_000, interval: 50 };

/** As somebody has it who has never seen the checkout: packed, and installed for all users into an empty prefix. */
describe('the package', () => {
  const workspace = new Workspace();
  const prefix = workspace.file('prefix');
  const home = workspace.file('home');
  const program = path.join(prefix, 'bin/agentcol');
  const installed = path.join(prefix, 'lib/node_modules/agentcol');
  let packed: readonly string[] = [];

  beforeAll(() => {
    fs.mkdirSync(home);
    // Runs prepack, and so builds anew.
    npm('pack', '--silent', '--pack-destination', workspace.folder);
    const archive = workspace.file(`agentcol-${manifest.version}.tgz`);
    packed = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' }).trim().split('\n');
    npm('install', '--global', '--prefix', prefix, '--prefer-offline', '--no-audit', '--no-fund', archive);
  });

  afterAll(() => workspace[Symbol.dispose]());

  function npm(...words: readonly string[]): void {
    const { status, stderr } = spawnSync('npm', words, {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, npm_config_better_sqlite3_local_prebuilds: prebuilt() },
    });
    expect(status, stderr).toBe(0);
  }

  /** SQLite as it was compiled for this checkout, where its install script would look for a download: that compiles for minutes. */
  function prebuilt(): string {
    const folder = workspace.file('prebuilds');
    if (fs.existsSync(folder)) return folder;
    fs.mkdirSync(folder);
    const abi = process.versions.modules;
    const name = `better-sqlite3-v${sqlite.version}-node-v${abi}-${process.platform}-${process.arch}.tar.gz`;
    const from = path.join(ROOT, 'node_modules/better-sqlite3');
    execFileSync('tar', ['-czf', path.join(folder, name), '-C', from, 'build/Release/better_sqlite3.node']);
    return folder;
  }

  function start(...words: readonly string[]) {
    return spawn(program, words, {
      cwd: home,
      env: { PATH: process.env.PATH, HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async function call(...words: readonly string[]) {
    const child = start(...words);
    const exit = once(child, 'close') as Promise<[number]>;
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
    return { out, err, code };
  }

  it('holds what runs and what is read, and no tests, sources or tools', () => {
    const kinds = new Set(
      packed.map(
        (file) =>
          file
            .replace(/^package\//, '')
            .replace(/[^/]*$/, '')
            .split('/')[0],
      ),
    );
    expect([...kinds].sort()).toEqual(
      ['', 'deploy', 'dist', 'docs', 'exporters', 'extensions', 'processors', 'receivers'].sort(),
    );
    expect(packed.filter((file) => /\.ts$|\.tsbuildinfo$|\btest\b|\bdemo\b/.test(file))).toEqual([]);
    // The one that the README shows.
    expect(packed.filter((file) => file.endsWith('.png'))).toEqual(['package/docs/images/graph.png']);
    expect(packed.filter((file) => !/^package\/dist\/|\.md$/.test(file) && file.endsWith('.js'))).toEqual([]);
    expect(packed).toContain('package/otel-config.yaml');
    expect(packed).toContain('package/LICENSE');
  });

  it('has no module left of another build: each is one that this one made, or loads', () => {
    const modules = packed.filter((file) => /^package\/dist\/.*\.c?js$/.test(file)).map((file) => path.basename(file));
    const loaded = modules.map((file) => fs.readFileSync(path.join(installed, 'dist/src', file), 'utf8')).join('\n');
    expect(modules.filter((file) => file !== 'main.cjs' && !loaded.includes(`./${file}`))).toEqual([]);
  });

  it('tells its version', async () => {
    expect(await call('--version')).toEqual({ out: `agentcol ${manifest.version}\n`, err: '', code: 0 });
  });

  it('runs with the configuration that it brings along, in any folder, and ends cleanly', async () => {
    const event = JSON.stringify({ session_id: 's1', hook_event_name: 'SessionStart', source: 'startup' });
    expect(spawnSync(program, ['hook'], { input: event, env: { PATH: process.env.PATH, HOME: home } }).status).toBe(0);
    const child = start('--allow-root', '--set', 'exporters::prometheus::endpoint=127.0.0.1:0');
    onTestFinished(() => void child.kill('SIGKILL'));
    const exit = once(child, 'close');
    let said = '';
    child.stderr.on('data', (chunk) => (said += String(chunk)));
    child.stdout.resume();
    const url = await vi.waitFor(() => /http:\/\/127\.0\.0\.1:(?!9466)\d+\/metrics/.exec(said)![0], PATIENCE);
    await vi.waitFor(async () => {
      const response = await fetch(url);
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('agent_workflow_sessions_total 1');
    }, PATIENCE);
    expect(said).toContain(`started with ${fs.realpathSync(installed)}/otel-config.yaml`);
    child.kill('SIGINT');
    expect(await exit).toEqual([0, null]);
  });

  it.each([
    ['validate', /otel-config\.yaml: OK\n/],
    ['components', /sqlite/],
    ['--help', /^agentcol publishes/],
  ])('%s works', async (word, words) => {
    const { out, err, code } = await call(word);
    expect({ err, code }).toEqual({ err: '', code: 0 });
    expect(out).toMatch(words);
  });

  it('names lines of the sources when something unexpected goes wrong', async () => {
    const version = path.join(installed, 'package.json');
    const before = fs.readFileSync(version, 'utf8');
    onTestFinished(() => fs.writeFileSync(version, before));
    fs.writeFileSync(version, '{"type": "module"}');
    const { err, code } = await call('--version');
    expect(code).toBe(1);
    expect(err).toMatch(
      /^agentcol: package\.json has no version\n +at packageVersion \(file:\S+\/package\.ts:\d+:\d+\)/,
    );
  });
});

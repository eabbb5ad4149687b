import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { COMMANDS } from '../../src/commands/command-line.ts';
import { jobsConfig, jobsDatabase } from './jobs.ts';
import { MAIN } from '../program.ts';

let folder: string;
const children: ChildProcessByStdio<null, Readable, Readable>[] = [];

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-main-'));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  fs.rmSync(folder, { recursive: true, force: true });
});

/** agentcol in a folder and a home of its own. */
function start(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  nodeOptions: readonly string[] = [],
) {
  const child = spawn(process.execPath, [...nodeOptions, MAIN, ...words], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return child;
}

async function call(words: readonly string[], env?: Readonly<Record<string, string>>) {
  const child = start(words, env);
  const exit = once(child, 'close') as Promise<[number]>;
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { out, err, code };
}

/** Resolves when standard error has said it. */
async function says(child: ChildProcessByStdio<null, Readable, Readable>, words: string): Promise<void> {
  let said = '';
  for await (const chunk of child.stderr.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (said.includes(words)) return;
  }
  throw new Error(`it ended without saying ${JSON.stringify(words)}, but:\n${said}`);
}

describe('what is asked about agentcol itself', () => {
  test('--version', async () => {
    expect(await call(['--version'])).toEqual({ out: `agentcol ${manifest.version}\n`, err: '', code: 0 });
  });

  test('--help tells every command and exit code', async () => {
    const { out, code } = await call(['--help']);
    expect(code).toBe(0);
    for (const word of ['--config', '--set', '--once', '--version', ...COMMANDS, 'Exit codes']) {
      expect(out).toContain(word);
    }
  });

  test('a wrong call ends with 2 and one line', async () => {
    expect(await call(['--confg'])).toEqual({
      out: '',
      err: 'agentcol: unknown option "--confg"; did you mean "--config"? agentcol --help says how\n',
      code: 2,
    });
  });
});

describe('without --config', () => {
  test('the configuration of the folder is taken', async () => {
    fs.renameSync(jobsConfig(folder), path.join(folder, 'otel-config.yaml'));
    const { out, err, code } = await call(['validate']);
    expect({ out, err, code }).toEqual({
      out: expect.stringMatching(/^otel-config.yaml: OK\n/) as unknown,
      err: '',
      code: 0,
    });
  });

  test('the shipped one starts, and says what it waits for; relative paths are of the folder', async () => {
    const set = ['--allow-root', '--set', 'exporters::prometheus::endpoint=127.0.0.1:0'];
    const child = start(set, { AGENT_WORKFLOW_DB: 'here.db' });
    await says(child, `waiting for ${fs.realpathSync(folder)}/here.db`);
  });
});

describe('exit codes and streams', () => {
  test('a second signal ends it at once, whatever does not want to stop', async () => {
    const config = jobsConfig(folder);
    const child = start(['--allow-root', '--config', config], {}, [
      '--import',
      path.resolve('test/commands/never-stops.js'),
    ]);
    await says(child, 'started with');
    const closed = once(child, 'close') as Promise<[number]>;
    child.kill('SIGINT');
    await says(child, '"stopping"');
    const startMs = performance.now();
    child.kill('SIGINT');
    expect(await closed).toEqual([1, null]);
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });

  test('what cannot be loaded is said in a line', () => {
    const alone = path.join(folder, 'main.cjs');
    fs.copyFileSync(MAIN, alone);
    const { status, stdout, stderr } = spawnSync(process.execPath, [alone, '--version'], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^agentcol: Cannot find module .*\n$/);
  });

  test('root is refused, unless it is asked for', async () => {
    const words = ['--config', jobsConfig(folder), '--set', 'exporters::prometheus::endpoint=here'];
    const [plain, allowed] = await Promise.all([call(words), call(['--allow-root', ...words])]);
    // That the endpoint is wrong is what all others hear of.
    expect(plain.err.startsWith('agentcol does not run as root: ')).toBe(process.geteuid?.() === 0);
    expect(allowed.err).toMatch(/^--set exporters::prometheus::endpoint: /);
    expect([plain.code, allowed.code]).toEqual([1, 1]);
  });

  test('a configuration that is wrong ends with 1, every mistake on standard error', async () => {
    const config = jobsConfig(folder, 'colection_interval: 1s');
    const { out, err, code } = await call(['validate', '-c', config, '--set', 'exporters::prom=']);
    expect({ out, code }).toEqual({ out: '', code: 1 });
    expect(err).toBe(
      `${config}:5:5: receivers::sqlite: unknown key "colection_interval"; did you mean "collection_interval"?\n` +
        '--set exporters::prom: exporters: unknown exporter type "prom" (exporters of this build: prometheus, otlp_http, otlp_grpc, file, debug)\n',
    );
  });

  test('a reader that has seen enough is no reason to complain', async () => {
    jobsDatabase(folder);
    const child = start(['--once', '--config', jobsConfig(folder)]);
    child.stdout.destroy();
    const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'close') as Promise<[number]>]);
    expect(err).not.toMatch(/EPIPE|at /);
    expect(code).toBe(0);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s stops it cleanly', async (signal) => {
    const child = start(['--allow-root', '--config', jobsConfig(folder)]);
    await says(child, 'started with');
    const closed = once(child, 'close') as Promise<[number]>;
    child.kill(signal);
    const [err, [code]] = await Promise.all([text(child.stderr), closed]);
    expect(code).toBe(0);
    expect(err).toMatch(/"msg":"stopping".*"msg":"stopped"/s);
  });
});

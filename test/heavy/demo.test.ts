import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { Workspace } from '../main-job/harness.ts';
import { parseExposition, type Samples } from '../oracle/samples.ts';
import { requirement } from './requirement.ts';

const PATIENCE = { timeout: 120_000, interval: 50 };
const prometheus = requirement(
  'prometheus (Debian package prometheus)',
  spawnSync('prometheus', ['--version']).status === 0,
);

let workspace: Workspace;
let child: ChildProcessByStdio<null, Readable, Readable>;
let printed: string;
let exit: Promise<unknown[]>;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(() => {
  // Of a demo that has failed, to leave the next one alone.
  for (const { id } of processesOf(workspace.folder)) process.kill(id, 'SIGKILL');
  workspace[Symbol.dispose]();
});

/** The script of package.json, in a process group as a terminal would give it one, with a temporary folder of its own. */
function start(script = manifest.scripts.demo): void {
  printed = '';
  child = spawn('sh', ['-c', script], {
    env: { ...process.env, TMPDIR: workspace.folder },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += String(chunk)));
  exit = once(child, 'close');
}

async function says(words: string): Promise<void> {
  await vi.waitFor(() => {
    if (child.exitCode !== null) throw new Error(`it has ended with ${child.exitCode}: ${printed}`);
    expect(printed).toContain(words);
  }, PATIENCE);
}

/** As Ctrl-C does: to all processes that the terminal knows of. */
function signal(name: NodeJS.Signals): void {
  process.kill(-child.pid!, name);
}

async function endsAndLeavesNothing(): Promise<void> {
  const addresses = [...printed.matchAll(/http:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
  expect(await exit).toEqual([0, null]);
  expect(fs.readdirSync(workspace.folder)).toEqual([]);
  expect(processesOf(workspace.folder)).toEqual([]);
  for (const port of new Set(addresses)) expect(await answers(port), `port ${port}`).toBe(false);
}

interface Process {
  readonly id: number;
  readonly command: string;
}

/** All that inherited this temporary folder. */
function processesOf(folder: string): readonly Process[] {
  return fs.readdirSync('/proc').flatMap((id) => {
    try {
      const inherited = fs.readFileSync(`/proc/${id}/environ`, 'utf8').split('\0').includes(`TMPDIR=${folder}`);
      const command = fs.readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return inherited ? [{ id: Number(id), command }] : [];
    } catch {
      // No process, somebody else's, or one that has ended meanwhile.
      return [];
    }
  });
}

async function answers(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** What the first line that it recommends shows. */
async function published(): Promise<Samples> {
  const url = /curl -s (\S+\/metrics) \| grep/.exec(printed)?.[1];
  const response = await fetch(url ?? 'no address');
  expect(response.status).toBe(200);
  return parseExposition(await response.text());
}

function sum(samples: Samples, name: string, label = ''): number {
  return [...samples]
    .filter(([key]) => key.startsWith(`${name}{`) && key.includes(label))
    .reduce((total, [, value]) => total + value, 0);
}

describe.skipIf(process.platform !== 'linux')('npm run demo', () => {
  it('shows a history with everything in it, and goes on live', async () => {
    start('exec npm run --silent demo');
    await says('Ctrl-C ends it');
    const samples = await published();
    for (const status of ['completed', 'failed', 'abandoned'])
      expect(sum(samples, 'agent_workflow_invocations_total', `"${status}"`), status).toBeGreaterThan(0);
    for (const outcome of ['allowed', 'denied', 'interrupted'])
      expect(sum(samples, 'agent_workflow_permission_requests_total', `"${outcome}"`), outcome).toBeGreaterThan(0);
    for (const family of ['agent_workflow_tokens_total', 'agent_workflow_compactions_total'])
      expect(sum(samples, family), family).toBeGreaterThan(0);
    // Every agent has a phase, by demo/otel-config.yaml.
    expect(sum(samples, 'agent_workflow_invocations_total', 'phase="unknown"')).toBe(0);

    const before = sum(samples, 'agent_workflow_tool_calls_total');
    await vi.waitFor(async () => {
      const now = await published();
      expect(sum(now, 'agent_workflow_tool_calls_total')).toBeGreaterThan(before);
      expect(sum(now, 'agent_workflow_invocations_active')).toBeGreaterThan(0);
    }, PATIENCE);
    signal('SIGINT');
    await endsAndLeavesNothing();
  });

  it('takes other ports where the usual ones are taken, and says so', async () => {
    const other = net.createServer().listen(9465, '127.0.0.1');
    onTestFinished(() => void other.close());
    // Whoever else has it, it is taken.
    other.on('error', () => undefined);
    start();
    await says('Port 9465 is taken, so this uses 127.0.0.1:');
    await says('Ctrl-C ends it');
    expect(sum(await published(), 'agent_workflow_tool_calls_total')).toBeGreaterThan(0);
    signal('SIGINT');
    expect(await exit).toEqual([0, null]);
  });

  it.each([
    ['its folder is there', 'SIGINT', ''],
    ['its database is there', 'SIGTERM', 'agent_workflow.db'],
    ['agentcol is being started', 'SIGINT', 'agentcol.log'],
    ['agentcol has begun to read', 'SIGHUP', 'state/agentcol'],
  ] as const)('leaves nothing behind when it is interrupted as soon as %s', async (_moment, name, file) => {
    start();
    await vi.waitFor(
      () => {
        const [folder = 'none'] = fs.readdirSync(workspace.folder);
        expect(fs.existsSync(path.join(workspace.folder, folder, file))).toBe(true);
      },
      { ...PATIENCE, interval: 1 },
    );
    signal(name);
    await endsAndLeavesNothing();
  });

  it('says why agentcol has ended, and leaves nothing behind', async () => {
    start();
    await says('Ctrl-C ends it');
    const agentcol = processesOf(workspace.folder).find(({ command }) => command.includes('dist/src/main.cjs'));
    process.kill(agentcol!.id, 'SIGKILL');
    expect(await exit).toEqual([1, null]);
    expect(printed).toMatch(/demo: agentcol has ended \(SIGKILL\):\n\{"level":"info"/);
    expect(fs.readdirSync(workspace.folder)).toEqual([]);
  });

  it.skipIf(!prometheus.met)(`gives a command that makes Prometheus draw it${prometheus.reason}`, async () => {
    start();
    await says('Ctrl-C ends it');
    const [command] = /^ {2}prometheus --config.*$/m.exec(printed) ?? [];
    const server = spawn('sh', ['-c', `exec ${command!.trim()}`], { stdio: 'ignore' });
    const expressions = [...printed.matchAll(/^ {2}(http\S+\/graph\S+)/gm)].map(([, link]) => new URL(link!));
    expect(expressions).toHaveLength(2);
    for (const { origin, searchParams } of expressions) {
      await vi.waitFor(async () => {
        const query = new URLSearchParams({ query: searchParams.get('g0.expr')! });
        const response = await fetch(`${origin}/api/v1/query?${String(query)}`);
        const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
        expect(data.result.some(({ value }) => Number(value[1]) > 0)).toBe(true);
      }, PATIENCE);
    }
    server.kill('SIGTERM');
    await once(server, 'exit');
    signal('SIGINT');
    await endsAndLeavesNothing();
  });
});

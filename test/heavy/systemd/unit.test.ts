import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createAgentWorkflow, HookLogger } from '../../fixtures/agent-workflow.ts';
import { Workspace } from '../../main-job/harness.ts';
import { freePort } from '../proxies/stage.ts';
import { requirement } from '../requirement.ts';
import { MAIN } from '../../program.ts';

const UNIT = path.resolve('deploy/systemd/agentcol@.service');
/** nobody */
const OTHER = 65_534;
/** Of 100: what `systemd-analyze security` calls OK ends at 4.9. */
const MOST_EXPOSED = 20;

const analyze = requirement(
  'systemd-analyze (Debian package systemd)',
  spawnSync('systemd-analyze', ['--version']).status === 0,
);
const root = requirement(
  'root, unshare and setpriv (util-linux), to be confined as the unit says',
  process.geteuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0,
);

describe.skipIf(!analyze.met)(`the unit${analyze.reason}`, () => {
  /** The unit, of a program that is on this machine. */
  function copy(workspace: Workspace): string {
    const file = workspace.file('agentcol@.service');
    fs.writeFileSync(file, fs.readFileSync(UNIT, 'utf8').replaceAll('/usr/local/bin/agentcol', process.execPath));
    return file;
  }

  it('is one that systemd understands, without a remark', () => {
    using workspace = new Workspace();
    copy(workspace);
    const instance = workspace.file('agentcol@daemon.service');
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', instance], { encoding: 'utf8' });
    expect(`${String(status)} ${stdout}${stderr}`.trim()).toBe('0');
  });

  it('leaves little to attack', () => {
    using workspace = new Workspace();
    const words = ['security', '--offline=true', `--threshold=${MOST_EXPOSED}`, '--no-pager', copy(workspace)];
    const { status, stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
    expect(`${String(status)} ${stdout.slice(-200)}${stderr}`).toMatch(/^0 /);
  });
});

describe.skipIf(!root.met)(`agentcol confined as the unit says${root.reason}`, () => {
  it('reads a WAL database, keeps its state and has its key from the credentials', async () => {
    using workspace = new Workspace();
    fs.chmodSync(workspace.folder, 0o755);
    const [home, credentials, config] = [
      workspace.file('home'),
      workspace.file('credentials'),
      workspace.file('c.yaml'),
    ];
    const [data, state] = ['share', 'state'].map((name) => path.join(home, '.local', name, 'agentcol'));
    for (const folder of [data!, state!, credentials]) fs.mkdirSync(folder, { recursive: true });
    writeDatabase(path.join(data!, 'agent_workflow.db'));
    fs.writeFileSync(path.join(credentials, 'agentcol.hash_key'), 'k'.repeat(32));
    const key = 'hash: { key: "${file:${env:CREDENTIALS_DIRECTORY}/agentcol.hash_key}" }';
    fs.writeFileSync(config, fs.readFileSync('otel-config.yaml', 'utf8').replace(/^ {2}hash:$/m, `  ${key}`));
    spawnSync('chown', ['-R', `${OTHER}:${OTHER}`, home, credentials]);

    const port = await freePort();
    const log = fs.openSync(workspace.file('log'), 'a');
    const script = [
      'mount --make-rprivate /',
      'mount -t proc -o subset=pid,hidepid=invisible proc /proc', // ProcSubset, ProtectProc
      `mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"`, // ProtectSystem=strict
      `for folder in "$2" "$3"; do mount --bind "$folder" "$folder" && mount -o remount,rw,bind "$folder"; done`, // ReadWritePaths
      'shift 3',
      'exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --bounding-set=-all "$@"',
    ].join('\n');
    const program = [
      ...[process.execPath, MAIN, '--config', config, '--set', `exporters::prometheus::endpoint=127.0.0.1:${port}`],
      ...['--set', 'service::telemetry::metrics::level=none'],
    ];
    const words = ['--mount', 'sh', '-ec', script, 'sh', workspace.folder, data!, state!, ...program];
    const child = spawn('unshare', words, {
      stdio: ['ignore', log, log],
      env: { PATH: process.env.PATH, HOME: home, CREDENTIALS_DIRECTORY: credentials },
    });
    fs.closeSync(log);
    try {
      const text = await vi.waitFor(() => scrape(port, child, workspace.file('log')), {
        timeout: 20_000,
        interval: 50,
      });
      expect(text).toContain('agent_workflow_invocations_total{');
      expect(fs.readdirSync(state!)).toContain('state.db');
      for (const name of fs.readdirSync(data!)) expect(fs.statSync(path.join(data!, name)).uid).toBe(OTHER);
    } finally {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    expect(child.exitCode).toBe(0);
  });
});

function writeDatabase(file: string): void {
  const logger = new HookLogger(createAgentWorkflow(file, { journalMode: 'wal' }), 'UTC');
  const atMs = Date.now() - 3_600_000;
  const id = logger.invocationStart({ session: 's', agent: 'architect', at: atMs });
  logger.invocationEnd(id, { at: atMs + 1_000, durationSeconds: 1 });
  logger.close();
}

async function scrape(port: number, child: ChildProcess, log: string): Promise<string> {
  if (child.exitCode !== null) return expect.fail(fs.readFileSync(log, 'utf8'));
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  if (response.status !== 200) throw new Error(`it answers with ${response.status}`);
  return await response.text();
}

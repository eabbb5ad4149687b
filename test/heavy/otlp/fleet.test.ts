import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HookLogger, openAgentWorkflow } from '../../fixtures/agent-workflow.ts';
import { generateAgentWorkflow } from '../../fixtures/generate.ts';
import { OpenTelemetryCollector, otelcol, plainSamples } from '../../interop/collector.ts';
import { describeInterop } from '../../interop/suite.ts';
import { HOUR, Workspace } from '../../main-job/harness.ts';
import { recount } from '../../oracle/recount.ts';
import { logRecordDifferences, recountRecords, spanDifferences } from '../../oracle/records.ts';
import { differences } from '../../oracle/samples.ts';
import { freePort } from '../proxies/stage.ts';
import { requirement } from '../requirement.ts';
import { MAIN } from '../../program.ts';
import { none, PATIENCE } from './agentcol.ts';

const IGNORE = { ignore: ['agent_workflow_database_size_bytes'] };
const TOKEN = 'correct-horse-battery-staple';
const GATEWAY = 'gateway.example.org';

function run(command: string, ...words: readonly string[]): void {
  const { status, stderr } = spawnSync(command, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${stderr}`);
}

function canMakeNamespaces(): boolean {
  const name = `agentcol-${process.pid}-try`;
  const made = spawnSync('ip', ['netns', 'add', name]).status === 0;
  if (made) run('ip', 'netns', 'delete', name);
  return made;
}

const network = requirement('root, to make network namespaces with ip (Debian package iproute2)', canMakeNamespaces());

/** A machine of its own as far as the network goes: an address, and another name for where the gateway is. */
class Host {
  readonly name: string;
  readonly database: string;
  readonly link: string;
  readonly #namespace: string;
  readonly #workspace: Workspace;
  readonly #config: string;
  readonly #gateway: string;
  #child: ChildProcess | undefined;

  constructor(workspace: Workspace, index: number, port: number) {
    this.name = `host-${index}`;
    this.#workspace = workspace;
    this.#namespace = `agentcol-${process.pid}-${index}`;
    this.link = `ac${process.pid}h${index}`;
    this.#gateway = `${GATEWAY}:${port}`;
    this.database = workspace.file(`${this.name}.db`);
    this.#config = workspace.file(`${this.name}.yaml`);
    const shipped = fs.readFileSync('deploy/fleet/agentcol.yaml', 'utf8');
    const here = shipped
      .replaceAll('/etc/agentcol', workspace.folder)
      .replace('export_interval: 15s', 'export_interval: 1s');
    fs.writeFileSync(this.#config, here);
    // Of a network for benchmarks (RFC 2544), which no machine has.
    const network = `198.18.${251 + index}`;
    fs.mkdirSync(`/etc/netns/${this.#namespace}`, { recursive: true });
    fs.writeFileSync(`/etc/netns/${this.#namespace}/hosts`, `${network}.1 ${GATEWAY}\n127.0.0.1 localhost\n`);
    const inside = ['-n', this.#namespace];
    run('ip', 'netns', 'add', this.#namespace);
    run('ip', 'link', 'add', this.link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#namespace);
    run('ip', 'address', 'add', `${network}.1/30`, 'dev', this.link);
    run('ip', 'link', 'set', this.link, 'up');
    run('ip', ...inside, 'address', 'add', `${network}.2/30`, 'dev', 'eth0');
    run('ip', ...inside, 'link', 'set', 'eth0', 'up');
    run('ip', ...inside, 'link', 'set', 'lo', 'up');
  }

  get log(): string {
    return fs.readFileSync(this.#workspace.file(`${this.name}.log`), 'utf8');
  }

  get key(): Buffer {
    return fs.readFileSync(this.#workspace.file(`${this.name}-state`, 'agentcol', 'digest.key'));
  }

  start(): void {
    const log = fs.openSync(this.#workspace.file(`${this.name}.log`), 'a');
    const words = ['netns', 'exec', this.#namespace, process.execPath, MAIN, '--allow-root', '--config', this.#config];
    this.#child = spawn('ip', words, {
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        TZ: 'UTC',
        HOSTNAME: this.name,
        GATEWAY: this.#gateway,
        AGENT_WORKFLOW_DB: this.database,
        XDG_STATE_HOME: this.#workspace.file(`${this.name}-state`),
      },
    });
    fs.closeSync(log);
  }

  /** Pulls the plug, or puts it in again. */
  connect(state: 'up' | 'down'): void {
    run('ip', 'link', 'set', this.link, state);
  }

  work(): void {
    const logger = new HookLogger(openAgentWorkflow(this.database));
    const at = Date.now();
    const id = logger.invocationStart({ session: `live on ${this.name}`, agent: 'architect', at });
    logger.invocationEnd(id, { at: at + 1500, rawOutput: '{"usage":{"output_tokens":7}}' });
    logger.close();
  }

  async stop(): Promise<void> {
    await ended(this.#child);
    this.#child = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    spawnSync('ip', ['netns', 'delete', this.#namespace]);
    fs.rmSync(`/etc/netns/${this.#namespace}`, { recursive: true, force: true });
  }
}

async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

describe.skipIf(!network.met)(`deploy/fleet${network.reason}`, () => {
  describeInterop('two hosts and a gateway', () => {
    const workspace = new Workspace();
    const config = workspace.file('gateway.yaml');
    let backend: OpenTelemetryCollector;
    let gateway: ChildProcess;
    let prometheus: number;
    let hosts: readonly Host[];

    beforeAll(async () => {
      backend = await OpenTelemetryCollector.start(workspace.file('backend'));
      const port = await freePort();
      prometheus = await freePort();
      run(
        'openssl',
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
        ...['-subj', `/CN=${GATEWAY}`, '-addext', `subjectAltName=DNS:${GATEWAY}`],
        ...['-keyout', workspace.file('gateway.key'), '-out', workspace.file('gateway.pem')],
      );
      fs.copyFileSync(workspace.file('gateway.pem'), workspace.file('gateway-ca.pem'));
      for (const name of ['token', 'gateway-token']) fs.writeFileSync(workspace.file(name), TOKEN, { mode: 0o600 });
      const shipped = fs.readFileSync('deploy/fleet/gateway.yaml', 'utf8');
      const here = shipped
        .replaceAll('/etc/otelcol', workspace.folder)
        .replace('/var/lib/otelcol', workspace.file('queue'))
        .replace('0.0.0.0:4318', `0.0.0.0:${port}`)
        .replace('127.0.0.1:8889', `127.0.0.1:${prometheus}`);
      fs.writeFileSync(config, here);
      gateway = startGateway();
      hosts = [0, 1].map((index) => new Host(workspace, index, port));
      for (const [index, host] of hosts.entries()) {
        generateAgentWorkflow(host.database, { invocations: 100, seed: 7 + index, endMs: Date.now() - 2 * HOUR });
        host.start();
      }
    });

    afterAll(async () => {
      for (const host of hosts) await host.remove();
      await ended(gateway);
      await backend.stop();
      workspace[Symbol.dispose]();
    });

    function startGateway(): ChildProcess {
      const log = fs.openSync(workspace.file('gateway.log'), 'a');
      const child = spawn(otelcol(), ['--config', config], {
        stdio: ['ignore', log, log],
        env: { ...process.env, BACKEND: `http://127.0.0.1:${backend.httpPort}` },
      });
      fs.closeSync(log);
      return child;
    }

    /** Each host's totals are at the gateway, under its name, and the spans and log records of all at the backend. */
    async function arrived(): Promise<void> {
      await vi.waitFor(async () => {
        const exposition = await (await fetch(`http://127.0.0.1:${prometheus}/metrics`)).text();
        const now = Date.now();
        for (const { name, database } of hosts) {
          const own = exposition.split('\n').filter((line) => line.includes(`instance="${name}"`));
          const published = plainSamples(own.join('\n'));
          none(differences(recount(database, now, 'UTC'), published, IGNORE));
        }
        const { spans, records } = backend.received();
        const expected = hosts.map(({ database, key }) => recountRecords(database, now, 'UTC', key));
        none(
          spanDifferences(
            expected.flatMap((one) => one.spans),
            spans,
          ),
        );
        none(
          logRecordDifferences(
            expected.flatMap((one) => one.records),
            records,
          ),
        );
      }, PATIENCE);
    }

    it('arrive apart, each under its name', async () => {
      await arrived();
      const names = backend.received().resources.map((resource) => resource['service.instance.id']);
      expect([...new Set(names)].sort()).toEqual(['host-0', 'host-1']);
    });

    it('arrive all the same when the gateway is killed, a host is cut off, and another starts again', async () => {
      hosts[0]!.work();
      await ended(gateway, 'SIGKILL');
      hosts[0]!.work();
      hosts[1]!.connect('down');
      hosts[1]!.work();
      gateway = startGateway();
      await hosts[0]!.stop();
      hosts[0]!.work();
      hosts[0]!.start();
      hosts[1]!.connect('up');
      await arrived();
    });
  });
});

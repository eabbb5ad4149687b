import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { factories } from '../../src/components.ts';
import { refuseRoot } from '../../src/commands/refuse-root.ts';
import { loadConfig } from '../../src/config/config.ts';
import { describeError } from '../../src/errors.ts';
import { Service } from '../../src/pipeline/service.ts';
import { createAgentWorkflow } from '../fixtures/agent-workflow.ts';
import { generateAgentWorkflow } from '../fixtures/generate.ts';
import { Workspace } from '../main-job/harness.ts';
import { ShellSession } from './shell-blocks.ts';
import { MAIN, ROOT } from '../program.ts';

/** What agentcol says from loading the default configuration, with these changes, until it has caught up. */
class Attempt implements AsyncDisposable {
  readonly workspace = new Workspace();
  readonly database = this.workspace.file('agents.db');
  readonly state = this.workspace.file('state');
  readonly #said: string[] = [];
  #service: Service | undefined;

  async start(changes: object = {}): Promise<string> {
    try {
      const service = await this.#create(changes);
      await service.start();
      await service.caughtUp();
      for (const { message } of service.failures) this.#said.push(message);
    } catch (error) {
      this.#said.push(describeError(error));
    }
    return this.#said.join('\n');
  }

  /** The same while the database is locked: what the receiver says, and what a scraper is answered. */
  async startLocked(): Promise<string> {
    const writer = createAgentWorkflow(this.database);
    writer.exec('BEGIN EXCLUSIVE');
    const socketPath = this.workspace.file('metrics.sock');
    const service = await this.#create({ exporters: { prometheus: { endpoint: `unix:${socketPath}` } } });
    await service.start();
    await vi.waitFor(() => expect(service.failures).not.toEqual([]), { timeout: 10_000, interval: 5 });
    const [response] = (await once(http.get({ socketPath, path: '/metrics' }), 'response')) as [http.IncomingMessage];
    const said = [await text(response), ...service.failures.map(({ message }) => message)].join('\n');
    writer.close();
    return said;
  }

  /** The same with an endpoint for OTLP that answers so, or that is gone. */
  async startSending(status?: number): Promise<string> {
    createAgentWorkflow(this.database).close();
    const endpoint = http.createServer((request, response) => {
      request.resume();
      response.writeHead(status ?? 200).end();
    });
    await once(endpoint.listen(0, '127.0.0.1'), 'listening');
    const { port } = endpoint.address() as net.AddressInfo;
    if (status === undefined) endpoint.close();
    const service = await this.#create({
      exporters: { otlp_http: { endpoint: `http://127.0.0.1:${port}` } },
      service: { pipelines: { metrics: { exporters: ['otlp_http'] } } },
    });
    await service.start();
    const failed = (): boolean => this.#said.some((message) => message.startsWith('send metrics'));
    await vi.waitUntil(failed, { timeout: 30_000, interval: 5 });
    if (status !== undefined) endpoint.close();
    return this.#said.join('\n');
  }

  async #create(changes: object): Promise<Service> {
    const log = (message: string): void => void this.#said.push(message);
    const own = [this.#write('base.yaml', this.#base()), this.#write('changes.yaml', changes)];
    const config = await loadConfig({ files: [path.join(ROOT, 'otel-config.yaml'), ...own], env: {} }, factories);
    const logger = { debug: log, info: log, warn: log, error: log };
    this.#service = await Service.create(config, { logger, now: Date.now });
    return this.#service;
  }

  #base(): object {
    return {
      receivers: { 'sqlite/agents': { database: this.database } },
      exporters: { prometheus: { endpoint: '127.0.0.1:0' } },
      extensions: { file_storage: { directory: this.state } },
    };
  }

  #write(name: string, config: object): string {
    const file = this.workspace.file(name);
    fs.writeFileSync(file, stringify(config));
    return file;
  }

  async stop(): Promise<void> {
    await this.#service?.shutdown();
    this.#service = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.workspace[Symbol.dispose]();
  }
}

const receiver = (settings: object): object => ({ receivers: { 'sqlite/agents': settings } });
const prometheus = (settings: object): object => ({ exporters: { prometheus: settings } });
const rows = (attributes: object): object => ({ metrics: [{ name: 'rows', type: 'counter' }], attributes });

/** By the beginning of a message: how to come to it. */
const ATTEMPTS: Readonly<Record<string, (attempt: Attempt) => Promise<string>>> = {
  'unknown key': (attempt) => attempt.start(receiver({ databse: 'x' })),
  'expected a duration': (attempt) => attempt.start(receiver({ collection_interval: 5 })),
  'unknown exporter type': (attempt) => attempt.start({ exporters: { prometeus: null } }),
  'references extension': (attempt) => attempt.start({ service: { extensions: [] } }),
  'environment variable': (attempt) => attempt.start(receiver({ timezone: '${env:TOKEN_THAT_IS_NOT_SET}' })),
  'other machines could reach': (attempt) => attempt.start(prometheus({ endpoint: '0.0.0.0:9465' })),
  'attribute note': (attempt) =>
    attempt.start({
      receivers: { 'sqlite/agents': { preset: [], tables: { rows: rows({ note: 'prompt' }) } } },
      service: { pipelines: { metrics: { processors: ['strip_paths'] } } },
    }),
  'no preset': (attempt) => attempt.start(receiver({ preset: 'agent_workflows' })),
  'agentcol does not run as root': async () => {
    try {
      refuseRoot(0);
      return '';
    } catch (error) {
      return describeError(error);
    }
  },
  'listen on': async (attempt) => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const said = await attempt.start(prometheus({ endpoint: `127.0.0.1:${port}` }));
    server.close();
    return said;
  },
  'another agentcol uses': async (attempt) => {
    await attempt.start();
    await using second = new Attempt();
    return await second.start({ extensions: { file_storage: { directory: attempt.state } } });
  },
  'can be written to by other users': async (attempt) => {
    fs.mkdirSync(attempt.state);
    fs.chmodSync(attempt.state, 0o777);
    return attempt.start();
  },
  'the state <file> was written by a newer': async (attempt) => {
    await attempt.start();
    await attempt.stop();
    const state = new Database(path.join(attempt.state, 'state.db'));
    state.pragma('user_version = 999');
    state.close();
    return attempt.start();
  },
  'waiting for <file>': (attempt) => attempt.start(),
  'waiting for table': async (attempt) => {
    createAgentWorkflow(attempt.database).close();
    return attempt.start(receiver({ tables: { printers: { metrics: [{ name: 'printers', type: 'counter' }] } } }));
  },
  'is not an SQLite database': async (attempt) => {
    fs.writeFileSync(attempt.database, 'something else\n'.repeat(100));
    return attempt.start();
  },
  'is corrupt': async (attempt) => {
    generateAgentWorkflow(attempt.database, { invocations: 500, endMs: Date.now(), zone: 'UTC', slim: true });
    const file = fs.openSync(attempt.database, 'r+');
    // All pages but the first, which holds the schema.
    const { size } = fs.fstatSync(file);
    fs.writeSync(file, Buffer.alloc(size - 4096, 0xff), 0, size - 4096, 4096);
    fs.closeSync(file);
    return attempt.start();
  },
  'is locked': (attempt) => attempt.startLocked(),
  'catching up': (attempt) => attempt.startLocked(),
  'send metrics: http://<endpoint>/v1/metrics: connect ECONNREFUSED': (attempt) => attempt.startSending(),
  'send metrics: http://<endpoint>/v1/metrics has answered 404': (attempt) => attempt.startSending(404),
  'the state is unusable': async (attempt) => {
    fs.mkdirSync(attempt.state, { mode: 0o700 });
    fs.writeFileSync(path.join(attempt.state, 'state.db'), 'no longer a database\n'.repeat(100), { mode: 0o600 });
    return attempt.start();
  },
};

/** The messages that stand as headings in the document. */
const documented = [
  ...fs.readFileSync(path.join(ROOT, 'docs/troubleshooting.md'), 'utf8').matchAll(/^### `(.+)`$/gm),
].map(([, message = '']) => message);

/** `<...>` stands for anything. */
function pattern(message: string): RegExp {
  return new RegExp(message.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/<[a-z]+>/g, '.+'));
}

describe('docs/troubleshooting.md: agentcol says', () => {
  /** What the commands say that a user of hooks calls, by the message. */
  let commands: string;
  let session: ShellSession;

  beforeAll(async () => {
    session = new ShellSession([process.execPath, MAIN]);
    const script = `
agentcol doctor || true
echo no event | agentcol hook
agentcol doctor || true
cat ~/.local/share/agentcol/agentcol-hook.log`;
    commands = (await session.run([script], { seconds: 150 })).join('');
  }, 180_000);

  afterAll(() => session[Symbol.dispose]());

  test.each(documented)(
    '%s',
    async (message) => {
      const names = Object.keys(ATTEMPTS).filter((name) => message.includes(name));
      await using attempt = new Attempt();
      const said = names.length === 0 ? commands : await ATTEMPTS[names[0]!]!(attempt);
      expect(said).toMatch(pattern(message));
    },
    60_000,
  );
});

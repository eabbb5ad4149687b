import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { gunzipSync } from 'node:zlib';
import { hashSync } from 'bcrypt';
import { vi } from 'vitest';
import { stringify } from 'yaml';
import { createAgentWorkflow, HookLogger } from '../../fixtures/agent-workflow.ts';
import { certificate } from '../../http/certificates.ts';
import { Workspace } from '../../main-job/harness.ts';
import { MAIN } from '../../program.ts';

export type Proxy = 'nginx' | 'caddy';

export const USER = 'prometheus';
export const PASSWORD = 'correct horse battery staple';
/** The cheapest that agentcol takes: the tests ask often. */
const COST = 5;
const TLS = certificate('localhost');

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Decompressed. */
  readonly body: string;
}

export interface Question {
  readonly path?: string;
  readonly method?: string;
  readonly auth?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly tls?: https.RequestOptions;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export interface StageOptions {
  readonly proxy: Proxy;
  /** By id; default: one, `prometheus`, on a free port of loopback. */
  readonly exporters?: (workspace: Workspace) => Promise<Readonly<Record<string, Readonly<Record<string, unknown>>>>>;
  /** Has basicauth among its extensions, with the same user. */
  readonly authenticates?: boolean;
  /** service::telemetry::metrics; default: none of them. */
  readonly telemetry?: (workspace: Workspace) => Readonly<Record<string, unknown>>;
  /** The address that the proxy listens on. */
  readonly address?: string;
}

/** The built agentcol over a database with some rows, and behind it a real proxy by the file that agentcol has written for it. */
export class Stage {
  readonly workspace = new Workspace();
  readonly port: number;
  readonly #proxy: Proxy;
  readonly #address: string;
  readonly #config: string;
  readonly #exporters: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  #agentcol: ChildProcess | undefined;
  #server: ChildProcess | undefined;

  private constructor(
    { proxy, address = '127.0.0.1', authenticates = false, telemetry = () => ({ level: 'none' }) }: StageOptions,
    port: number,
    exporters: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
    workspace: Workspace,
  ) {
    this.workspace = workspace;
    this.port = port;
    this.#proxy = proxy;
    this.#address = address;
    this.#exporters = exporters;
    this.#config = workspace.file('otel-config.yaml');
    const extensions = authenticates
      ? { basicauth: { htpasswd: { inline: `${USER}:${hashSync(PASSWORD, COST)}` } } }
      : {};
    const pipeline = { receivers: ['sqlite'], processors: ['hash', 'strip_paths'], exporters: Object.keys(exporters) };
    const config = {
      receivers: {
        sqlite: { database: workspace.file('agent_workflow.db'), preset: 'agent_workflow', timezone: 'UTC' },
      },
      processors: { hash: { key: 'k'.repeat(32) }, strip_paths: null },
      exporters,
      extensions,
      service: {
        extensions: Object.keys(extensions),
        telemetry: { metrics: telemetry(workspace) },
        pipelines: { metrics: pipeline },
      },
    };
    fs.writeFileSync(this.#config, stringify(config));
    fs.writeFileSync(workspace.file('certificate.pem'), TLS.cert);
    fs.writeFileSync(workspace.file('certificate.key'), TLS.key, { mode: 0o600 });
    writeDatabase(workspace.file('agent_workflow.db'));
  }

  static async start(options: StageOptions): Promise<Stage> {
    const workspace = new Workspace();
    const exporters = (await options.exporters?.(workspace)) ?? {
      prometheus: { endpoint: `127.0.0.1:${await freePort()}` },
    };
    const stage = new Stage(options, await freePort(), exporters, workspace);
    try {
      await stage.startAgentcol();
      await stage.#startProxy();
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
    return stage;
  }

  /** What the proxy wrote to its logs. */
  get log(): string {
    const files = ['proxy.log', 'access.log'].map((name) => this.workspace.file(name));
    return files.map((file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '')).join('');
  }

  /** The proxy's configuration, as agentcol has written it. */
  get file(): string {
    return fs.readFileSync(this.workspace.file('proxy.conf'), 'utf8');
  }

  async startAgentcol(): Promise<void> {
    const log = fs.openSync(this.workspace.file('agentcol.log'), 'a');
    this.#agentcol = spawn(process.execPath, [MAIN, '--allow-root', '--config', this.#config], {
      stdio: ['ignore', log, log],
      env: { ...process.env, XDG_STATE_HOME: this.workspace.folder },
    });
    fs.closeSync(log);
    // 401 where it asks for a password: it answers, and catches up within a moment.
    for (const id of Object.keys(this.#exporters)) {
      await vi.waitFor(
        async () => {
          const { status } = await this.direct(id);
          if (status !== 200) throw new Error(`agentcol answers with ${status}`);
        },
        { timeout: 60_000, interval: 20 },
      );
    }
  }

  async stopAgentcol(): Promise<void> {
    await ended(this.#agentcol);
  }

  /** What agentcol itself answers, without the proxy, with good credentials. */
  async direct(id = 'prometheus', accept?: string): Promise<Answer> {
    const { endpoint, tls } = this.#exporters[id]!;
    const where = String(endpoint);
    const request: https.RequestOptions = {
      path: '/metrics',
      auth: `${USER}:${PASSWORD}`,
      headers: accept === undefined ? {} : { Accept: accept },
      agent: false,
      ...(where.startsWith('unix:')
        ? { socketPath: where.slice('unix:'.length) }
        : { host: '127.0.0.1', port: where.split(':').at(-1) }),
    };
    return await ask(tls === undefined ? http.request(request) : https.request({ ...request, ca: TLS.cert }));
  }

  /** What the proxy answers; without `auth` it is not told who asks. */
  async ask({ path = '/metrics', method = 'GET', auth, headers = {}, body, tls }: Question = {}): Promise<Answer> {
    const request = https.request({
      host: this.#address,
      servername: 'localhost',
      port: this.port,
      ca: TLS.cert,
      path,
      method,
      headers,
      agent: false,
      ...(auth === undefined ? {} : { auth }),
      ...tls,
    });
    return await ask(request, body);
  }

  async #startProxy(): Promise<void> {
    const { workspace } = this;
    this.#writeUsers();
    const words = [
      ...[MAIN, 'proxy-config', this.#proxy, '--config', this.#config],
      ...['--listen', `${this.#address}:${this.port}`, '--server-name', 'localhost'],
      ...['--certificate', workspace.file('certificate.pem'), '--certificate-key', workspace.file('certificate.key')],
      ...['--users', workspace.file('users')],
    ];
    const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    fs.writeFileSync(workspace.file('proxy.conf'), stdout);
    const log = fs.openSync(workspace.file('proxy.log'), 'a');
    const [command, ...rest] = commandOf(this.#proxy, workspace);
    this.#server = spawn(command, rest, {
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        HOME: workspace.folder,
        XDG_DATA_HOME: workspace.folder,
        XDG_CONFIG_HOME: workspace.folder,
      },
    });
    fs.closeSync(log);
    await vi.waitFor(() => this.ask({ path: '/nothing' }), { timeout: 60_000, interval: 20 });
  }

  #writeUsers(): void {
    const file = this.workspace.file('users');
    // By the command that the comment at the top names, where that takes a password from a pipe.
    const nginx = (): string =>
      `${USER}:${spawnSync('openssl', ['passwd', '-6', '-stdin'], { input: PASSWORD, encoding: 'utf8' }).stdout}`;
    const caddy = (): string => `${USER} ${hashSync(PASSWORD, COST)}\n`;
    fs.writeFileSync(file, this.#proxy === 'nginx' ? nginx() : caddy());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await ended(this.#server);
    await ended(this.#agentcol);
    this.workspace[Symbol.dispose]();
  }
}

/** The words that start a proxy with proxy.conf of the folder, and nothing of the machine's own. */
function commandOf(proxy: Proxy, workspace: Workspace): [string, ...string[]] {
  if (proxy === 'caddy') return ['caddy', 'run', '--adapter', 'caddyfile', '--config', workspace.file('proxy.conf')];
  fs.writeFileSync(workspace.file('nginx.conf'), aroundNginx(workspace, workspace.file('proxy.conf')));
  return ['nginx', '-p', workspace.folder, '-c', workspace.file('nginx.conf')];
}

/** What Debian's nginx.conf would say, in this folder. */
export function aroundNginx(workspace: Workspace, included: string): string {
  const user = process.geteuid?.() === 0 ? 'user root root;\n' : '';
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `${user}daemon off;
pid ${workspace.file('nginx.pid')};
error_log stderr notice;
events {}
http {
    access_log ${workspace.file('access.log')};
${folders.map((name) => `    ${name}_temp_path ${workspace.file(name)};`).join('\n')}
    include ${included};
}
`;
}

function writeDatabase(file: string): void {
  const logger = new HookLogger(createAgentWorkflow(file), 'UTC');
  const atMs = Date.now() - 3_600_000;
  for (const agent of ['architect', 'reviewer', 'tester']) {
    const id = logger.invocationStart({ session: 's', agent, at: atMs });
    logger.invocationEnd(id, { at: atMs + 1_000, durationSeconds: 1 });
  }
  logger.close();
}

function ask(request: http.ClientRequest, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.on('error', reject).on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const sent = Buffer.concat(chunks);
        const text = response.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text.toString() });
      });
    });
    request.end(body);
  });
}

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

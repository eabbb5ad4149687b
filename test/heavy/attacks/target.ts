import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { Agent, get, type RequestOptions } from 'node:http';
import net, { type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hashSync } from 'bcrypt';
import { stringify } from 'yaml';
import { freePort } from '../../pipeline/reloading.ts';
import { descriptors, residentMiB } from '../../soak/process.ts';
import { MAIN } from '../../program.ts';

export const USER = 'prometheus';
export const PASSWORD = 'correct horse battery staple';

export const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

export interface Scraped {
  readonly status: number;
  readonly milliseconds: number;
}

/** The built agentcol with an address on loopback, behind a password where `auth` says so; reads nothing. */
export class Target {
  readonly port: number;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #sockets = new Set<Socket>();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #auth: boolean;

  private constructor(port: number, folder: string, auth: boolean) {
    this.port = port;
    this.#folder = folder;
    this.#auth = auth;
    const log = fs.openSync(path.join(folder, 'log'), 'a');
    this.#child = spawn(process.execPath, [MAIN, '--allow-root', '--config', path.join(folder, 'otel-config.yaml')], {
      stdio: ['ignore', log, log],
      cwd: folder,
    });
    fs.closeSync(log);
  }

  static async start({ auth }: { readonly auth: boolean }): Promise<Target> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-attack-'));
    const port = await freePort();
    const guarded = auth ? { auth: { authenticator: 'basicauth' } } : {};
    const config = {
      receivers: { sqlite: { database: 'none.db', preset: 'agent_workflow' } },
      processors: { hash: { key: 'k'.repeat(32) }, strip_paths: null },
      exporters: { prometheus: { endpoint: `127.0.0.1:${port}`, ...guarded } },
      extensions: { basicauth: { htpasswd: { inline: `${USER}:${hashSync(PASSWORD, 10)}` } } },
      service: {
        extensions: ['basicauth'],
        telemetry: { metrics: { level: 'none' } },
        pipelines: {
          metrics: { receivers: ['sqlite'], processors: ['hash', 'strip_paths'], exporters: ['prometheus'] },
        },
      },
    };
    fs.writeFileSync(path.join(folder, 'otel-config.yaml'), stringify(config));
    const target = new Target(port, folder, auth);
    const endMs = Date.now() + 30_000;
    for (;;) {
      const status = await target.scrape({}).then(
        (scraped) => scraped.status,
        () => 0,
      );
      if (status === 200) return target;
      if (target.#child.exitCode !== null || Date.now() > endMs)
        throw new Error(`agentcol does not answer:\n${target.log}`);
      await delay(50);
    }
  }

  get #pid(): number {
    if (this.#child.pid === undefined) throw new Error('agentcol was not started');
    return this.#child.pid;
  }

  get log(): string {
    return fs.readFileSync(path.join(this.#folder, 'log'), 'utf8');
  }

  /** Resident memory, MiB. */
  get residentMiB(): number {
    return residentMiB(this.#pid);
  }

  get descriptors(): number {
    return descriptors(this.#pid);
  }

  /** As Prometheus does: with the password, on a connection that is kept unless `agent` says otherwise, for 10 s at most. */
  scrape({ agent = this.#agent, timeout = 10_000, ...options }: RequestOptions): Promise<Scraped> {
    const begin = performance.now();
    const headers = this.#auth ? { authorization: basic(USER, PASSWORD) } : {};
    return new Promise((resolve, reject) => {
      const asking = get(
        { host: '127.0.0.1', port: this.port, path: '/metrics', headers, agent, ...options },
        (response) => {
          response.on('error', reject).resume();
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, milliseconds: performance.now() - begin });
          });
        },
      );
      asking.setTimeout(timeout, () => asking.destroy(new Error(`no answer in ${timeout} ms`)));
      asking.on('error', reject);
    });
  }

  /** Scrapes every 50 ms until `attack` is over; what came of each. */
  async scrapeDuring(attack: Promise<unknown>, options: RequestOptions = {}): Promise<readonly Scraped[]> {
    const scraped: Scraped[] = [];
    const attacked = attack.then(() => 'over' as const);
    do {
      scraped.push(await this.scrape(options));
    } while ((await Promise.race([attacked, delay(50, 'under way')])) !== 'over');
    return scraped;
  }

  /** A connection of its own; undefined when it is refused. Its errors are nobody's. */
  async connect(): Promise<Socket> {
    const socket = net.connect(this.port, '127.0.0.1');
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
    await Promise.race([event(socket, 'connect'), event(socket, 'close')]);
    return socket;
  }

  /** Everything that comes back until the connection is closed, by us after `patienceMs`. */
  async send(text: string | readonly string[], patienceMs = 2_000): Promise<string> {
    const socket = await this.connect();
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    const timer = setTimeout(() => socket.destroy(), patienceMs);
    for (const part of typeof text === 'string' ? [text] : text) {
      if (!socket.writable) break;
      if (!socket.write(part, 'latin1')) await Promise.race([event(socket, 'drain'), event(socket, 'close')]);
    }
    if (!socket.closed) await event(socket, 'close');
    clearTimeout(timer);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    fs.rmSync(this.#folder, { recursive: true });
  }
}

/** Unlike `once` of Node it does not reject for an error before. */
function event(socket: Socket, name: 'connect' | 'drain' | 'close'): Promise<void> {
  return new Promise((resolve) => socket.once(name, () => resolve()));
}

export function statuses(answer: string): readonly number[] {
  return [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
}

/** The value below which `share` of all are. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export function latencies(scraped: readonly Scraped[]): string {
  const ms = scraped.map(({ milliseconds }) => milliseconds);
  const [median, p99, most] = [0.5, 0.99, 1].map((share) => quantile(ms, share).toFixed(1));
  return `${scraped.length} scrapes, median ${median} ms, p99 ${p99} ms, most ${most} ms`;
}

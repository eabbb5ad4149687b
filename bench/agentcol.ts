import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parse, stringify } from 'yaml';
import { MAIN } from '../test/program.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
export const PROBE = pathToFileURL(path.join(import.meta.dirname, 'probe.js')).href;

/** See probe.js. */
export interface Usage {
  readonly cpuMs: number;
  readonly residentBytes: number;
  readonly peakBytes: number;
  readonly longestBlockMs?: number;
  readonly blockP999Ms?: number;
}

/** Of `agentcol --once`. */
export interface Finished {
  readonly wallMs: number;
  readonly usage: Usage;
}

export interface Sections {
  readonly receivers?: object;
  readonly exporters?: object;
  readonly pipelines?: object;
}

/** The built agentcol with the shipped configuration, in a process, a folder and with a state of its own. */
export class Agentcol implements AsyncDisposable {
  readonly #folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-bench-run-'));
  readonly #config: string;
  #database: string;
  #child: ChildProcess | undefined;
  #port = 0;

  /** With the shipped configuration, but for these of its sections. */
  constructor(database: string, { pipelines, ...sections }: Sections = {}) {
    this.#database = database;
    this.#config = path.join(this.#folder, 'otel-config.yaml');
    const shipped = parse(fs.readFileSync(path.join(ROOT, 'otel-config.yaml'), 'utf8')) as { readonly service: object };
    const service = { ...shipped.service, ...(pipelines === undefined ? {} : { pipelines }) };
    fs.writeFileSync(this.#config, stringify({ ...shipped, ...sections, service }));
  }

  /** On a copy of its own of `original`, which others may write to: see `database`. */
  static onCopyOf(original: string): Agentcol {
    const agentcol = new Agentcol(original);
    const copy = path.join(agentcol.#folder, 'agents.db');
    fs.copyFileSync(original, copy, fs.constants.COPYFILE_FICLONE);
    agentcol.#database = copy;
    return agentcol;
  }

  get database(): string {
    return this.#database;
  }

  /** `host:port` while it runs. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Reads everything into a new state and ends; `words` are added to its command line. */
  once(...words: readonly string[]): Finished {
    fs.rmSync(this.#state, { recursive: true, force: true });
    const report = path.join(this.#folder, 'usage.json');
    const begin = performance.now();
    const { status, stderr } = spawnSync(process.execPath, this.#words('--once', ...words), {
      env: this.#environment({ AGENTCOL_BENCH_REPORT: report }),
      encoding: 'utf8',
      maxBuffer: 64e6,
    });
    const wallMs = performance.now() - begin;
    if (status !== 0) throw new Error(`agentcol --once ended with ${status ?? 'a signal'}: ${stderr}`);
    return { wallMs, usage: JSON.parse(fs.readFileSync(report, 'utf8')) as Usage };
  }

  /**
   * Resolves as soon as it listens, before it has read anything. `watchLoop`: usage tells how long the event loop was blocked.
   * `telemetry`: `address` and `scrape` are those of its own metrics, for one that serves no others.
   */
  async start({ watchLoop = false, telemetry = false } = {}): Promise<void> {
    this.#port = await freePort();
    const setting = telemetry ? 'service::telemetry::metrics::address' : 'exporters::prometheus::endpoint';
    const log = fs.openSync(path.join(this.#folder, 'agentcol.log'), 'a');
    this.#child = spawn(process.execPath, this.#words('--set', `${setting}=${this.address}`), {
      env: this.#environment(watchLoop ? { AGENTCOL_BENCH_DELAY: '1' } : {}),
      stdio: ['ignore', log, log, 'ipc'],
    });
    fs.closeSync(log);
    while ((await this.scrape()) === undefined) await delay(5);
  }

  /** Resolves when it serves metrics. */
  async caughtUp(): Promise<void> {
    while ((await this.scrape())?.status !== 200) await delay(20);
  }

  /** undefined while nobody listens. */
  async scrape(): Promise<{ readonly status: number; readonly body: string } | undefined> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null)
      throw new Error(`agentcol has ended: ${fs.readFileSync(path.join(this.#folder, 'agentcol.log'), 'utf8')}`);
    return new Promise((resolve) => {
      const request = http.get({ port: this.#port, path: '/metrics', agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      });
      request.on('error', () => resolve(undefined));
    });
  }

  /** What it has used; the blocks of the event loop are those since the last time. */
  async usage(): Promise<Usage> {
    this.#child?.send({});
    const [usage] = (await once(this.#child!, 'message')) as [Usage];
    return usage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    fs.rmSync(this.#folder, { recursive: true });
  }

  get #state(): string {
    return path.join(this.#folder, 'state');
  }

  #words(...words: readonly string[]): string[] {
    return ['--import', PROBE, MAIN, '--allow-root', '--config', this.#config, ...words];
  }

  #environment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
    return { ...process.env, AGENT_WORKFLOW_DB: this.#database, XDG_STATE_HOME: this.#state, ...more };
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a server without a port');
  return address.port;
}

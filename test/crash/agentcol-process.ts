import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { differences, parseExposition, type Samples } from '../oracle/samples.ts';
import { MAIN } from '../program.ts';

/** Between two scrapes while waiting for what must come, milliseconds. */
const SCRAPE_MS = 10;
/** A recount is of its moment: rows that become too old meanwhile are abandoned. */
const RECOUNT_MS = 1000;

export interface AgentcolOptions {
  /** Settings of the receiver instead of those for an agent-workflow database of UTC. */
  readonly receiver?: Readonly<Record<string, unknown>>;
  /** The folder of the state. */
  readonly storage?: string;
  /** The words before `node` on its command line: `prlimit`, `setpriv`. They must become the process, not fork it. */
  readonly launcher?: readonly string[];
}

/** The built agentcol on one database and one state, published on a socket inside `folder`. */
export class AgentcolProcess {
  readonly #folder: string;
  readonly #config: string;
  readonly #launcher: readonly string[];
  #child: ChildProcess | undefined;

  constructor(folder: string, database: string, options: AgentcolOptions = {}) {
    this.#launcher = options.launcher ?? [];
    this.#folder = folder;
    this.#config = path.join(folder, 'otel-config.yaml');
    const config = {
      receivers: {
        'sqlite/agents': {
          database,
          preset: 'agent_workflow',
          timezone: 'UTC',
          collection_interval: '20ms',
          storage: 'file_storage',
          ...options.receiver,
        },
      },
      processors: { hash: null, strip_paths: null },
      exporters: { prometheus: { endpoint: `unix:${this.#socket}` } },
      extensions: { file_storage: { directory: options.storage ?? path.join(folder, 'state') } },
      service: {
        extensions: ['file_storage'],
        telemetry: { logs: { level: 'warn' }, metrics: { level: 'none' } },
        pipelines: {
          metrics: { receivers: ['sqlite/agents'], processors: ['hash', 'strip_paths'], exporters: ['prometheus'] },
        },
      },
    };
    fs.writeFileSync(this.#config, stringify(config));
  }

  get #socket(): string {
    return path.join(this.#folder, 'metrics.sock');
  }

  get #log(): string {
    return path.join(this.#folder, 'agentcol.log');
  }

  /** Only while it runs. */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('agentcol is not running');
    return this.#child.pid;
  }

  /** What it wrote to the terminal, of all its runs. */
  get log(): string {
    return fs.readFileSync(this.#log, 'utf8');
  }

  start(): void {
    const log = fs.openSync(this.#log, 'a');
    const [command, ...words] = [...this.#launcher, process.execPath, MAIN, '--allow-root', '--config', this.#config];
    this.#child = spawn(command, words, { stdio: ['ignore', log, log] });
    fs.closeSync(log);
  }

  get hasEnded(): boolean {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Waits for it to end by itself; returns its exit code. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) throw new Error('agentcol is not running');
    this.#child = undefined;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }

  /** SIGTERM; returns its exit code. */
  stop(): Promise<number | null> {
    process.kill(this.pid, 'SIGTERM');
    return this.ended();
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const how = child.exitCode ?? child.signalCode;
    if (how !== null) throw new Error(`agentcol ended by itself: ${how}`);
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** What is published, or undefined while it does not answer or is catching up. */
  async scrape(): Promise<Samples | undefined> {
    const body = await this.scrapeText();
    return body === undefined ? undefined : parseExposition(body);
  }

  /** The same, as it is sent. */
  scrapeText(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const request = http.get({ socketPath: this.#socket, path: '/metrics', agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(response.statusCode === 200 ? text : undefined));
        response.on('error', () => resolve(undefined));
      });
      request.on('error', () => resolve(undefined)); // not listening yet
    });
  }

  /** Scrapes until what is published equals the recount, and returns it; the differences when it does not in time. */
  async settle(recount: () => Samples, timeoutMs: number): Promise<Samples | string[]> {
    const deadline = Date.now() + timeoutMs;
    let expected = recount();
    let recounted = Date.now();
    let found = ['nothing was published'];
    while (Date.now() < deadline) {
      const published = await this.scrape();
      if (published !== undefined) {
        found = differences(expected, published, { ignore: ['agent_workflow_database_size_bytes'] });
        if (found.length === 0) return published;
      } else if (this.#child?.exitCode != null) {
        throw new Error(`agentcol ended by itself with code ${this.#child.exitCode}`);
      }
      if (Date.now() - recounted > RECOUNT_MS) {
        expected = recount();
        recounted = Date.now();
      }
      await delay(SCRAPE_MS);
    }
    return found;
  }
}

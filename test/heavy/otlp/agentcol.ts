import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { vi } from 'vitest';
import { Document, visit } from 'yaml';
import { parseExposition, type Samples } from '../../oracle/samples.ts';
import { MAIN } from '../../program.ts';

/** For what only needs to happen at all, on a machine that has other things to do. */
export const PATIENCE = { timeout: 120_000, interval: 50 };

type Components = Readonly<Record<string, Readonly<Record<string, unknown>> | null>>;

export interface AgentcolOptions {
  readonly database: string;
  /** Settings of the receiver besides those for an agent-workflow database of UTC. */
  readonly receiver?: Readonly<Record<string, unknown>>;
  /** More processors, after hash and strip_paths. */
  readonly processors?: Components;
  /** Besides prometheus, on a socket. */
  readonly exporters: Components;
  /** Besides file_storage and health_check, on a socket. */
  readonly extensions?: Components;
  /** Ids of pipelines, and the exporters of each. */
  readonly pipelines: Readonly<Record<string, readonly string[]>>;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A component as /status tells of it. */
export interface ComponentStatus {
  readonly status: string;
  readonly error?: { readonly reason: string; readonly message: string };
}

/** The built agentcol with a configuration that a test may edit, on sockets inside `folder`. */
export class Agentcol {
  readonly config: string;
  readonly #folder: string;
  readonly #environment: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #reloads = 0;

  constructor(folder: string, options: AgentcolOptions) {
    this.#folder = folder;
    this.#environment = options.environment ?? {};
    this.config = path.join(folder, 'otel-config.yaml');
    const processors: Components = { hash: null, strip_paths: null, ...options.processors };
    const extensions: Components = {
      file_storage: { directory: path.join(folder, 'state') },
      ...options.extensions,
      health_check: { endpoint: `unix:${path.join(folder, 'health.sock')}` },
    };
    const receiver = {
      database: options.database,
      preset: 'agent_workflow',
      timezone: 'UTC',
      collection_interval: '50ms',
      storage: 'file_storage',
      ...options.receiver,
    };
    const pipelines = Object.entries(options.pipelines).map(([id, exporters]) => [
      id,
      { receivers: ['sqlite/agents'], processors: Object.keys(processors), exporters },
    ]);
    const config = {
      receivers: { 'sqlite/agents': receiver },
      processors,
      exporters: { prometheus: { endpoint: `unix:${path.join(folder, 'metrics.sock')}` }, ...options.exporters },
      extensions,
      service: {
        extensions: Object.keys(extensions),
        telemetry: { metrics: { level: 'none' } },
        pipelines: Object.fromEntries(pipelines) as object,
      },
    };
    // One line a list: an edit of a line is what a person would do.
    const document = new Document(config);
    visit(document, { Seq: (_, list) => void (list.flow = true) });
    fs.writeFileSync(this.config, document.toString({ flowCollectionPadding: false, lineWidth: 0 }));
  }

  get #log(): string {
    return path.join(this.#folder, 'agentcol.log');
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('agentcol is not running');
    return this.#child.pid;
  }

  /** What it wrote to the terminal, of all its runs. */
  get log(): string {
    return fs.readFileSync(this.#log, 'utf8');
  }

  /** Resolves when it has read everything that was there. */
  async start(): Promise<void> {
    const log = fs.openSync(this.#log, 'a');
    this.#child = spawn(process.execPath, [MAIN, '--allow-root', '--config', this.config], {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...this.#environment },
    });
    fs.closeSync(log);
    this.#reloads = 0;
    await vi.waitFor(async () => {
      if (this.#child?.exitCode != null) throw new Error(`agentcol ended: ${this.log}`);
      if ((await this.#ask('health.sock', '/readyz')) === undefined) throw new Error(`not ready: ${this.log}`);
    }, PATIENCE);
  }

  /** A secret of the storage, which it keeps in a file: of `digest`, the ids of spans are made. */
  secret(name: string): Buffer {
    return fs.readFileSync(path.join(this.#folder, 'state', `${name}.key`));
  }

  /** SIGTERM; its exit code. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    return child.exitCode;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Replaces a text that stands exactly once in the configuration. */
  edit(before: string, after: string): void {
    const parts = fs.readFileSync(this.config, 'utf8').split(before);
    if (parts.length !== 2) throw new Error(`${before}: ${parts.length - 1} times in ${this.config}`);
    fs.writeFileSync(this.config, parts.join(after));
  }

  /** SIGHUP; resolves when the configuration was taken over, rejects when it was not. */
  async reload(): Promise<void> {
    this.#reloads += 1;
    const from = this.log.length;
    process.kill(this.pid, 'SIGHUP');
    await vi.waitFor(() => {
      if (!this.log.slice(from).includes(`reload ${this.#reloads}: `)) throw new Error('not reloaded yet');
    }, PATIENCE);
    const said = this.log.slice(from);
    if (said.includes('was not taken over')) throw new Error(said);
  }

  /** What is published, or undefined where that is nothing. */
  async scrape(): Promise<Samples | undefined> {
    const text = await this.#ask('metrics.sock', '/metrics');
    return text === undefined ? undefined : parseExposition(text);
  }

  /** Components by kind and id, with those of pipelines under `pipeline:ID/`. */
  async status(): Promise<ReadonlyMap<string, ComponentStatus>> {
    const text = await this.#ask('health.sock', '/status');
    const found = new Map<string, ComponentStatus>();
    const look = (components: Readonly<Record<string, unknown>> = {}, above = ''): void => {
      for (const [id, component] of Object.entries(components)) {
        found.set(`${above}${id}`, component as ComponentStatus);
        look((component as { components?: Readonly<Record<string, unknown>> }).components, `${above}${id}/`);
      }
    };
    look((JSON.parse(text ?? '{}') as { components?: Readonly<Record<string, unknown>> }).components);
    return found;
  }

  /** The errors of the exporter of this id, in whatever pipelines. */
  async errors(exporter: string): Promise<string[]> {
    const all = [...(await this.status())].filter(([id]) => id.endsWith(`exporter:${exporter}`));
    return all.flatMap(([, { error }]) => (error === undefined ? [] : [`${error.reason}: ${error.message}`]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #ask(socket: string, url: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      const options = { socketPath: path.join(this.#folder, socket), path: url, agent: false };
      http
        .get(options, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve(response.statusCode === 200 ? text : undefined));
          response.on('error', () => resolve(undefined));
        })
        .on('error', () => resolve(undefined));
    });
  }
}

/** Throws what was found, readable. */
export function none(found: readonly string[]): void {
  if (found.length > 0) throw new Error(found.join('\n'));
}

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { Workspace } from '../../main-job/harness.ts';
import { MAIN } from '../../program.ts';

/** Between two looks while waiting for what must come, milliseconds. */
const LOOK_MS = 20;
const PATIENCE_MS = 60_000;
const VERBOSITIES = ['basic', 'normal', 'detailed'] as const;

/** Name of an output -> all of it. */
export type Outputs = Map<string, string | Buffer>;

interface Answer {
  readonly status: number;
  readonly body: string;
}

const NO_ANSWER: Answer = { status: 0, body: '' };

export interface StageOptions {
  readonly receiver?: Readonly<Record<string, unknown>>;
  readonly privacy?: Readonly<Record<string, unknown>>;
  /** URL of an endpoint for OTLP: everything is sent there and written to a file too, as metrics, spans and log records. */
  readonly otlp?: string;
  /** Words for node before the program. */
  readonly node?: readonly string[];
}

/** The built program with everything that tells of anything turned on, and all that it tells. */
export class Stage implements AsyncDisposable {
  readonly workspace = new Workspace();
  readonly database = this.workspace.file('agent_workflow.db');
  readonly config = this.workspace.file('otel-config.yaml');
  readonly storage = this.workspace.file('state');
  /** What the file exporter writes. */
  readonly sent = this.workspace.file('sent.jsonl');
  readonly #node: readonly string[];
  readonly #streams: Outputs = new Map();
  #child: ChildProcess | undefined;

  constructor({ receiver = {}, privacy = {}, otlp, node = [] }: StageOptions = {}) {
    this.#node = node;
    const sending =
      otlp === undefined
        ? {}
        : {
            otlp_http: { endpoint: otlp, encoding: 'json', export_interval: '2s' },
            file: { path: this.sent, export_interval: '2s' },
          };
    const debug = VERBOSITIES.map((verbosity) => `debug/${verbosity}`);
    const pipeline = {
      receivers: ['sqlite/agents'],
      processors: ['hash', 'strip_paths'],
      exporters: [...debug, ...Object.keys(sending)],
    };
    const config = {
      receivers: {
        'sqlite/agents': {
          database: this.database,
          preset: 'agent_workflow',
          timezone: 'UTC',
          collection_interval: '20ms',
          storage: 'file_storage',
          ...receiver,
        },
      },
      processors: { hash: null, strip_paths: null },
      exporters: {
        prometheus: { endpoint: this.#socket('metrics') },
        ...Object.fromEntries(VERBOSITIES.map((verbosity) => [`debug/${verbosity}`, { verbosity, interval: '50ms' }])),
        ...sending,
      },
      extensions: {
        file_storage: { directory: this.storage },
        health_check: { endpoint: this.#socket('health') },
      },
      service: {
        extensions: ['file_storage', 'health_check'],
        privacy,
        telemetry: {
          logs: { level: 'debug' },
          metrics: { level: 'detailed', address: this.#socket('own') },
        },
        pipelines: {
          metrics: { ...pipeline, exporters: ['prometheus', ...pipeline.exporters] },
          ...(otlp === undefined ? {} : { traces: pipeline, logs: pipeline }),
        },
      },
    };
    fs.writeFileSync(this.config, stringify(config));
  }

  start(): void {
    const child = spawn(process.execPath, [...this.#node, MAIN, '--allow-root', '--config', this.config], {
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#streams.set('standard output', '').set('standard error', '');
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.#heard('standard output', text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#heard('standard error', text));
    this.#child = child;
  }

  get env(): Readonly<Record<string, string>> {
    return { PATH: process.env.PATH ?? '', HOME: this.workspace.file('home'), AGENT_WORKFLOW_DB: this.database };
  }

  /** Only while it runs. */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('agentcol is not running');
    return this.#child.pid;
  }

  get log(): string {
    return String(this.#streams.get('standard error') ?? '');
  }

  /** Resolves when a scrape, with these credentials, succeeds and `met` holds of its text and of the log. */
  async shows(met: (metrics: string, log: string) => boolean, authorization = ''): Promise<void> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (performance.now() < deadlineMs) {
      const { status, body } = await this.ask('metrics', '/metrics', { authorization }).catch(() => NO_ANSWER);
      if (status === 200 && met(body, this.log)) return;
      if (this.#child?.exitCode != null) throw new Error(`agentcol ended by itself:\n${this.log}`);
      await delay(LOOK_MS);
    }
    throw new Error(`it did not come to that:\n${this.log}`);
  }

  /** What it tells while it runs, whoever asks, and what the other commands tell beside it. */
  async outputs(): Promise<Outputs> {
    const outputs: Outputs = new Map();
    for (const accept of ['text/plain', 'application/openmetrics-text;version=1.0.0']) {
      outputs.set(`metrics, ${accept}`, (await this.ask('metrics', '/metrics', { accept })).body);
    }
    outputs.set('own metrics', (await this.ask('own', '/metrics')).body);
    for (const page of ['/healthz', '/readyz', '/status', '/nothing']) {
      outputs.set(page, (await this.ask('health', page)).body);
    }
    for (const words of [
      ['validate'],
      ['validate', '--json'],
      ['print-config'],
      ['checkpoint', 'list'],
      ['checkpoint', 'list', '--json'],
      ['checkpoint', 'backup', this.workspace.file('backup')],
      ['doctor'],
      ['doctor', '--json'],
      ['proxy-config', 'nginx'],
      ['proxy-config', 'caddy'],
      ['retention', '--older-than', '1d', '--dry-run'],
    ]) {
      outputs.set(words.join(' '), this.command([...words, '--config', this.config]));
    }
    outputs.set('components', this.command(['components', '--all']));
    outputs.set('hooks status', this.command(['hooks', 'status']));
    outputs.set('backup', fs.readFileSync(this.workspace.file('backup')));
    fs.rmSync(this.workspace.file('backup'));
    for (const file of fs.readdirSync(this.storage)) {
      outputs.set(`state: ${file}`, fs.readFileSync(path.join(this.storage, file)));
    }
    outputs.set('command line', fs.readFileSync(`/proc/${this.pid}/cmdline`));
    for (const [name, text] of this.#streams) outputs.set(name, text);
    return outputs;
  }

  /** All that another command writes. */
  command(words: readonly string[], input = ''): string {
    const { stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], {
      env: this.env,
      cwd: this.workspace.folder,
      input,
      encoding: 'utf8',
      maxBuffer: 1e9,
    });
    return stdout + stderr;
  }

  /** What it has written to its end. */
  async stop(): Promise<Outputs> {
    const child = this.#child;
    this.#child = undefined;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      await closed;
    }
    return new Map(this.#streams);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.workspace[Symbol.dispose]();
  }

  #heard(stream: string, text: string): void {
    this.#streams.set(stream, String(this.#streams.get(stream)) + text);
  }

  #socket(name: string): string {
    return `unix:${this.workspace.file(`${name}.sock`)}`;
  }

  /** Of one of its sockets: metrics, own, health. */
  ask(socket: string, page: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = {
        socketPath: this.workspace.file(`${socket}.sock`),
        path: page,
        headers,
        agent: false,
      };
      const request = http.get(options, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        response.on('error', reject);
      });
      request.on('error', reject);
    });
  }
}

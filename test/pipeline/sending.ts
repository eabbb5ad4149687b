import fs from 'node:fs';
import Database from 'better-sqlite3';
import { vi } from 'vitest';
import { stringify } from 'yaml';
import type { BatchExporter, ExporterFactory, Rejection, RetryPolicy } from '../../src/component.ts';
import { factories } from '../../src/components.ts';
import { loadConfig } from '../../src/config/config.ts';
import { Service } from '../../src/pipeline/service.ts';
import type { Attributes, LogRecord, LogsBatch, Span, TracesBatch } from '../../src/pipeline/signals.ts';
import { recorder } from './ledger.ts';
import { Folder } from './running.ts';

const QUICK: RetryPolicy = {
  enabled: true,
  initialMs: 5,
  multiplier: 1.5,
  randomizationFactor: 0.5,
  maxMs: 20,
  maxElapsedMs: 0,
};

/** The other side of an exporter: what has arrived, and how it behaves. */
export class Endpoint {
  readonly spans: Span[] = [];
  readonly records: LogRecord[] = [];
  readonly resources: Attributes[] = [];
  attempts = 0;
  retry: RetryPolicy = QUICK;
  /** Does something with a batch before it is taken; what it throws is what the exporter throws. */
  meet: (batch: TracesBatch | LogsBatch) => Promise<Rejection | undefined> | Rejection | undefined = () => undefined;

  async take(batch: TracesBatch | LogsBatch, resource: Attributes): Promise<Rejection | undefined> {
    this.attempts += 1;
    const rejection = await this.meet(batch);
    if (batch.signal === 'traces') this.spans.push(...batch.spans);
    else this.records.push(...batch.records);
    this.resources.push(resource);
    return rejection;
  }

  get taken(): number {
    return this.spans.length + this.records.length;
  }

  /** Times that something came that had come before: equal ids. */
  get doubled(): number {
    return this.spans.length - new Set(this.spans.map(({ traceId, spanId }) => `${traceId} ${spanId}`)).size;
  }
}

/** A table of jobs, a service that sends it to endpoints of this process, each an exporter `endpoint/NAME`. */
export class Sending implements AsyncDisposable {
  readonly folder = new Folder();
  readonly log = recorder();
  readonly endpoints = new Map<string, Endpoint>();
  readonly database: Database.Database;
  nowMs = Date.UTC(2026, 10, 22, 12);
  service: Service | undefined;

  constructor() {
    this.database = new Database(this.folder.file('jobs.db'));
    this.database.pragma('journal_mode = WAL');
    this.database.exec(
      'CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT, kind TEXT, parent INTEGER, begun REAL, ended REAL, result TEXT)',
    );
  }

  endpoint(name: string): Endpoint {
    const known = this.endpoints.get(name) ?? new Endpoint();
    this.endpoints.set(name, known);
    return known;
  }

  add(rows: number, more: Readonly<Record<string, string | number | null>> = {}): void {
    const begun = this.nowMs / 1000 - 10;
    const row = { run: 'r', kind: 'build', parent: null, begun, ended: begun + 2.5, result: 'ok', ...more };
    const insert = this.database.prepare(
      'INSERT INTO jobs (run, kind, parent, begun, ended, result) VALUES (@run, @kind, @parent, @begun, @ended, @result)',
    );
    this.database.transaction(() => {
      for (let index = 0; index < rows; index += 1) insert.run(row);
    })();
  }

  count(): number {
    return this.database.prepare<[], number>('SELECT count(*) FROM jobs').pluck().get() ?? 0;
  }

  /** Pipelines by id: exporters by the names of their endpoints. */
  async start(
    pipelines: Readonly<Record<string, readonly string[]>>,
    { table = {}, receiver = {}, processors = {} }: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {},
  ): Promise<Service> {
    this.service = await Service.create(await this.#config(pipelines, { table, receiver, processors }), {
      logger: this.log,
      now: () => this.nowMs,
    });
    await this.service.start();
    return this.service;
  }

  async reload(pipelines: Readonly<Record<string, readonly string[]>>) {
    if (this.service === undefined) throw new Error('start comes first');
    return this.service.reload(await this.#config(pipelines, { table: {}, receiver: {}, processors: {} }));
  }

  async restart(pipelines: Readonly<Record<string, readonly string[]>>): Promise<void> {
    await this.service?.shutdown();
    await this.start(pipelines);
  }

  async until(condition: () => boolean): Promise<void> {
    await vi.waitFor(
      () => {
        if (!condition()) throw new Error(`not yet: ${this.log.lines.join('; ')}`);
      },
      { interval: 5, timeout: 15_000 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service?.shutdown();
    this.database.close();
    this.folder[Symbol.dispose]();
  }

  #config(
    pipelines: Readonly<Record<string, readonly string[]>>,
    { table, receiver, processors }: Readonly<Record<string, object | undefined>>,
  ) {
    const file = this.folder.file('otel-config.yaml');
    const names = [...new Set(Object.values(pipelines).flat())];
    const written = {
      receivers: {
        sqlite: {
          database: 'jobs.db',
          collection_interval: '20ms',
          storage: 'file_storage',
          timezone: 'UTC',
          tables: { jobs: { ...JOBS, ...table } },
          ...receiver,
        },
      },
      processors,
      exporters: Object.fromEntries(names.map((name) => [`endpoint/${name}`, null])),
      extensions: { file_storage: { directory: 'state' } },
      service: {
        extensions: ['file_storage'],
        pipelines: Object.fromEntries(
          Object.entries(pipelines).map(([id, to]) => [
            id,
            {
              receivers: ['sqlite'],
              processors: Object.keys(processors ?? {}),
              exporters: to.map((name) => `endpoint/${name}`),
            },
          ]),
        ),
      },
    };
    fs.writeFileSync(file, stringify(written));
    return loadConfig({ files: [file] }, [...factories, this.#exporter]);
  }

  readonly #exporter: ExporterFactory = {
    type: 'endpoint',
    kind: 'exporter',
    signals: ['traces', 'logs'],
    summary: 'Hands batches to the test.',
    schema: { type: 'object', additionalProperties: false, properties: {} },
    create: async (_config, { id }): Promise<BatchExporter> => {
      const endpoint = this.endpoint(id.slice('endpoint/'.length));
      return { retry: endpoint.retry, export: (batch, resource) => endpoint.take(batch, resource) };
    },
  };
}

const JOBS = {
  identity: ['run', 'begun'],
  started_at: 'begun',
  complete_when: 'ended IS NOT NULL',
  open_timeout: '1h',
  attributes: { kind: 'kind' },
  spans: [
    {
      name: "'job ' || kind",
      trace: 'run',
      id: "'job ' || id",
      parent: "'job ' || parent",
      start: 'begun',
      end: 'ended',
      status: "CASE WHEN :abandoned THEN NULL WHEN result = 'bad' THEN 'error' ELSE 'ok' END",
    },
  ],
  logs: [
    {
      event_name: "'job.done'",
      time: 'coalesce(ended, begun)',
      severity: "CASE result WHEN 'bad' THEN 'error' END",
      body: "'job ' || kind || ' ' || result",
      trace: 'run',
      span: "'job ' || id",
    },
  ],
};

import fs from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import Database from 'better-sqlite3';
import { vi } from 'vitest';
import { stringify } from 'yaml';
import { factories } from '../../src/components.ts';
import { loadConfig, type Config } from '../../src/config/config.ts';
import { Service, type Change } from '../../src/pipeline/service.ts';
import { recorder } from './ledger.ts';
import { Folder } from './running.ts';

export type Section = Readonly<Record<string, unknown>>;

export interface Written {
  readonly receivers: Section;
  readonly processors?: Section;
  readonly exporters: Section;
  readonly extensions?: Section;
  readonly service: { readonly extensions?: readonly string[]; readonly pipelines: Section };
}

export interface Scrape {
  readonly status: number;
  /** Samples by name and labels; empty where there are none. */
  readonly samples: ReadonlyMap<string, number>;
  readonly text: string;
}

/** A service over real files and sockets whose configuration file is written anew and loaded again. */
export class Reloading {
  readonly folder = new Folder();
  readonly log = recorder();
  service: Service | undefined;

  /** A table of jobs with `rows` rows of the kinds a and b in turn; returns its path. */
  jobs(name: string, rows: number): string {
    const file = this.folder.file(name);
    const database = new Database(file);
    database.exec('CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, seconds REAL, done INTEGER)');
    database.close();
    this.addJobs(name, rows);
    return file;
  }

  addJobs(name: string, rows: number): void {
    const database = new Database(this.folder.file(name));
    const insert = database.prepare('INSERT INTO jobs (kind, seconds, done) VALUES (?, ?, ?)');
    database.transaction(() => {
      for (let row = 0; row < rows; row += 1) insert.run(row % 2 === 0 ? 'a' : 'b', row % 7, row % 10 === 9 ? 0 : 1);
    })();
    database.close();
  }

  finishJobs(name: string): void {
    const database = new Database(this.folder.file(name));
    database.exec('UPDATE jobs SET done = 1');
    database.close();
  }

  /** Rows by kind, by a plain SELECT: jobs{kind} as it must be published. */
  recount(name: string): Record<string, number> {
    const database = new Database(this.folder.file(name), { readonly: true });
    const rows = database.prepare<[], { kind: string; jobs: number }>(
      'SELECT kind, count(*) jobs FROM jobs GROUP BY 1',
    );
    const counts = Object.fromEntries(rows.all().map(({ kind, jobs }) => [`jobs_total{kind="${kind}"}`, jobs]));
    database.close();
    return counts;
  }

  async load(written: Written | string): Promise<Config> {
    const file = this.folder.file('otel-config.yaml');
    fs.writeFileSync(file, typeof written === 'string' ? written : stringify(written));
    return loadConfig({ files: [file] }, factories);
  }

  async start(written: Written): Promise<Service> {
    this.service = await Service.create(await this.load(written), { logger: this.log });
    await this.service.start();
    return this.service;
  }

  async reload(written: Written | string): Promise<Change> {
    if (this.service === undefined) throw new Error('start comes first');
    return this.service.reload(await this.load(written));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service?.shutdown();
    this.folder[Symbol.dispose]();
  }
}

export const jobsTable = {
  identity: ['kind'],
  attributes: { kind: 'kind' },
  metrics: [{ name: 'jobs', type: 'counter' }],
} as const;

/** One receiver of jobs.db with a state, published at `endpoint`. */
export function jobsConfig(endpoint: string, receiver: Section = {}, written: Partial<Written> = {}): Written {
  return {
    receivers: {
      'sqlite/jobs': {
        database: 'jobs.db',
        collection_interval: '20ms',
        tables: { jobs: jobsTable },
        storage: 'file_storage',
        ...receiver,
      },
    },
    exporters: { prometheus: { endpoint } },
    extensions: { file_storage: { directory: 'state' } },
    service: {
      extensions: ['file_storage'],
      pipelines: { metrics: { receivers: ['sqlite/jobs'], exporters: ['prometheus'] } },
    },
    ...written,
  };
}

/** A port that nobody has at the moment. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Rejects when nobody answers. */
export function scrape(endpoint: string, agent?: http.Agent): Promise<Scrape> {
  const target = endpoint.startsWith('unix:')
    ? { socketPath: endpoint.slice('unix:'.length) }
    : { host: endpoint.split(':')[0], port: Number(endpoint.split(':')[1]) };
  return new Promise((resolve, reject) => {
    const request = http.get({ ...target, path: '/metrics', agent: agent ?? false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, samples: samplesIn(text) }));
    });
    request.on('error', reject);
  });
}

function samplesIn(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

/** Scrapes until it is stopped, one scrape after the other, and keeps what must never happen. */
export class Scraper {
  readonly faults: string[] = [];
  scrapes = 0;
  readonly #highest = new Map<string, number>();
  readonly #endpoint: string;
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #done: Promise<void>;
  #running = true;

  /** `of`: the beginning of the names of the samples that must stay and must not fall, once they were there. */
  constructor(endpoint: string, of: string) {
    this.#endpoint = endpoint;
    this.#done = this.#run(of);
  }

  /** Resolves after the next scrape, good or bad. */
  async another(): Promise<void> {
    const before = this.scrapes + this.faults.length;
    await vi.waitFor(
      () => {
        if (this.scrapes + this.faults.length === before) throw new Error('no scrape');
      },
      { interval: 1, timeout: 30_000 },
    );
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
    this.#agent.destroy();
  }

  async #run(of: string): Promise<void> {
    while (this.#running) {
      try {
        const { status, samples } = await scrape(this.#endpoint, this.#agent);
        this.scrapes += 1;
        if (status !== 200) this.faults.push(`answered ${status}`);
        else this.#look(samples, of);
      } catch (error) {
        this.faults.push(String(error));
      }
    }
  }

  #look(samples: ReadonlyMap<string, number>, of: string): void {
    for (const [name, value] of samples) {
      if (!name.startsWith(of)) continue;
      const before = this.#highest.get(name) ?? -Infinity;
      if (value < before) this.faults.push(`${name} fell from ${before} to ${value}`);
      this.#highest.set(name, value);
    }
    for (const name of this.#highest.keys()) if (!samples.has(name)) this.faults.push(`${name} was gone`);
  }
}

/** Resolves with the first scrape that shows these samples. */
export async function shows(endpoint: string, expected: Readonly<Record<string, number>>): Promise<Scrape> {
  return vi.waitFor(
    async () => {
      const found = await scrape(endpoint);
      for (const [name, value] of Object.entries(expected)) {
        if (found.samples.get(name) !== value)
          throw new Error(`${name}: expected ${value}, found ${String(found.samples.get(name))} (${found.status})`);
      }
      return found;
    },
    { interval: 5, timeout: 30_000 },
  );
}

export function stateFile(reloading: Reloading, folder = 'state'): string {
  return path.join(reloading.folder.path, folder, 'state.db');
}

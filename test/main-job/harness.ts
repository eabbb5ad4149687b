import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { vi } from 'vitest';
import { stringify } from 'yaml';
import { exposition } from '../../exporters/prometheus/exposition.ts';
import type { Logger } from '../../src/component.ts';
import { factories } from '../../src/components.ts';
import { loadConfig } from '../../src/config/config.ts';
import { Service } from '../../src/pipeline/service.ts';
import { differences, parseExposition, type CompareOptions, type Samples } from '../oracle/samples.ts';

export const ZONE = 'Europe/Berlin';
/** A Sunday in winter, 13:00 on the wall in Berlin. */
export const NOON = Date.UTC(2026, 10, 22, 12);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** The size changes with every page of the file, and is looked at only every 15 s: its own test compares it. */
const IGNORE_SIZE: CompareOptions = { ignore: ['agent_workflow_database_size_bytes'] };

export class Clock {
  nowMs: number;

  constructor(nowMs = NOON) {
    this.nowMs = nowMs;
  }

  advance(ms: number): void {
    this.nowMs += ms;
  }
}

/** A temporary folder that goes away with the test. */
export class Workspace {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-'));

  file(...names: readonly string[]): string {
    return path.join(this.folder, ...names);
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface CollectorOptions {
  readonly clock?: Clock;
  readonly zone?: string;
  /** A folder for the state; without it totals are rebuilt at every start. */
  readonly storage?: string;
  readonly receiver?: Readonly<Record<string, unknown>>;
  /** More receivers of the same pipeline. */
  readonly receivers?: Readonly<Record<string, unknown>>;
  readonly exporter?: Readonly<Record<string, unknown>>;
  /** Sensitive attributes that may leave all the same. */
  readonly allow?: readonly string[];
}

/** The main job as a user configures it, in this process: configuration file, receiver, processors, store, exposition. */
export class Collector {
  readonly service: Service;
  readonly logged: readonly string[];
  readonly #folder: string;

  private constructor(service: Service, logged: readonly string[], folder: string) {
    this.service = service;
    this.logged = logged;
    this.#folder = folder;
  }

  static async start(database: string, options: CollectorOptions = {}): Promise<Collector> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-config-'));
    const file = path.join(folder, 'otel-config.yaml');
    const storage = options.storage === undefined ? undefined : { file_storage: { directory: options.storage } };
    const receiver = {
      database,
      preset: 'agent_workflow',
      timezone: options.zone ?? ZONE,
      collection_interval: '20ms',
      ...(storage === undefined ? {} : { storage: 'file_storage' }),
      ...options.receiver,
    };
    const config = {
      receivers: { 'sqlite/agents': receiver, ...options.receivers },
      processors: { hash: { key: 'a key that only this test knows' }, strip_paths: null },
      exporters: { prometheus: { endpoint: '127.0.0.1:0', ...options.exporter } },
      ...(storage === undefined ? {} : { extensions: storage }),
      service: {
        extensions: Object.keys(storage ?? {}),
        privacy: { allow: options.allow ?? [] },
        pipelines: {
          metrics: {
            receivers: ['sqlite/agents', ...Object.keys(options.receivers ?? {})],
            processors: ['hash', 'strip_paths'],
            exporters: ['prometheus'],
          },
        },
      },
    };
    fs.writeFileSync(file, stringify(config));
    const logged: string[] = [];
    const clock = options.clock ?? new Clock();
    const loaded = await loadConfig({ files: [file] }, factories);
    const service = await Service.create(loaded, { logger: recorder(logged), now: () => clock.nowMs });
    try {
      await service.start();
      await service.caughtUp();
    } catch (error) {
      await service.shutdown();
      throw error;
    }
    return new Collector(service, logged, folder);
  }

  exposition(): string {
    return exposition(this.service.sources, 'text');
  }

  samples(): Samples {
    return parseExposition(this.exposition());
  }

  /** Resolves when what is published equals `expected`; rejects with the differences after `timeoutMs`. */
  async equals(expected: Samples | (() => Samples), options = IGNORE_SIZE, timeoutMs = 8000): Promise<void> {
    await vi.waitFor(
      () => {
        const want = typeof expected === 'function' ? expected() : expected;
        const found = differences(want, this.samples(), options);
        if (found.length > 0) throw new Error(`published is not what the recount says:\n${found.join('\n')}`);
      },
      { timeout: timeoutMs, interval: 5 },
    );
  }

  /** Resolves when this sample is published with this value. */
  async shows(key: string, value: number, timeoutMs = 8000): Promise<void> {
    await vi.waitFor(
      () => {
        const published = this.samples().get(key);
        if (published !== value) throw new Error(`${key}: expected ${value}, got ${String(published)}`);
      },
      { timeout: timeoutMs, interval: 5 },
    );
  }

  /** Resolves when the receiver reports this reason, or that all is well for undefined. */
  async fails(reason: string | undefined, timeoutMs = 8000): Promise<void> {
    await vi.waitFor(
      () => {
        const reasons = this.service.failures.map((failure) => failure.reason);
        const met = reason === undefined ? reasons.length === 0 : reasons.includes(reason);
        if (!met) throw new Error(`wanted ${reason ?? 'no failure'}, got ${JSON.stringify(this.service.failures)}`);
      },
      { timeout: timeoutMs, interval: 5 },
    );
  }

  async stop(): Promise<void> {
    await this.service.shutdown();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function recorder(lines: string[]): Logger {
  const write =
    (level: string) =>
    (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

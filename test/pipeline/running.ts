import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { vi } from 'vitest';
import type { Processor, Reader } from '../../src/component.ts';
import { LaneReader } from '../../src/pipeline/lane-reader.ts';
import { Lane } from '../../src/pipeline/lane.ts';
import { Notices } from '../../src/pipeline/notices.ts';
import { ReaderTotals } from '../../src/pipeline/reader-totals.ts';
import { MetricStore } from '../../src/pipeline/store.ts';
import { ReaderRecord } from '../../src/state/reader-record.ts';
import { State, type StateMember, type StateOptions } from '../../src/state/state.ts';
import { LedgerReceiver, published, recorder } from './ledger.ts';

const SECRET = Buffer.alloc(32, 7);

export class Folder {
  readonly path = mkdtempSync(path.join(tmpdir(), 'agentcol-state-'));

  file(name: string): string {
    return path.join(this.path, name);
  }

  /** What a process killed now would leave. */
  copy(): Folder {
    const copy = new Folder();
    cpSync(this.path, copy.path, { recursive: true });
    return copy;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function storageIn(directory: string, secret = SECRET): NonNullable<StateOptions['storage']> {
  return { directory, secret: () => secret, reclaim: () => undefined };
}

export interface Clock {
  ms: number;
}

/** A lane with its state and store, running by itself. */
export class Running {
  readonly log = recorder();
  readonly clock: Clock = { ms: 1_000 };
  readonly state: State;
  readonly store = new MetricStore('metrics', this.log);
  readonly receivers: readonly LedgerReceiver[];
  readonly lanes: readonly Lane[];

  constructor(
    directory: string | undefined,
    lanes: readonly (readonly Reader[] | LedgerReceiver)[],
    options: {
      processors?: readonly Processor[];
      processorsDigest?: string;
      secret?: Buffer<ArrayBuffer>;
      startMs?: number;
    } = {},
  ) {
    if (options.startMs !== undefined) this.clock.ms = options.startMs;
    const now = (): number => this.clock.ms;
    const storage = directory === undefined ? undefined : storageIn(directory, options.secret);
    this.state = new State({ storage, logger: this.log, now });
    this.receivers = lanes.map((lane) => (lane instanceof LedgerReceiver ? lane : new LedgerReceiver(lane)));
    this.lanes = this.receivers.map(
      (receiver, index) =>
        new Lane({
          pipeline: 'metrics',
          receiverId: `ledger/${index}`,
          receiver,
          processors: options.processors ?? [],
          processorsDigest: options.processorsDigest ?? '',
          state: this.state,
          store: this.store,
          logger: this.log,
          now,
        }),
    );
    for (const lane of this.lanes) lane.start();
  }

  /** Resolves when the pipeline is ready. */
  async ready(): Promise<this> {
    await this.until(() => this.store.progress() === undefined);
    return this;
  }

  async shows(expected: Record<string, number | string>): Promise<void> {
    await vi.waitFor(
      () => {
        const found = published(this.store);
        for (const [key, value] of Object.entries(expected)) {
          if (found[key] !== value) throw new Error(`${key}: expected ${value}, found ${String(found[key])}`);
        }
      },
      { interval: 2, timeout: 5000 },
    );
  }

  async until(condition: () => boolean): Promise<void> {
    await vi.waitFor(
      () => {
        if (!condition()) throw new Error(`not yet: ${this.log.lines.join('; ')}`);
      },
      { interval: 2, timeout: 5000 },
    );
  }

  stop(): void {
    for (const lane of this.lanes) lane.stop();
    this.state.close();
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

/** One reader moved by hand, page by page. */
export class Stepped implements StateMember {
  readonly state: State;
  readonly log = recorder();
  readonly store = new MetricStore('metrics', this.log);
  readonly reader: LaneReader;
  commits = 0;

  constructor(directory: string | undefined, reader: Reader, elapsed?: () => number) {
    const now = (): number => 1_000;
    const storage = directory === undefined ? undefined : storageIn(directory);
    this.state = new State({ storage, logger: this.log, now, ...(elapsed !== undefined && { elapsed }) });
    const record = new ReaderRecord(this.state, {
      pipeline: 'metrics',
      receiver: 'ledger',
      sink: 'metrics',
      reader: reader.id,
      keyScope: reader.keyScope,
    });
    const totals = new ReaderTotals({
      state: this.state,
      store: this.store,
      definitions: reader.metrics,
      processorsDigest: '',
      now,
    });
    this.reader = new LaneReader({
      reader,
      record,
      totals,
      processors: [],
      state: this.state,
      notices: new Notices(),
      logger: this.log,
      now,
    });
    this.state.join(this);
  }

  turn(): boolean {
    return this.reader.turn(0);
  }

  load(): void {
    this.reader.record.load();
    this.reader.totals.load(this.reader.record.id);
    this.reader.restart();
    if (this.reader.record.everCaughtUp) this.reader.totals.showStored();
  }

  write(): void {
    this.reader.record.write();
    this.reader.totals.write();
  }

  committed(): void {
    this.commits += 1;
    if (this.reader.caughtUp) this.reader.totals.publish();
    else this.reader.totals.discardChanges();
  }

  announce(): void {
    this.store.announce();
  }

  resume(): void {
    // Moved by hand.
  }
}

import { performance } from 'node:perf_hooks';
import type { Failure, Logger, Processor, Reader, ReaderStatus, Receiver } from '../component.ts';
import { ReaderRecord } from '../state/reader-record.ts';
import type { State, StateMember } from '../state/state.ts';
import { LaneReader } from './lane-reader.ts';
import { Notices } from './notices.ts';
import { ReaderTotals } from './reader-totals.ts';
import { withoutShares } from './reader-status.ts';
import { sharesOf } from './shares.ts';
import type { LaneReading, Showcase } from './store.ts';

/** A thousand commits a second at the source are not a thousand cycles. */
const SHORTEST_CYCLE_MS = 25;
/** A cycle is followed by a rest as long as itself, for scrapes and events of hooks; what is new is to be visible within 250 ms. */
const LONGEST_REST_MS = 100;
/** Of setTimeout; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface LaneOptions {
  readonly pipeline: string;
  /** The receiver's id in the configuration. */
  readonly receiverId: string;
  readonly receiver: Receiver;
  readonly processors: readonly Processor[];
  readonly processorsDigest: string;
  readonly state: State;
  readonly store: Showcase;
  readonly logger: Logger;
  readonly now: () => number;
}

/**
 * One receiver's loop into one pipeline: its readers take turns, a page each, with the event loop in between; when all
 * have nothing more, what they read is committed and the lane sleeps until it is woken or its interval is over.
 */
export class Lane implements StateMember, LaneReading {
  readonly #options: LaneOptions;
  readonly #receiver: Receiver;
  readonly #state: State;
  readonly #store: Showcase;
  readonly #logger: Logger;
  readonly #notices = new Notices();
  /** The receiver's, as of the last load. */
  #known: readonly Reader[] = [];
  #readers: readonly LaneReader[] = [];
  #watch: Disposable | undefined;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #running = false;
  #loaded = false;
  #settled = false;
  /** Asked for another cycle since the present one began. */
  #woken = false;
  #inCycle = false;
  #cycleStartMs = -Infinity;
  /** When the next cycle may begin. */
  #soonestMs = -Infinity;
  #next = 0;

  constructor(options: LaneOptions) {
    const { receiver, state, store, logger } = options;
    this.#options = options;
    this.#receiver = receiver;
    this.#state = state;
    this.#store = store;
    this.#logger = logger;
    store.expect(this);
  }

  get read(): number {
    return this.#readers.reduce((rows, reader) => rows + reader.rowsRead, 0);
  }

  get remaining(): number {
    return this.#readers.reduce((rows, reader) => rows + reader.remaining, 0);
  }

  get settled(): boolean {
    return this.#settled;
  }

  get conclusive(): boolean {
    return this.#readers.every(
      ({ caughtUp, failure }) => caughtUp || (failure !== undefined && failure.reason !== 'busy'),
    );
  }

  /** What stands in the way of which reader. */
  get failures(): readonly (Failure & { readonly reader: string })[] {
    return this.#readers.flatMap(({ reader, failure }) =>
      failure === undefined ? [] : [{ ...failure, reader: reader.id }],
    );
  }

  get status(): readonly ReaderStatus[] {
    return withoutShares(this.#readers.map((reader) => reader.status));
  }

  /** Begins to read. Loads its state first. */
  start(): void {
    this.#state.join(this);
    this.#running = true;
    this.#watch = this.#receiver.watch(() => {
      this.#wake();
    });
    this.#schedule();
  }

  /** Reads no more; what was read is committed with the state. */
  stop(): void {
    this.#running = false;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#unschedule();
  }

  load(): void {
    this.#meetReaders();
    for (const { record } of this.#readers) record.load();
    for (const { record, totals, reader } of this.#staleReaders()) {
      this.#logger.info(`${reader.id}: its definitions changed; it is counted anew from the source`);
      totals.reset(record.id);
      record.reset();
    }
    for (const reader of this.#readers) {
      reader.totals.load(reader.record.id);
      reader.restart();
      // After a failure exporters go on showing what they have; it is as committed.
      if (!this.#loaded && reader.record.everCaughtUp) reader.totals.showStored();
    }
    this.#recall();
    this.#loaded = true;
  }

  write(): void {
    for (const { record, totals } of this.#readers) {
      record.write();
      totals.write();
    }
  }

  committed(): void {
    for (const { caughtUp, totals } of this.#readers) {
      if (caughtUp) totals.publish();
      else totals.discardChanges();
    }
  }

  announce(): void {
    this.#settled ||= this.#readers.every(({ settled }) => settled);
    this.#store.announce();
  }

  resume(): void {
    this.#unschedule();
    this.#schedule();
  }

  #recall(): void {
    for (const processor of this.#options.processors) {
      if (processor.recall === undefined) continue;
      for (const { totals } of this.#readers) {
        for (const [metric, attributes] of totals.series()) processor.recall(metric, attributes);
      }
    }
  }

  /** Takes in the readers that the receiver has now and had not before. */
  #meetReaders(): void {
    const { readers } = this.#receiver;
    const fresh = readers.filter((reader) => !this.#known.includes(reader));
    this.#known = readers;
    this.#readers = [...this.#readers, ...fresh.flatMap((reader) => this.#laneReaders(reader))];
  }

  #laneReaders(whole: Reader): LaneReader[] {
    const { pipeline, receiverId, state, store, logger, now, processors, processorsDigest } = this.#options;
    const key = { pipeline, receiver: receiverId, sink: 'metrics' };
    return sharesOf(whole, key, state, processorsDigest).map(({ reader, suffix, anew }) => {
      const record = new ReaderRecord(state, {
        ...key,
        reader: reader.id + suffix,
        keyScope: reader.keyScope + suffix,
      });
      if (anew) {
        const metrics = reader.metrics.map(({ metric }) => metric.name);
        this.#logger.info(`${reader.id}: counted anew from the source, as it is defined now: ${metrics.join(', ')}`);
      }
      const totals = new ReaderTotals({ state, store, definitions: reader.metrics, processorsDigest, now });
      const notices = this.#notices;
      return new LaneReader({ reader, record, totals, processors, state, logger, notices, now });
    });
  }

  /** Readers of one key scope are counted anew together: the keys that one has taken would be missing for the others. */
  #staleReaders(): LaneReader[] {
    const stale = this.#readers.filter(({ record, totals }) => !record.isNew && totals.isStale(record.id));
    const scopes = new Set(stale.map(({ reader }) => reader.keyScope));
    return this.#readers.filter(({ reader }) => scopes.has(reader.keyScope));
  }

  #wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    for (const { retry } of this.#readers) retry.woken();
    if (this.#timer !== undefined) this.#sleep();
  }

  #schedule(): void {
    if (this.#running) this.#immediate = setImmediate(this.#step);
  }

  #unschedule(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    clearImmediate(this.#immediate);
  }

  /** One page, or one commit, or the end of a cycle. */
  readonly #step = (): void => {
    this.#timer = undefined;
    if (!this.#state.available) {
      this.#inCycle = false;
      return;
    }
    if (this.#state.due) {
      this.#state.commit();
      // A first read takes minutes: new rows of other tables do not wait for it.
      this.#inCycle = false;
      // Nor does the event loop wait for a page on top of a commit.
      this.#schedule();
      return;
    }
    if (!this.#inCycle) this.#beginCycle();
    if (this.#readPage()) this.#schedule();
    else this.#endCycle();
  };

  #beginCycle(): void {
    this.#inCycle = true;
    this.#woken = false;
    this.#cycleStartMs = performance.now();
    for (const reader of this.#readers) reader.done = reader.retry.atMs > this.#cycleStartMs;
    this.#receiver.poll();
    if (this.#receiver.readers !== this.#known) this.#state.reload(this);
  }

  /** The next reader that has a page reads it; false when none has. */
  #readPage(): boolean {
    const count = this.#readers.length;
    for (let tried = 0; tried < count; tried += 1) {
      const reader = this.#readers[this.#next % count];
      this.#next = (this.#next + 1) % count;
      if (reader === undefined || reader.done) continue;
      if (reader.turn(this.#cycleStartMs)) return true;
      if (!this.#state.available) return false;
    }
    return false;
  }

  #endCycle(): void {
    this.#inCycle = false;
    this.#state.commit();
    if (!this.#state.available) return;
    // Without a page there was no commit; that every reader has failed makes the lane ready all the same.
    if (!this.#settled) this.announce();
    const nowMs = performance.now();
    const restMs = Math.min(LONGEST_REST_MS, nowMs - this.#cycleStartMs);
    this.#soonestMs = Math.max(this.#cycleStartMs + SHORTEST_CYCLE_MS, nowMs + restMs);
    this.#sleep();
  }

  #sleep(): void {
    this.#unschedule();
    if (!this.#running) return;
    const nowMs = performance.now();
    const soonestMs = this.#soonestMs;
    let wakeMs = this.#woken ? soonestMs : Math.max(soonestMs, this.#cycleStartMs + this.#receiver.intervalMs);
    for (const { retry } of this.#readers) {
      if (retry.atMs > this.#cycleStartMs && retry.atMs < wakeMs) wakeMs = Math.max(retry.atMs, soonestMs);
    }
    this.#timer = setTimeout(this.#step, Math.min(LONGEST_TIMER_MS, Math.max(0, wakeMs - nowMs)));
  }
}

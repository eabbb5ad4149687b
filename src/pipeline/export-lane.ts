import { performance } from 'node:perf_hooks';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type {
  BatchExporter,
  ExporterCounts,
  Failure,
  Logger,
  Processor,
  Reader,
  ReaderStatus,
  Receiver,
} from '../component.ts';
import { describeError, PermanentError, RetryableError } from '../errors.ts';
import { ReaderRecord } from '../state/reader-record.ts';
import type { State, StateMember } from '../state/state.ts';
import { Backoff } from './backoff.ts';
import { Notices } from './notices.ts';
import { PageReader, type ReadPage } from './page-reader.ts';
import { sizeOf, type Attributes, type LogsBatch, type TracesBatch } from './signals.ts';

/** Rows that come one by one leave together: as long as the Collector's batch processor waits. */
const SHORTEST_CYCLE_MS = 200;
/** Of setTimeout; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface ExportLaneOptions {
  readonly pipeline: string;
  /** The receiver's id in the configuration. */
  readonly receiverId: string;
  readonly receiver: Receiver;
  readonly processors: readonly Processor[];
  /** The exporter's id in the configuration. */
  readonly exporterId: string;
  readonly exporter: BatchExporter;
  /** What everything of the pipeline is about. */
  readonly resource: Attributes;
  readonly state: State;
  readonly logger: Logger;
  readonly now: () => number;
}

/**
 * One receiver's loop into one exporter of spans or log records. A page is handed over, and its position kept once the other
 * side has it; until then the table is the queue. What fails is forgotten and read again after a pause, so that memory is one
 * page however long the other side is away, and nothing but this lane waits for it.
 */
export class ExportLane implements StateMember {
  readonly #options: ExportLaneOptions;
  readonly #backoff: Backoff;
  readonly #notices = new Notices();
  /** Another lane goes on from what is kept. */
  #detached = false;
  #known: readonly Reader[] = [];
  #readers: readonly PageReader[] = [];
  #watch: Disposable | undefined;
  #running = false;
  #loop: Promise<void> | undefined;
  /** Ends the present sleep. */
  #rouse: (() => void) | undefined;
  /** Asked for another cycle since the present one began. */
  #woken = false;
  /** How often the state was loaded: a page of before is not taken. */
  #loads = 0;
  #sent = 0;
  #failed = 0;
  #failure: Failure | undefined;

  constructor(options: ExportLaneOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.exporter.retry);
  }

  /** What stands in the way of which reader. */
  get failures(): readonly (Failure & { readonly reader: string })[] {
    return this.#readers.flatMap(({ reader, failure }) =>
      failure === undefined ? [] : [{ ...failure, reader: reader.id }],
    );
  }

  get status(): readonly ReaderStatus[] {
    return this.#readers.map((reader) => reader.status);
  }

  /** Spans or log records that the exporter took, and that it failed to take for good. */
  get counts(): ExporterCounts {
    return { sent: this.#sent, failed: this.#failed };
  }

  /** What stands in the way of the exporter. */
  get exportFailure(): Failure | undefined {
    return this.#failure;
  }

  /** Begins to read. Loads its state first. */
  start(): void {
    const { state, receiver } = this.#options;
    state.join(this);
    this.#running = true;
    this.#watch = receiver.watch(() => {
      this.#wake();
    });
    this.#loop = this.#run();
  }

  /** Reads no more; resolves when what was on its way has arrived, or has not. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#rouse?.();
    await this.#loop;
  }

  /** Another lane goes on from what is kept: what is on its way is not taken any more, and comes again from there. */
  detach(): void {
    this.#detached = true;
    void this.stop();
  }

  load(): void {
    this.#meetReaders();
    this.#loads += 1;
    for (const reader of this.#readers) {
      reader.record.load();
      reader.restart();
    }
  }

  write(): void {
    for (const { record } of this.#readers) record.write();
  }

  committed(): void {
    // Nothing is published from here: what was sent is gone.
  }

  announce(): void {
    // Likewise.
  }

  resume(): void {
    this.#rouse?.();
  }

  /** Takes in the readers that the receiver has now and had not before. */
  #meetReaders(): void {
    const { receiver, receiverId, pipeline, exporterId, state, processors, logger, now } = this.#options;
    const { readers } = receiver;
    const fresh = readers.filter((reader) => !this.#known.includes(reader));
    this.#known = readers;
    const key = { pipeline, receiver: receiverId, sink: exporterId };
    const notices = this.#notices;
    this.#readers = [
      ...this.#readers,
      ...fresh.map((reader) => {
        const record = new ReaderRecord(state, { ...key, reader: reader.id, keyScope: reader.keyScope });
        return new PageReader({ reader, record, processors, state, logger, notices, now });
      }),
    ];
  }

  #wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    for (const { retry } of this.#readers) retry.woken();
    // One that waits for the exporter goes on waiting.
    if (!this.#backoff.pausing) this.#rouse?.();
  }

  async #run(): Promise<void> {
    const { state, receiver } = this.#options;
    while (this.#running) {
      if (!state.available) {
        await this.#sleep(LONGEST_TIMER_MS);
        continue;
      }
      const startMs = performance.now();
      this.#woken = false;
      for (const reader of this.#readers) reader.done = reader.retry.atMs > startMs;
      receiver.poll();
      if (receiver.readers !== this.#known) state.reload(this);
      const pauseMs = await this.#cycle(startMs);
      state.commit();
      if (pauseMs > 0) await this.#sleep(pauseMs);
      else await this.#sleepAfter(startMs);
    }
  }

  /** Readers take turns, a page each, until none has more; returns how long to wait where the exporter could not take one. */
  async #cycle(startMs: number): Promise<number> {
    const { state } = this.#options;
    for (let more = true; more;) {
      more = false;
      for (const reader of this.#readers) {
        if (!this.#running || !state.available) return 0;
        if (reader.done) continue;
        const read = reader.attempt(startMs, () => reader.next());
        if (read === undefined) continue;
        more = true;
        const pauseMs = await this.#deliver(reader, read, startMs);
        if (pauseMs > 0) return pauseMs;
      }
      if (state.due) state.commit();
    }
    return 0;
  }

  /** Returns how long to wait before the page is read again; 0 when it is done with. */
  async #deliver(reader: PageReader, read: ReadPage, startMs: number): Promise<number> {
    const loads = this.#loads;
    const { batch } = read;
    if (batch === undefined || batch.signal === 'metrics' || sizeOf(batch) === 0) await turnOfTheLoop();
    else {
      const pauseMs = await this.#export(batch);
      if (pauseMs > 0) return pauseMs;
    }
    // The state was loaded again meanwhile, or belongs to another lane: the page comes again.
    if (loads !== this.#loads || !this.#options.state.available || this.#detached) return 0;
    reader.attempt(startMs, () => {
      reader.take(read);
    });
    return 0;
  }

  async #export(batch: TracesBatch | LogsBatch): Promise<number> {
    const { exporter, resource, logger } = this.#options;
    const size = sizeOf(batch);
    try {
      const rejection = await exporter.export(batch, resource);
      const rejected = Math.min(size, rejection?.rejected ?? 0);
      this.#sent += size - rejected;
      this.#failed += rejected;
      if (rejected > 0) logger.error(`${this.#what(rejected)} refused: ${rejection?.message ?? ''}`);
      this.#recover();
      return 0;
    } catch (error) {
      return this.#fail(error, size);
    }
  }

  #fail(error: unknown, size: number): number {
    const { logger, now } = this.#options;
    const message = describeError(error);
    const permanent = error instanceof PermanentError;
    const pauseMs = permanent
      ? undefined
      : this.#backoff.failed(performance.now(), error instanceof RetryableError ? error.retryAfterMs : undefined);
    const reason = permanent ? 'refused' : 'unavailable';
    if (pauseMs === undefined) {
      this.#failed += size;
      this.#backoff.succeeded();
      logger.error(`${this.#what(size)} dropped: ${message}`, { reason });
    } else if (this.#failure?.message !== message) {
      logger.warn(`${message}; what is not sent is read again`, { reason });
    }
    this.#failure = { reason, message, sinceMs: this.#failure?.sinceMs ?? now() };
    return pauseMs ?? 0;
  }

  #recover(): void {
    this.#backoff.succeeded();
    if (this.#failure === undefined) return;
    this.#options.logger.info(`sending again (was: ${this.#failure.reason})`);
    this.#failure = undefined;
  }

  #what(size: number): string {
    const { pipeline, exporterId } = this.#options;
    return `${size} ${pipeline.startsWith('traces') ? 'spans' : 'log records'} for ${exporterId}`;
  }

  /** Until something may be new, or is due. */
  async #sleepAfter(startMs: number): Promise<void> {
    const soonestMs = startMs + SHORTEST_CYCLE_MS;
    while (this.#running && performance.now() < soonestMs) await this.#sleep(soonestMs - performance.now());
    if (this.#woken || !this.#running) return;
    let wakeMs = Math.max(soonestMs, startMs + this.#options.receiver.intervalMs);
    for (const { retry } of this.#readers) {
      if (retry.atMs > startMs && retry.atMs < wakeMs) wakeMs = Math.max(retry.atMs, soonestMs);
    }
    await this.#sleep(wakeMs - performance.now());
  }

  /** Not the promised timer of node: what wakes the lane, or ends it, cuts the sleep short. */
  async #sleep(ms: number): Promise<void> {
    if (!this.#running) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(LONGEST_TIMER_MS, Math.max(1, ms)));
      this.#rouse = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#rouse = undefined;
  }
}

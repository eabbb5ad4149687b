import { performance } from 'node:perf_hooks';
import type { Failure, Logger, Page, Processor, Reader, ReaderStatus } from '../component.ts';
import { describeError, SourceError } from '../errors.ts';
import type { ReaderRecord } from '../state/reader-record.ts';
import type { State } from '../state/state.ts';
import { Activity } from './activity.ts';
import type { Notices } from './notices.ts';
import { Retry } from './retry.ts';
import type { Batch } from './signals.ts';

/** How long a lock may last before it is logged. */
const BUSY_PATIENCE_MS = 5000;

export interface PageReaderOptions {
  readonly reader: Reader;
  readonly record: ReaderRecord;
  readonly processors: readonly Processor[];
  readonly state: State;
  readonly logger: Logger;
  /** Shared by the readers of a lane. */
  readonly notices: Notices;
  readonly now: () => number;
}

/** A page on its way to the sink. */
export interface ReadPage {
  readonly page: Page;
  /** undefined: the processors have left nothing of it. */
  readonly batch: Batch | undefined;
  readonly seconds: number;
}

/** One reader in its lane: its state, and what stands in its way. */
export class PageReader {
  readonly reader: Reader;
  readonly record: ReaderRecord;
  readonly retry = new Retry();
  /** Nothing more to read in this cycle. */
  done = false;
  readonly #processors: readonly Processor[];
  readonly #state: State;
  readonly #logger: Logger;
  readonly #notices: Notices;
  readonly #now: () => number;
  readonly #activity = new Activity();
  #remaining = 0;
  #caughtUp = false;
  #failure: Failure | undefined;
  /** What was logged of it. */
  #complaint: { readonly message: string; readonly reason: string } | undefined;
  #busySinceMs: number | undefined;
  /** Kept from its source by a lock that may pass in a moment. */
  #brieflyBusy = false;
  #lastFailure: ReaderStatus['lastFailure'];

  constructor({ reader, record, processors, state, logger, notices, now }: PageReaderOptions) {
    this.reader = reader;
    this.record = record;
    this.#processors = processors;
    this.#state = state;
    this.#logger = logger;
    this.#notices = notices;
    this.#now = now;
  }

  /** Rows, since the start. */
  get rowsRead(): number {
    return this.#activity.rows;
  }

  /** Rows still to be read, as the last page told. */
  get remaining(): number {
    return this.#remaining;
  }

  /** Has read everything once since its state was loaded: from then on its totals may be shown. */
  get caughtUp(): boolean {
    return this.#caughtUp;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** Has read everything once, or cannot for now: nobody need wait for it. */
  get settled(): boolean {
    return this.#caughtUp || (this.#failure !== undefined && !this.#brieflyBusy);
  }

  get status(): ReaderStatus {
    return {
      id: this.reader.id,
      failure: this.#failure,
      lastFailure: this.#lastFailure,
      rowsBehind: this.#remaining,
      openRows: this.record.open.size,
      ...this.#activity.counts,
    };
  }

  /** Its state was loaded again. */
  restart(): void {
    this.#caughtUp = false;
    this.done = false;
    this.retry.succeeded();
  }

  /** Does something with the reader; undefined when that fails: what stands in the way is its failure then. Never throws. */
  attempt<T>(elapsedMs: number, work: () => T): T | undefined {
    let result: T;
    try {
      result = work();
    } catch (error) {
      this.done = true;
      if (this.#state.available) this.#fail(error, elapsedMs);
      return undefined;
    }
    this.#recover();
    return result;
  }

  /** The next page, as the processors let it through; undefined when there is none now. */
  next(): ReadPage | undefined {
    const startedMs = performance.now();
    const page = this.reader.read(this.record);
    if (page === undefined) {
      this.#finish();
      return undefined;
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    let batch: Batch | undefined = page.batch;
    for (const processor of this.#processors) {
      batch = processor.process(batch);
      if (batch === undefined) break;
    }
    return { page, batch, seconds };
  }

  /** The sink has what the page brings: what it says of the position and of rows holds from now on. */
  take({ page, seconds }: ReadPage): void {
    this.#state.changed();
    this.#remaining = page.remaining;
    for (const { reason, message, routine = false } of page.changes ?? []) {
      this.#logger[routine ? 'debug' : 'warn'](`${this.reader.id}: ${message}`, { reason });
    }
    try {
      this.record.apply(page);
    } catch (error) {
      // The sink has the page, the record only half of it: both are loaded again.
      this.#state.fail(error);
      throw error;
    }
    this.#activity.page(page, seconds);
    if (page.caughtUp) this.#finish();
  }

  #finish(): void {
    this.done = true;
    if (this.#caughtUp) return;
    this.#caughtUp = true;
    this.record.markCaughtUp();
    this.#state.changed();
  }

  #fail(error: unknown, elapsedMs: number): void {
    const reason = error instanceof SourceError ? error.reason : 'error';
    const message = describeError(error);
    const before = this.#failure;
    if (reason === 'busy') this.#activity.putOff();
    this.#failure = { reason, message, sinceMs: before?.sinceMs ?? this.#now() };
    if (reason !== 'busy') this.#busySinceMs = undefined;
    // Every writer locks its database for a moment: only one that goes on doing so is worth a word.
    this.#brieflyBusy = reason === 'busy' && elapsedMs - (this.#busySinceMs ??= elapsedMs) < BUSY_PATIENCE_MS;
    if (!this.#brieflyBusy) this.#complain(message, reason);
    this.retry.failed(elapsedMs, reason);
  }

  /** Says it, unless another reader of the lane has. */
  #complain(message: string, reason: string): void {
    if (this.#complaint?.reason === reason) {
      this.#notices.replace(this.#complaint.message, message);
    } else {
      this.#forgive();
      if (this.#notices.raise(message)) this.#logger.warn(message, { reader: this.reader.id, reason });
    }
    this.#complaint = { message, reason };
  }

  /** Takes back what was said; the reason, when no reader says it any more. */
  #forgive(): string | undefined {
    const complaint = this.#complaint;
    this.#complaint = undefined;
    return complaint !== undefined && this.#notices.clear(complaint.message) ? complaint.reason : undefined;
  }

  #recover(): void {
    if (this.#failure === undefined) return;
    this.#lastFailure = { ...this.#failure, untilMs: this.#now() };
    this.#failure = undefined;
    this.#busySinceMs = undefined;
    this.retry.succeeded();
    const over = this.#forgive();
    // With the reason: another trouble within the minute is over in other words, which the log does not fold.
    if (over !== undefined) this.#logger.info(`reading again (was: ${over})`, { reader: this.reader.id });
  }
}

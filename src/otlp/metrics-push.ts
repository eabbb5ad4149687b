import type { Failure, Logger, MetricSource, Rejection, RetryPolicy } from '../component.ts';
import { describeError, PermanentError, RetryableError } from '../errors.ts';
import { pointsOf } from './metric-points.ts';
import { encodeMetrics } from './metrics-request.ts';
import type { Encoding } from './origin.ts';
import { requestsOf, type Request } from './requests.ts';

/** For the last values, and for what is on its way: the process wants to end. */
const FAREWELL_MS = 1_500;

export interface MetricsPushOptions {
  readonly intervalMs: number;
  readonly encoding: Encoding;
  readonly retry: Pick<RetryPolicy, 'enabled' | 'initialMs'>;
  /** One attempt, bounded in time; rejects as BatchExporter.export does. */
  readonly send: (request: Uint8Array) => Promise<Rejection | undefined>;
  readonly logger: Logger;
  readonly now: () => number;
}

/**
 * Sends all series of its sources at an interval, and nothing before all of them have caught up. What could not be sent
 * is superseded by what is sent next, and nothing is lost: totals are cumulative.
 */
export class MetricsPush {
  readonly #options: MetricsPushOptions;
  #sources: readonly MetricSource[] = [];
  /** Take the place of the others once all are ready. */
  #next: readonly MetricSource[] | undefined;
  #subscriptions: readonly Disposable[] = [];
  #started = false;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #sent = 0;
  #failed = 0;
  #failure: Failure | undefined;

  constructor(options: MetricsPushOptions) {
    this.#options = options;
  }

  get pushed(): { readonly sent: number; readonly failed: number } {
    return { sent: this.#sent, failed: this.#failed };
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  connect(sources: readonly MetricSource[]): void {
    this.#unsubscribe();
    this.#next = sources;
    this.#subscriptions = sources.map((source) =>
      source.onCommit(() => {
        this.#takeOver();
      }),
    );
    this.#takeOver();
  }

  start(): void {
    this.#started = true;
    if (this.#sources.length > 0) this.#schedule(0);
  }

  /** Sends the last values, unless the other side is away. */
  async shutdown(): Promise<void> {
    if (!this.#started) return;
    this.#started = false;
    clearTimeout(this.#timer);
    this.#unsubscribe();
    let timer: NodeJS.Timeout | undefined;
    // An endpoint that hangs must not keep the process from ending.
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, FAREWELL_MS)));
    const farewell = async (): Promise<void> => {
      await this.#running;
      if (this.#failure === undefined) await this.#sendAll();
    };
    await Promise.race([farewell(), late]);
    clearTimeout(timer);
  }

  #takeOver(): void {
    if (this.#next?.every((source) => source.progress() === undefined) !== true) return;
    this.#sources = this.#next;
    this.#next = undefined;
    this.#unsubscribe();
    if (this.#started && this.#sources.length > 0) this.#schedule(0);
  }

  #unsubscribe(): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    this.#subscriptions = [];
  }

  #schedule(delayMs: number): void {
    // One that runs comes back here when it has ended.
    if (this.#running !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const begunAtMs = performance.now();
      this.#running = this.#sendAll().then((pauseMs) => {
        this.#running = undefined;
        if (this.#started) this.#schedule(Math.max(0, pauseMs - (performance.now() - begunAtMs)));
      });
    }, delayMs);
  }

  /** Resolves with the time from its beginning to the next. */
  async #sendAll(): Promise<number> {
    const { intervalMs, retry } = this.#options;
    const all = pointsOf(this.#sources);
    let unsent = all.reduce((sum, { points }) => sum + points.length, 0);
    let failure: unknown;
    try {
      for (const { size, request } of this.#requests(all)) {
        try {
          this.#count(size, await this.#options.send(request));
        } catch (error) {
          // Of several, the others may still be taken.
          if (!(error instanceof PermanentError)) throw error;
          failure = error;
          this.#failed += size;
        }
        unsent -= size;
        // Between two of many, others have their turn.
        if (unsent > 0) await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      failure = error;
      this.#failed += unsent;
    }
    this.#settle(failure);
    if (failure === undefined || failure instanceof PermanentError || !retry.enabled) return intervalMs;
    const pauseMs = Math.min(intervalMs, retry.initialMs);
    return failure instanceof RetryableError ? Math.max(pauseMs, failure.retryAfterMs ?? 0) : pauseMs;
  }

  *#requests(all: ReturnType<typeof pointsOf>): Generator<Request> {
    const { now, encoding } = this.#options;
    for (const { resource, points } of all) {
      yield* requestsOf(points, (part) => encodeMetrics(part, resource, now(), encoding));
    }
  }

  #count(points: number, rejection: Rejection | undefined): void {
    const rejected = Math.min(points, rejection?.rejected ?? 0);
    this.#sent += points - rejected;
    this.#failed += rejected;
    if (rejection === undefined) return;
    const fields = { points: rejected, reason: rejection.message };
    if (rejected > 0) this.#options.logger.error('the endpoint has refused some metric points', fields);
    else this.#options.logger.warn('the endpoint has taken all metric points, and warns', fields);
  }

  #settle(failure: unknown): void {
    if (failure === undefined) {
      if (this.#failure !== undefined) this.#options.logger.info('metrics are sent again');
      this.#failure = undefined;
      return;
    }
    const isLost = failure instanceof PermanentError;
    const message = `send metrics: ${describeError(failure)}`;
    this.#options.logger[isLost ? 'error' : 'warn'](message);
    const sinceMs = this.#failure?.sinceMs ?? this.#options.now();
    this.#failure = { reason: isLost ? 'refused' : 'unavailable', message, sinceMs };
  }
}

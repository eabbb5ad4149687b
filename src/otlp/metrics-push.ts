import type { Failure, Logger, MetricSource, Rejection, RetryPolicy } from '../component.ts';
import { describeError, PermanentError, RetryableError } from '../errors.ts';
import { pointsOf, type MetricPoint } from './metric-points.ts';
import { encodeMetrics } from './metrics-request.ts';
import type { Encoding } from './origin.ts';

/** Some 200 KB, far below the 4 MB that a gRPC server takes; encoding them takes some milliseconds of the event loop. */
const POINTS_PER_REQUEST = 500;

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
    const { intervalMs, retry, now } = this.#options;
    const all = pointsOf(this.#sources).flatMap(({ resource, points }) =>
      chunksOf(points).map((chunk) => ({ resource, chunk })),
    );
    let failure: unknown;
    for (const [index, { resource, chunk }] of all.entries()) {
      try {
        // Between two of many, others have their turn.
        if (index > 0) await new Promise((resolve) => setImmediate(resolve));
        const request = encodeMetrics(chunk, resource, now(), this.#options.encoding);
        this.#count(chunk.length, await this.#options.send(request));
      } catch (error) {
        failure = error;
        const isLast = !(error instanceof PermanentError);
        const unsent = isLast ? all.slice(index) : [all[index]!];
        this.#failed += unsent.reduce((points, { chunk: { length } }) => points + length, 0);
        if (isLast) break;
      }
    }
    this.#settle(failure);
    if (failure === undefined || failure instanceof PermanentError || !retry.enabled) return intervalMs;
    const pauseMs = Math.min(intervalMs, retry.initialMs);
    return failure instanceof RetryableError ? Math.max(pauseMs, failure.retryAfterMs ?? 0) : pauseMs;
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

function chunksOf(points: readonly MetricPoint[]): readonly (readonly MetricPoint[])[] {
  const chunks: (readonly MetricPoint[])[] = [];
  for (let at = 0; at < points.length; at += POINTS_PER_REQUEST) chunks.push(points.slice(at, at + POINTS_PER_REQUEST));
  return chunks;
}

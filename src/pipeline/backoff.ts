import type { RetryPolicy } from '../component.ts';

/** The pauses between attempts of one exporter, as the Collector's retry_on_failure makes them. Monotonic milliseconds. */
export class Backoff {
  readonly #policy: RetryPolicy;
  readonly #random: () => number;
  #failures = 0;
  #firstMs = 0;

  constructor(policy: RetryPolicy, random: () => number = Math.random) {
    this.#policy = policy;
    this.#random = random;
  }

  /** Whether the last attempt has failed, and another one will follow. */
  get pausing(): boolean {
    return this.#failures > 0;
  }

  /** How long to wait before the next attempt, at least as long as the other side asks for; undefined: there is none. */
  failed(nowMs: number, retryAfterMs = 0): number | undefined {
    const { enabled, initialMs, multiplier, randomizationFactor, maxMs, maxElapsedMs } = this.#policy;
    if (!enabled) return undefined;
    if (this.#failures === 0) this.#firstMs = nowMs;
    if (maxElapsedMs > 0 && nowMs - this.#firstMs >= maxElapsedMs) return undefined;
    const pauseMs = Math.min(maxMs, initialMs * multiplier ** this.#failures);
    this.#failures += 1;
    const jitter = 1 + randomizationFactor * (2 * this.#random() - 1);
    return Math.max(1, pauseMs * jitter, retryAfterMs);
  }

  succeeded(): void {
    this.#failures = 0;
  }
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
/** A lock passes soon: its pause grows slower than that of a fault. */
const GROWTH_WHEN_BUSY = 1.5;
const GROWTH = 2;
/** When something has happened at the source, it is worth a look sooner. */
const LONGEST_PAUSE_WHEN_WOKEN_MS = 250;

/** The pauses between attempts at something that fails: growing, capped, jittered. Monotonic milliseconds. */
export class Retry {
  readonly #random: () => number;
  #pauseMs = FIRST_PAUSE_MS;
  #atMs = -Infinity;
  #failedAtMs = -Infinity;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** When the next attempt is due. */
  get atMs(): number {
    return this.#atMs;
  }

  failed(nowMs: number, reason: string): void {
    this.#failedAtMs = nowMs;
    this.#atMs = nowMs + this.#pauseMs * (0.5 + this.#random() / 2);
    const growth = reason === 'busy' ? GROWTH_WHEN_BUSY : GROWTH;
    this.#pauseMs = Math.min(this.#pauseMs * growth, LONGEST_PAUSE_MS);
  }

  woken(): void {
    this.#atMs = Math.min(this.#atMs, this.#failedAtMs + LONGEST_PAUSE_WHEN_WOKEN_MS);
  }

  succeeded(): void {
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#atMs = -Infinity;
  }
}

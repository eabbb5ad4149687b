export interface ThrottleLimits {
  /** Attempts that one peer may fail at once. */
  readonly peerBurst: number;
  /** After which it may fail once more. */
  readonly peerRefillMs: number;
  /** Of all peers together that have never shown anything good. */
  readonly strangersBurst: number;
  readonly strangersRefillMs: number;
  /** Peers to remember, those with failures and those known as good; the one that was away longest is forgotten. */
  readonly maxPeers: number;
  /** How long a peer that showed something good is no stranger. */
  readonly knownForMs: number;
  /** The longest that an answer to a failure is held back. */
  readonly maxDelayMs: number;
}

export const THROTTLE: ThrottleLimits = {
  peerBurst: 10,
  peerRefillMs: 6_000,
  strangersBurst: 30,
  strangersRefillMs: 1_000,
  maxPeers: 1_024,
  knownForMs: 3_600_000,
  maxDelayMs: 1_000,
};

/** Failures that are answered at once: people mistype. */
const FREE_FAILURES = 3;
const FIRST_DELAY_MS = 100;

/**
 * How often wrong credentials may be tried. An attempt takes from the allowance of its peer before it is looked at, and of
 * all strangers together, and is given back when it was good: so many attempts at once are held down as well.
 */
export class Throttle {
  readonly #limits: ThrottleLimits;
  readonly #now: () => number;
  readonly #peers = new Map<string, Allowance>();
  readonly #strangers: Allowance;
  /** When a peer last showed something good. */
  readonly #known = new Map<string, number>();

  constructor(limits: ThrottleLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#strangers = new Allowance(limits.strangersBurst, limits.strangersRefillMs, now());
  }

  /** 0: go on, and tell `succeeded` or `failed`. Otherwise milliseconds until it is worth another try. */
  take(peer: string): number {
    const nowMs = this.#now();
    const own = this.#peers.get(peer) ?? new Allowance(this.#limits.peerBurst, this.#limits.peerRefillMs, nowMs);
    keep(this.#peers, peer, own, this.#limits.maxPeers);
    const waits = [own, ...this.#shared(peer)].map((allowance) => allowance.waitMs(nowMs));
    const waitMs = Math.max(...waits);
    if (waitMs > 0) return waitMs;
    own.take();
    for (const allowance of this.#shared(peer)) allowance.take();
    return 0;
  }

  succeeded(peer: string): void {
    this.#peers.get(peer)?.giveBack();
    for (const allowance of this.#shared(peer)) allowance.giveBack();
    keep(this.#known, peer, this.#now(), this.#limits.maxPeers);
  }

  /** Milliseconds to hold the answer back. */
  failed(peer: string): number {
    const failures = this.#peers.get(peer)?.taken ?? 0;
    if (failures <= FREE_FAILURES) return 0;
    return Math.min(this.#limits.maxDelayMs, FIRST_DELAY_MS * 2 ** (failures - FREE_FAILURES - 1));
  }

  /** What a peer takes of besides its own: an attack by many does not lock those out who have been in. */
  #shared(peer: string): readonly Allowance[] {
    const knownAtMs = this.#known.get(peer);
    const isKnown = knownAtMs !== undefined && this.#now() - knownAtMs <= this.#limits.knownForMs;
    return isKnown ? [] : [this.#strangers];
  }
}

/** A token bucket. */
class Allowance {
  readonly #burst: number;
  readonly #refillMs: number;
  #left: number;
  #atMs: number;

  constructor(burst: number, refillMs: number, nowMs: number) {
    this.#burst = burst;
    this.#refillMs = refillMs;
    this.#left = burst;
    this.#atMs = nowMs;
  }

  get taken(): number {
    return Math.ceil(this.#burst - this.#left);
  }

  waitMs(nowMs: number): number {
    // A clock that was set back refills nothing.
    this.#left = Math.min(this.#burst, this.#left + Math.max(0, nowMs - this.#atMs) / this.#refillMs);
    this.#atMs = nowMs;
    return this.#left >= 1 ? 0 : (1 - this.#left) * this.#refillMs;
  }

  take(): void {
    this.#left -= 1;
  }

  giveBack(): void {
    this.#left = Math.min(this.#burst, this.#left + 1);
  }
}

/** The newest last; at most `size` of them. */
function keep<T>(map: Map<string, T>, key: string, value: T, size: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > size) for (const oldest of map.keys()) return void map.delete(oldest);
}

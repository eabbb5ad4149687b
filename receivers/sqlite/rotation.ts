import type { OpenRow } from '../../src/component.ts';

/** The newest open rows, looked at in every cycle in which the source changed; and how many of the others with them. */
const CHUNK = 1000;

/**
 * Which open rows to look at when: all of them after a start; the newest in every cycle in which the source changed, the
 * others in rotation, a chunk a cycle; those whose time has come when it has come.
 */
export class Rotation {
  readonly #intervalMs: number;
  #generation = -1;
  #started = false;
  /** To look at before this cycle ends. */
  #now: number[] = [];
  /** To look at a chunk a cycle. */
  #later: number[] = [];
  /** How many of those this cycle is still to look at. */
  #share = CHUNK;
  /** Something changed since #later was made. */
  #again = false;
  #dueMs = Infinity;

  /** `intervalMs`: for rules that depend on the time, how old a look may get. */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Epoch milliseconds when open rows must be looked at without any change of the source. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Everything is to be looked at again. */
  restart(): void {
    this.#started = false;
    this.#now = [];
    this.#later = [];
    this.#again = false;
    this.#dueMs = Infinity;
  }

  /** Plans the cycle, unless it is planned. */
  begin(generation: number, open: ReadonlyMap<number, OpenRow>, nowMs: number): void {
    if (this.cycleDone) this.#share = CHUNK;
    if (!this.#started) {
      this.#started = true;
      this.#generation = generation;
      this.#now = [...open.keys()];
      this.#plan(open, nowMs);
      return;
    }
    if (this.#now.length > 0) return;
    const due = nowMs >= this.#dueMs;
    if (generation === this.#generation && !due) return;
    this.#generation = generation;
    const ids = [...open.keys()];
    const newest = ids.splice(-CHUNK);
    this.#now = due ? [...new Set([...expired(open, nowMs), ...newest])] : newest;
    if (this.#later.length === 0) this.#later = ids;
    else this.#again = true;
    this.#plan(open, nowMs);
  }

  #plan(open: ReadonlyMap<number, OpenRow>, nowMs: number): void {
    this.#dueMs = open.size === 0 ? Infinity : nowMs + this.#intervalMs;
    for (const { expiresAtMs } of open.values()) {
      if (expiresAtMs !== undefined && expiresAtMs > nowMs && expiresAtMs < this.#dueMs) this.#dueMs = expiresAtMs;
    }
  }

  /** An open row will be too old at that time. */
  expires(atMs: number): void {
    if (atMs < this.#dueMs) this.#dueMs = atMs;
  }

  /** The next row ids to look at, at most so many; the newest first. Not to be asked when the cycle is done. */
  take(open: ReadonlyMap<number, OpenRow>, most: number): number[] {
    if (this.#now.length > 0) return this.#now.splice(-most);
    const chunk = this.#later.splice(-Math.min(most, this.#share));
    this.#share -= chunk.length;
    if (this.#later.length === 0 && this.#again) {
      this.#again = false;
      this.#later = [...open.keys()].slice(0, -CHUNK);
    }
    return chunk;
  }

  /** Whether this cycle has looked at its share. */
  get cycleDone(): boolean {
    return this.#started && this.#now.length === 0 && (this.#share === 0 || this.#later.length === 0);
  }

  /** Whether nothing is left to look at until the source changes or a time comes. */
  idleAt(generation: number): boolean {
    return this.#started && this.#generation === generation && this.#now.length === 0 && this.#later.length === 0;
  }
}

function expired(open: ReadonlyMap<number, OpenRow>, nowMs: number): number[] {
  return [...open.values()].filter(({ expiresAtMs = Infinity }) => expiresAtMs <= nowMs).map(({ rowId }) => rowId);
}

/** A page holds a read transaction, which pins the WAL and, in delete mode, other writers: at most 10 ms, applied and all. */
const TARGET_MS = 4;
const MIN_ROWS = 64;
const MAX_ROWS = 16_384;
/** Taking a key costs some 10 microseconds, after the page was read. */
const MAX_KEYS = 256;

/** How many row ids a page covers, learnt from how long the last ones took. */
export class PageSize {
  #rows = 128;

  get rows(): number {
    return this.#rows;
  }

  /** Whether a page that took so long, and so many keys, should end, however few rows it covers. */
  isOver(elapsedMs: number, keys: number): boolean {
    return elapsedMs >= TARGET_MS || keys >= MAX_KEYS;
  }

  /** `rows` were covered in `elapsedMs`. At most doubles: a sparse stretch must not make the next dense one long. */
  took(rows: number, elapsedMs: number): void {
    if (rows < this.#rows / 2 && elapsedMs < TARGET_MS) return;
    const factor = Math.min(2, Math.max(0.25, TARGET_MS / Math.max(elapsedMs, 0.1)));
    this.#rows = Math.round(Math.min(MAX_ROWS, Math.max(MIN_ROWS, this.#rows * factor)));
  }
}

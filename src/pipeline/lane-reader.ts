import { PageReader, type PageReaderOptions } from './page-reader.ts';
import type { ReaderTotals } from './reader-totals.ts';

export interface LaneReaderOptions extends PageReaderOptions {
  readonly totals: ReaderTotals;
}

/** One reader in a lane of metrics, and its totals. */
export class LaneReader extends PageReader {
  readonly totals: ReaderTotals;

  constructor(options: LaneReaderOptions) {
    super(options);
    this.totals = options.totals;
  }

  /** Reads and applies one page; false when there was none. Never throws. */
  turn(elapsedMs: number): boolean {
    const applied = this.attempt(elapsedMs, () => {
      const read = this.next();
      if (read === undefined) return false;
      if (read.batch?.signal === 'metrics') this.totals.apply(read.batch);
      this.take(read);
      return true;
    });
    return applied ?? false;
  }
}

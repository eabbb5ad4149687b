import type { Page, ReaderStatus } from '../component.ts';
import { sizeOf, type Batch } from './signals.ts';

/** Seconds. A page is meant to take 10 ms at most. */
const PAGE_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

/** What a reader has done since the start: plain numbers, added to once a page, so that nobody pays who does not ask. */
export class Activity {
  readonly #changes = new Map<string, number>();
  readonly #skipped = new Map<string, number>();
  readonly #durations = PAGE_SECONDS.map(() => 0).concat(0);
  #pages = 0;
  #seconds = 0;
  #rows = 0;
  #points = 0;
  #busy = 0;

  get rows(): number {
    return this.#rows;
  }

  /** A page that took `seconds` to read. */
  page(page: Page, seconds: number): void {
    this.#rows += page.rows;
    this.#points += itemsIn(page.batch);
    for (const { reason, count = 1 } of page.changes ?? []) addTo(this.#changes, reason, count);
    for (const [reason, count] of Object.entries(page.skipped ?? {})) addTo(this.#skipped, reason, count);
    const bucket = PAGE_SECONDS.findIndex((bound) => seconds <= bound);
    this.#durations[bucket === -1 ? PAGE_SECONDS.length : bucket]! += 1;
    this.#pages += 1;
    this.#seconds += seconds;
  }

  /** Put off because the source was locked. */
  putOff(): void {
    this.#busy += 1;
  }

  get counts(): Pick<ReaderStatus, 'rowsRead' | 'points' | 'busy' | 'changes' | 'skipped' | 'pageDuration'> {
    return {
      rowsRead: this.#rows,
      points: this.#points,
      busy: this.#busy,
      changes: this.#changes,
      skipped: this.#skipped,
      pageDuration: {
        count: this.#pages,
        sum: this.#seconds,
        bucketCounts: this.#durations,
        boundaries: PAGE_SECONDS,
      },
    };
  }
}

function addTo(counts: Map<string, number>, reason: string, count: number): void {
  counts.set(reason, (counts.get(reason) ?? 0) + count);
}

function itemsIn(batch: Batch): number {
  if (batch.signal !== 'metrics') return sizeOf(batch);
  return batch.metrics.reduce(
    (points, metric) => points + ('histograms' in metric ? metric.histograms : metric.points).length,
    0,
  );
}

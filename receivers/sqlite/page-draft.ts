import type { Contribution, OpenRow, ReaderState } from '../../src/component.ts';
import type { Attributes, Metric, MetricPoints } from '../../src/pipeline/signals.ts';
import { addTo } from '../../src/pipeline/sum.ts';

/** What a page changes of the open rows and once-keys, seen through: a page may open, move and close the same row. */
export class PageDraft {
  readonly #state: ReaderState;
  readonly #opened = new Map<number, OpenRow>();
  readonly #openedByKey = new Map<string, OpenRow>();
  readonly #closed = new Set<number>();
  readonly #keys = new Set<string>();
  readonly #changes = new Map<Metric, Map<Attributes, number[]>>();

  constructor(state: ReaderState) {
    this.#state = state;
  }

  openRow(rowId: number): OpenRow | undefined {
    return this.#opened.get(rowId) ?? (this.#closed.has(rowId) ? undefined : this.#state.open.get(rowId));
  }

  openByKey(key: string): OpenRow | undefined {
    const drafted = this.#openedByKey.get(key);
    if (drafted !== undefined) return drafted;
    const stored = this.#state.openByKey(key);
    return stored === undefined || this.#closed.has(stored.rowId) ? undefined : this.openRow(stored.rowId);
  }

  /** Whether a row of this key was counted. */
  seen(key: string): boolean {
    return this.#keys.has(key) || this.#state.seen(key);
  }

  take(key: string): void {
    this.#keys.add(key);
  }

  /** Puts an open row, new or changed; its contributions replace those it had. */
  open(row: OpenRow): void {
    const before = this.openRow(row.rowId);
    this.#contribute(before?.contributions, -1);
    this.#contribute(row.contributions, 1);
    this.#closed.delete(row.rowId);
    this.#opened.set(row.rowId, row);
    if (row.key !== undefined) this.#openedByKey.set(row.key, row);
  }

  /** Takes an open row out, and back what it contributed. */
  close(row: OpenRow): void {
    this.#contribute(row.contributions, -1);
    this.#opened.delete(row.rowId);
    if (row.key !== undefined && this.#openedByKey.get(row.key)?.rowId === row.rowId) this.#openedByKey.delete(row.key);
    if (this.#state.open.has(row.rowId)) this.#closed.add(row.rowId);
  }

  #contribute(contributions: readonly Contribution[] | undefined, sign: 1 | -1): void {
    for (const { metric, attributes, value } of contributions ?? []) {
      let series = this.#changes.get(metric);
      if (series === undefined) {
        series = new Map();
        this.#changes.set(metric, series);
      }
      let sum = series.get(attributes);
      if (sum === undefined) {
        sum = [];
        series.set(attributes, sum);
      }
      addTo(sum, sign * value);
    }
  }

  get opened(): OpenRow[] {
    return [...this.#opened.values()];
  }

  get closed(): number[] {
    return [...this.#closed];
  }

  get keys(): ReadonlySet<string> {
    return this.#keys;
  }

  /** Whether the page would change anything that is kept. */
  get empty(): boolean {
    return this.#opened.size === 0 && this.#closed.size === 0 && this.#keys.size === 0;
  }

  /** How the sums over open rows change. */
  get openPoints(): MetricPoints[] {
    return [...this.#changes].map(([metric, series]): MetricPoints => ({
      metric,
      mode: 'open',
      points: [...series].map(([attributes, value]) => ({ attributes, value })),
    }));
  }
}

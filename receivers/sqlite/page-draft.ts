import type { Contribution, OpenRow, Page, ReaderState } from '../../src/component.ts';
import type { Attributes, Metric, MetricPoints } from '../../src/pipeline/signals.ts';
import { addTo } from '../../src/pipeline/sum.ts';

/** Absent rows that are remembered at most: some MB. */
const MOST_ABSENT = 16_384;

/** What a page changes of the open rows and once-keys, seen through: a page may open, move and close the same row. */
export class PageDraft {
  readonly #state: ReaderState;
  readonly #opened = new Map<number, OpenRow>();
  readonly #openedByKey = new Map<string, OpenRow>();
  readonly #closed = new Set<number>();
  readonly #keys = new Set<string>();
  readonly #absent = new Map<string, OpenRow>();
  readonly #recalled = new Set<OpenRow>();
  readonly #changes = new Map<Metric, Map<Attributes, number[]>>();

  constructor(state: ReaderState) {
    this.#state = state;
  }

  openRow(rowId: number): OpenRow | undefined {
    return this.#opened.get(rowId) ?? (this.#closed.has(rowId) ? undefined : this.#state.open.get(rowId));
  }

  /** The open row with this key. */
  openByKey(key: string): OpenRow | undefined {
    const drafted = this.#openedByKey.get(key);
    if (drafted !== undefined) return drafted;
    const stored = this.#state.openByKey(key);
    const open = stored === undefined ? undefined : this.openRow(stored.rowId);
    // Another row may have taken its row id.
    return open?.key === key ? open : undefined;
  }

  /** The row of this key that was seen before and is not counted, open or absent. */
  pendingByKey(key: string): OpenRow | undefined {
    const open = this.openByKey(key);
    if (open !== undefined) return open;
    const drafted = this.#absent.get(key);
    if (drafted !== undefined) return drafted;
    const stored = this.#state.absentByKey(key);
    return stored === undefined || this.#recalled.has(stored) ? undefined : stored;
  }

  /** Whether a row of the state is still what it was: nothing in this page has dealt with it. */
  isPending(row: OpenRow): boolean {
    if (row.absent !== true) return this.openRow(row.rowId) === row;
    return this.#state.absent.get(row.rowId)?.includes(row) === true && !this.#recalled.has(row);
  }

  /** Whether a row with this id may have been seen before without being counted. */
  mayBePending(rowId: number): boolean {
    return this.#state.open.has(rowId) || this.#state.absent.has(rowId);
  }

  /** The row with this id and identity that was seen before and is not counted, in a table without a key. */
  pendingAt(rowId: number, identity: string): OpenRow | undefined {
    const open = this.openRow(rowId);
    if (open?.identity === identity) return open;
    const stored = this.#state.absent.get(rowId)?.find((row) => row.identity === identity && !this.#recalled.has(row));
    return stored ?? this.#absent.get(nameOf({ rowId, identity }));
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

  /** An open row is gone; where it would be known again, it is remembered. */
  miss({ rowId, identity, key, firstSeenMs, bases }: OpenRow): void {
    const open = this.openRow(rowId);
    if (open !== undefined) this.close(open);
    if (identity === '' && key === undefined) return;
    const absent: OpenRow = {
      rowId,
      identity,
      firstSeenMs,
      absent: true,
      ...(key === undefined ? {} : { key }),
      ...(bases === undefined ? {} : { bases }),
    };
    this.#absent.set(nameOf(absent), absent);
  }

  /** Takes an open row out, and back what it contributed; or an absent one. */
  close(row: OpenRow): void {
    if (row.absent === true) {
      if (!this.#absent.delete(nameOf(row))) this.#recalled.add(row);
      return;
    }
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

  /** Gives up what was absent for longest where it is too much; with a key, it will not be counted. */
  giveUpAbsent(): void {
    let excess = this.#state.absent.size + this.#absent.size - this.#recalled.size - MOST_ABSENT;
    if (excess <= 0 || this.#absent.size === 0) return;
    for (const row of [...[...this.#state.absent.values()].flat(), ...this.#absent.values()]) {
      if (excess <= 0) return;
      if (this.#recalled.has(row)) continue;
      this.close(row);
      if (row.key !== undefined) this.take(row.key);
      excess -= 1;
    }
  }

  get opened(): OpenRow[] {
    return [...this.#opened.values()];
  }

  /** How the open and the absent rows change. */
  get openRows(): Pick<Page, 'opened' | 'closed' | 'absent' | 'recalled'> {
    return {
      opened: this.opened,
      closed: [...this.#closed],
      ...(this.#absent.size === 0 ? {} : { absent: [...this.#absent.values()] }),
      ...(this.#recalled.size === 0 ? {} : { recalled: [...this.#recalled] }),
    };
  }

  get keys(): ReadonlySet<string> {
    return this.#keys;
  }

  /** Whether the page would change anything that is kept. */
  get empty(): boolean {
    return (
      this.#opened.size === 0 &&
      this.#closed.size === 0 &&
      this.#keys.size === 0 &&
      this.#absent.size === 0 &&
      this.#recalled.size === 0
    );
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

/** By which an absent row is known when it is back. */
function nameOf({ rowId, identity, key }: Pick<OpenRow, 'rowId' | 'identity' | 'key'>): string {
  return key ?? `${rowId} ${identity}`;
}

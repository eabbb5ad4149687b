import type { OpenRow } from '../component.ts';
import type { Statements } from './statements.ts';

/** Open rows of one reader that are gone from the source: in memory, and which of them are not yet so in the state. */
export class AbsentRows {
  readonly #rows = new Map<number, readonly OpenRow[]>();
  readonly #byKey = new Map<string, OpenRow>();
  /** Since the last commit, in order: whether it is absent now. */
  #unsaved: (readonly [row: OpenRow, absent: boolean])[] = [];

  /** By row id, the longest absent first. */
  get rows(): ReadonlyMap<number, readonly OpenRow[]> {
    return this.#rows;
  }

  byKey(key: string): OpenRow | undefined {
    return this.#byKey.get(key);
  }

  add(row: OpenRow): void {
    const others = (this.#rows.get(row.rowId) ?? []).filter((other) => !isSame(other, row));
    this.#rows.set(row.rowId, [...others, row]);
    if (row.key !== undefined) this.#byKey.set(row.key, row);
    this.#unsaved.push([row, true]);
  }

  remove(row: OpenRow): void {
    const others = (this.#rows.get(row.rowId) ?? []).filter((other) => !isSame(other, row));
    if (others.length > 0) this.#rows.set(row.rowId, others);
    else this.#rows.delete(row.rowId);
    if (row.key !== undefined && this.#byKey.get(row.key)?.rowId === row.rowId) this.#byKey.delete(row.key);
    this.#unsaved.push([row, false]);
  }

  /** Runs in the transaction that is about to be committed. */
  write(sql: Statements, reader: number): void {
    for (const [{ rowId, identity, key = '', firstSeenMs, bases }, absent] of this.#unsaved) {
      if (absent) {
        const json = bases === undefined ? null : JSON.stringify(bases);
        sql.saveAbsentRow.run(reader, rowId, identity, key, firstSeenMs, json);
      } else sql.dropAbsentRow.run(reader, rowId, identity, key);
    }
    this.saved();
  }

  /** All of it is as it is in the state. */
  saved(): void {
    this.#unsaved = [];
  }

  clear(): void {
    this.#rows.clear();
    this.#byKey.clear();
    this.saved();
  }
}

function isSame(a: OpenRow, b: OpenRow): boolean {
  return a.rowId === b.rowId && a.identity === b.identity && a.key === b.key;
}

import type { OpenRow, Page, Position, ReaderState } from '../component.ts';
import { AbsentRows } from './absent-rows.ts';
import { Recent } from './recent.ts';
import type { State } from './state.ts';
import type { OpenRowRecord } from './statements.ts';

/** What a reader's state is kept under. */
export interface ReaderKey {
  readonly pipeline: string;
  readonly receiver: string;
  readonly sink: string;
  readonly reader: string;
  readonly keyScope: string;
}

/** Keys taken lately, so that a value that comes again and again costs no look-up in the database. */
const RECENT_KEYS = 1024;

/** One reader's position, open rows and once-keys: in memory but for the keys, and as last committed in the state. */
export class ReaderRecord implements ReaderState {
  readonly #state: State;
  readonly #key: ReaderKey;
  readonly #recentKeys = new Recent<true>(RECENT_KEYS);
  readonly #open = new Map<number, OpenRow>();
  readonly #openByKey = new Map<string, number>();
  readonly #absent = new AbsentRows();
  /** Row ids whose stored part changed since the last commit. */
  readonly #unsavedRows = new Set<number>();
  #id = 0;
  #scope = 0;
  #isNew = true;
  #position: Position | undefined;
  #everCaughtUp = false;
  #unsaved = false;

  constructor(state: State, key: ReaderKey) {
    this.#state = state;
    this.#key = key;
  }

  /** Only after load. */
  get id(): number {
    return this.#id;
  }

  /** Whether load found nothing of an earlier run. */
  get isNew(): boolean {
    return this.#isNew;
  }

  get everCaughtUp(): boolean {
    return this.#everCaughtUp;
  }

  get position(): Position | undefined {
    return this.#position;
  }

  get open(): ReadonlyMap<number, OpenRow> {
    return this.#open;
  }

  openByKey(key: string): OpenRow | undefined {
    const rowId = this.#openByKey.get(key);
    return rowId === undefined ? undefined : this.#open.get(rowId);
  }

  get absent(): ReadonlyMap<number, readonly OpenRow[]> {
    return this.#absent.rows;
  }

  absentByKey(key: string): OpenRow | undefined {
    return this.#absent.byKey(key);
  }

  seen(key: string): boolean {
    if (this.#recentKeys.get(key) === true) return true;
    try {
      if (this.#state.sql.findKey.get(this.#scope, key) === undefined) return false;
    } catch (error) {
      // The reader must not take this for a fault of its source, whatever it makes of the exception.
      this.#state.fail(error);
      throw error;
    }
    this.#recentKeys.set(key, true);
    return true;
  }

  digest(text: string): string {
    return this.#state.digest(text);
  }

  load(): void {
    const { pipeline, receiver, sink, reader, keyScope } = this.#key;
    const { sql } = this.#state;
    this.#clear();
    const found = sql.findReader.get(pipeline, receiver, sink, reader);
    this.#isNew = found === undefined;
    this.#id = found?.id ?? Number(sql.addReader.run(pipeline, receiver, sink, reader).lastInsertRowid);
    this.#position = parsePosition(found?.position);
    this.#everCaughtUp = found?.caught_up === 1;
    this.#scope =
      sql.findScope.get(pipeline, receiver, sink, keyScope) ??
      Number(sql.addScope.run(pipeline, receiver, sink, keyScope).lastInsertRowid);
    for (const row of sql.openRows.iterate(this.#id)) this.#addOpen(openRowOf(row));
    for (const row of sql.absentRows.iterate(this.#id)) this.#absent.add({ ...openRowOf(row), absent: true });
    this.#absent.saved();
  }

  /** Forgets all, once-keys of the scope included, in memory and in the state: the reader starts anew. Runs in load's transaction. */
  reset(): void {
    const { sql } = this.#state;
    sql.saveReader.run(null, 0, this.#id);
    sql.dropOpenRows.run(this.#id);
    sql.dropAbsentRows.run(this.#id);
    sql.dropKeys.run(this.#scope);
    this.#clear();
  }

  /** Takes over what a page says. Its once-keys go into the pending transaction, everything else waits for `write`. */
  apply(page: Page): void {
    this.#position = page.position;
    this.#unsaved = true;
    for (const rowId of page.closed) this.#close(rowId);
    for (const row of page.opened) {
      const before = this.#open.get(row.rowId);
      if (before !== undefined) this.#removeKey(before);
      this.#addOpen(row);
      if (before === undefined || !storedEqually(before, row)) this.#unsavedRows.add(row.rowId);
    }
    for (const row of page.recalled ?? []) this.#absent.remove(row);
    for (const row of page.absent ?? []) this.#absent.add(row);
    if (page.keys.length === 0) return;
    this.#state.takeKeys(this.#scope, page.keys);
    for (const key of page.keys) this.#recentKeys.set(key, true);
  }

  markCaughtUp(): void {
    if (this.#everCaughtUp) return;
    this.#everCaughtUp = true;
    this.#unsaved = true;
  }

  /** Runs in the transaction that is about to be committed. */
  write(): void {
    if (!this.#unsaved) return;
    const { sql } = this.#state;
    const position = this.#position === undefined ? null : JSON.stringify(this.#position);
    sql.saveReader.run(position, this.#everCaughtUp ? 1 : 0, this.#id);
    for (const rowId of this.#unsavedRows) {
      const row = this.#open.get(rowId);
      if (row === undefined) sql.dropOpenRow.run(this.#id, rowId);
      else {
        const bases = row.bases === undefined ? null : JSON.stringify(row.bases);
        sql.saveOpenRow.run(this.#id, rowId, row.identity, row.key ?? null, row.firstSeenMs, bases);
      }
    }
    this.#unsavedRows.clear();
    this.#absent.write(sql, this.#id);
    this.#unsaved = false;
  }

  #addOpen(row: OpenRow): void {
    this.#open.set(row.rowId, row);
    if (row.key !== undefined) this.#openByKey.set(row.key, row.rowId);
  }

  #close(rowId: number): void {
    const row = this.#open.get(rowId);
    if (row === undefined) return;
    this.#removeKey(row);
    this.#open.delete(rowId);
    this.#unsavedRows.add(rowId);
  }

  /** A key moves to another row id when its row is replaced: only the holder gives it up. */
  #removeKey({ key, rowId }: OpenRow): void {
    if (key !== undefined && this.#openByKey.get(key) === rowId) this.#openByKey.delete(key);
  }

  #clear(): void {
    this.#recentKeys.clear();
    this.#open.clear();
    this.#openByKey.clear();
    this.#absent.clear();
    this.#unsavedRows.clear();
    this.#unsaved = false;
    this.#position = undefined;
    this.#everCaughtUp = false;
  }
}

function openRowOf(row: OpenRowRecord): OpenRow {
  return {
    rowId: row.row_id,
    identity: row.identity,
    firstSeenMs: row.first_seen_ms,
    ...(row.key !== null && { key: row.key }),
    ...(row.bases !== null && { bases: parseBases(row.bases) }),
  };
}

function storedEqually(a: OpenRow, b: OpenRow): boolean {
  return (
    a.identity === b.identity &&
    a.key === b.key &&
    a.firstSeenMs === b.firstSeenMs &&
    (a.bases === b.bases || JSON.stringify(a.bases) === JSON.stringify(b.bases))
  );
}

// What we wrote ourselves, into a file that is private to us: its form is not checked again.

function parsePosition(json: string | null | undefined): Position | undefined {
  return json === null || json === undefined ? undefined : (JSON.parse(json) as Position);
}

function parseBases(json: string): Readonly<Record<string, number>> {
  return JSON.parse(json) as Readonly<Record<string, number>>;
}

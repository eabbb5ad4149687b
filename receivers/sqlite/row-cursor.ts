import type { Statement } from 'better-sqlite3';
import type { Position, SourceChange } from '../../src/component.ts';
import { SourceError } from '../../src/errors.ts';
import { type Anchor, distances, ordered, RECENT_ANCHORS, thinned, withLost } from './anchors.ts';
import type { Row, SqlValue } from './row-values.ts';
import { changeOf, rowsInDoubt, whatIsLeft, whatIsMissing } from './source-changes.ts';
import { type Compiler, quoteIdentifier, quoteText } from './sql.ts';

/** Per page of a long read: anchors are for what the cursor rests on, and the last page brings them all. */
const ANCHORS_PER_PAGE = 4;
/** Of a digest, in characters of six bits: enough to tell the rows of one table apart. */
const DIGEST_LENGTH = 11;
/** How far above the cursor a replaced row is looked for. */
const REPLACED_LOOKAHEAD = 4096;

export interface CursorPosition {
  /** The highest row id passed; rows are read in the order of their ids. */
  readonly cursor: number;
  /** Ascending by row id. */
  readonly anchors: readonly Anchor[];
  /** Of rows that were passed and are not in the table as it is now, those lost last at the end. */
  readonly former?: readonly Anchor[];
  /** The highest row id ever passed, where that is above the cursor. */
  readonly passed?: number;
}

/** Where to go on, and what happened to the table if it is not the one that was passed. */
export interface Verified {
  readonly position: CursorPosition;
  readonly changes: readonly SourceChange[];
}

/** A table as the cursor sees it. */
export interface CursorTable {
  readonly name: string;
  readonly rowId: string;
  readonly autoincrement: boolean;
  /** Whether VACUUM leaves the row ids alone. */
  readonly stableIds: boolean;
  /** SQL of the columns that are never updated; empty: only the order of the row ids is trusted. */
  readonly identity: readonly string[];
  /** SQL of the once-key. */
  readonly key: string | undefined;
  readonly parameters: Readonly<Record<string, string | number>>;
}

export function positionOf(stored: Position | undefined): CursorPosition | undefined {
  if (stored === undefined) return undefined;
  const { cursor, anchors, former, passed } = stored as Partial<CursorPosition>;
  if (typeof cursor !== 'number' || !Array.isArray(anchors)) return undefined;
  return {
    cursor,
    anchors,
    ...(former === undefined ? {} : { former }),
    ...(passed === undefined ? {} : { passed }),
  };
}

interface Comparison {
  readonly there: readonly Anchor[];
  readonly lost: readonly Anchor[];
  readonly others: number;
}

/**
 * A cursor over row ids that notices when the table under it is no longer the one it passed. SQLite has one writer, so the
 * order of generated ids is the order of commits; which rows they were is told by fingerprints of identity columns.
 */
export class RowCursor {
  readonly #table: CursorTable;
  readonly #digest: (text: string) => string;
  readonly #max: Statement;
  readonly #first: Statement;
  readonly #passed: Statement;
  readonly #byId: Statement;
  readonly #above: Statement | undefined;
  readonly #sequence: Statement | undefined;
  /** Pages have left fewer anchors than there should be. */
  #sparse = false;

  constructor(database: Compiler, table: CursorTable, digest: (text: string) => string) {
    this.#table = table;
    this.#digest = digest;
    const name = quoteIdentifier(table.name);
    const id = table.rowId;
    const columns = [id, table.key ?? 'NULL', ...table.identity].join(', ');
    this.#max = database.prepare(`SELECT max(${id}) FROM ${name}`).pluck();
    this.#first = database.prepare(`SELECT min(${id}) FROM ${name} WHERE ${id} > :after`).pluck();
    this.#passed = database
      .prepare(
        `SELECT ${columns} FROM ${name} WHERE ${id} > :after AND ${id} <= :upto ORDER BY ${id} DESC LIMIT :limit`,
      )
      .raw();
    this.#byId = database.prepare(`SELECT ${columns} FROM ${name} WHERE ${id} = :upto`).raw();
    if (table.key !== undefined) {
      this.#above = database
        .prepare(`SELECT ${table.key} FROM ${name} WHERE ${id} > :after ORDER BY ${id} LIMIT :limit`)
        .pluck();
    }
    if (table.autoincrement) {
      this.#sequence = database
        .prepare(`SELECT seq FROM sqlite_sequence WHERE name = ${quoteText(table.name)}`)
        .pluck();
    }
  }

  /** The highest row id, or undefined for an empty table. */
  max(): number | undefined {
    return rowIdOf(this.#max.get() as SqlValue);
  }

  /** The lowest row id above `after`. */
  next(after: number): number | undefined {
    return rowIdOf(this.#first.get({ after }) as SqlValue);
  }

  /** Where a first read begins: before the first row, or behind the last. */
  start(at: 'beginning' | 'end'): CursorPosition {
    if (at === 'end') return this.advance({ cursor: 0, anchors: [] }, this.max() ?? 0, true);
    return { cursor: Math.min(0, (this.next(-Number.MAX_SAFE_INTEGER) ?? 1) - 1), anchors: [] };
  }

  /** The position after the rows up to `upto`; `complete` takes all anchors, else just enough for one page. */
  advance(position: CursorPosition, upto: number, complete: boolean): CursorPosition {
    const limit = complete ? RECENT_ANCHORS : ANCHORS_PER_PAGE;
    const anchors = this.#anchorsIn(position.cursor, upto, limit);
    const many = anchors.length === limit;
    const older = complete && (many || this.#sparse) ? this.#olderAnchors(upto) : [];
    this.#sparse = !complete;
    const known = older.length === 0 ? position.anchors : ordered([...position.anchors, ...older, ...anchors]);
    return this.#at(upto, thinned(older.length === 0 ? [...known, ...anchors] : known), position);
  }

  /** Of the last `limit` rows in a range of row ids. */
  #anchorsIn(after: number, upto: number, limit: number): Anchor[] {
    const rows = this.#passed.all({ ...this.#table.parameters, after, upto, limit }) as Row[];
    return rows.reverse().map((row): Anchor => [rowIdOf(row[0]!)!, this.#fingerprint(row), this.#key(row[1]!)]);
  }

  /** Of some rows below the recent ones, which the pages of a long read left without. */
  #olderAnchors(upto: number): Anchor[] {
    const first = (this.next(-Number.MAX_SAFE_INTEGER) ?? upto) - 1;
    const anchors: Anchor[] = [];
    for (const distance of distances()) {
      if (upto - distance <= first) break;
      if (upto - distance >= (anchors.at(-1)?.[0] ?? Infinity)) continue;
      anchors.push(...this.#anchorsIn(first, upto - distance, 1));
    }
    return anchors.reverse();
  }

  /**
   * The position to go on from, and what happened if the table is not the one that was passed. `elsewhere`: the file may be
   * another one than at the last call; `otherFile`: it is.
   */
  verify(position: CursorPosition, { elsewhere = false, otherFile = false } = {}): Verified {
    const anchors = this.#unreplaced(position);
    const kept = anchors.length === position.anchors.length ? position : { ...position, anchors };
    const top = anchors.at(-1);
    const shorter = this.#table.identity.length === 0 && (this.max() ?? 0) < position.cursor;
    if (top === undefined || shorter || !this.#isThere(top)) return this.#changed(kept, otherFile);
    const back = this.#compare(formerAbove(kept)).there;
    if (back.length > 0) return this.#returned(kept, { there: anchors, lost: [] }, back);
    return { position: kept, changes: elsewhere ? this.#unknown(kept) : [] };
  }

  /** The highest anchor is not there, or another row. */
  #changed(position: CursorPosition, otherFile: boolean): Verified {
    const { cursor, anchors } = position;
    const found = this.#compare(anchors);
    const back = this.#compare(position.former ?? []).there;
    const backTop = highest(back);
    const sequence = this.#sequence?.get();
    const sequenceKept = typeof sequence === 'number' && sequence >= cursor;
    const max = this.max();
    // Ids of AUTOINCREMENT are never used again. The anchors stay: another row under an id of theirs would tell.
    if (found.others === 0 && sequenceKept && backTop <= cursor) return { position, changes: [] };
    if (back.length > 0 && backTop > highest(found.there)) return this.#returned(position, found, back);
    const from = this.#losing(position, found.lost);
    // Rows above the cursor alone are new ones, whatever became of those before.
    const below = this.next(-Number.MAX_SAFE_INTEGER) ?? Infinity;
    if (found.there.length === 0 && anchors.length > 0 && below <= cursor) return this.#newSource(from, max ?? 0);
    if (found.others === 0 && (max ?? 0) >= cursor) return { position, changes: [] };
    const known = found.there.at(-1)?.[0] ?? Math.min(cursor, max ?? 0);
    const upto = this.#table.identity.length === 0 ? Math.min(cursor, max ?? 0) : known;
    const next = this.#reread(this.#at(upto, found.there, from));
    // AUTOINCREMENT would have kept the ids from being used again.
    const reason = found.others > 0 || otherFile || this.#table.autoincrement ? 'older_copy' : 'rows_deleted';
    return {
      position: next,
      changes: this.#tell(reason, whatIsLeft(reason, found.others, upto), next, from, max ?? 0),
    };
  }

  /** Rows that were passed before the table lost them are there again: what lies below them was passed too. */
  #returned(position: CursorPosition, found: Pick<Comparison, 'there' | 'lost'>, back: readonly Anchor[]): Verified {
    const anchors = thinned(ordered([...found.there, ...back]));
    const former = (position.former ?? []).filter((anchor) => !back.includes(anchor));
    const from = this.#losing({ ...position, former }, found.lost);
    const next = this.#at(highest(back), anchors, from);
    const what = `rows that were read before are back, up to row id ${next.cursor}`;
    return { position: next, changes: this.#tell('rows_returned', what, next, from, this.max() ?? 0) };
  }

  #newSource(from: CursorPosition, max: number): Verified {
    const start = this.start('beginning');
    const next = this.#at(start.cursor, start.anchors, from);
    const what = whatIsMissing(this.#table.stableIds);
    return { position: next, changes: this.#tell('new_source', what, next, from, max) };
  }

  /** A copy that ends where no row is remembered cannot be told from new rows that were added there. */
  #unknown(position: CursorPosition): SourceChange[] {
    const above = formerAbove(position).map(([rowId]) => rowId);
    const upto = Math.min(this.max() ?? 0, position.passed ?? 0, ...above.map((rowId) => rowId - 1));
    return upto <= position.cursor || above.length === 0 ? [] : [rowsInDoubt(this.#table.name, upto - position.cursor)];
  }

  #tell(reason: string, what: string, next: CursorPosition, from: CursorPosition, max: number): SourceChange[] {
    const gap = Math.min(max, from.passed ?? from.cursor) - next.cursor;
    return changeOf(this.#table.name, reason, what, next.cursor, this.#table.key === undefined ? gap : undefined);
  }

  /** The position at `cursor`, with what `from` remembers of rows that the table has lost. */
  #at(cursor: number, anchors: readonly Anchor[], from: CursorPosition): CursorPosition {
    const passed = Math.max(from.passed ?? from.cursor, from.cursor);
    const former = from.former ?? [];
    return {
      cursor,
      anchors,
      ...(former.length === 0 ? {} : { former }),
      ...(passed <= cursor || this.#table.key !== undefined ? {} : { passed }),
    };
  }

  #losing(position: CursorPosition, lost: readonly Anchor[]): CursorPosition {
    // With a key, what was counted is known by that.
    if (this.#table.key !== undefined) return position;
    return { ...position, former: withLost(position.former ?? [], lost, position.anchors) };
  }

  /** With a key, everything is read again: what was counted is known by its key. */
  #reread(position: CursorPosition): CursorPosition {
    return this.#table.key === undefined ? position : this.start('beginning');
  }

  /** Without the highest anchors whose rows were replaced: their keys stand above the cursor. */
  #unreplaced({ anchors, cursor }: CursorPosition): readonly Anchor[] {
    let count = anchors.length;
    for (let top = anchors.at(-1); top !== undefined; top = anchors[count - 1]) {
      if (this.#fingerprintAt(top[0]) !== undefined || !this.#replacedAbove(top[2], cursor)) break;
      count -= 1;
    }
    return count === anchors.length ? anchors : anchors.slice(0, count);
  }

  /** The anchors that are still the rows they were, the rest, and how many ids of those hold other rows. */
  #compare(anchors: readonly Anchor[]): Comparison {
    const there: Anchor[] = [];
    const lost: Anchor[] = [];
    let others = 0;
    for (const anchor of anchors) {
      const fingerprint = this.#fingerprintAt(anchor[0]);
      if (fingerprint === anchor[1]) there.push(anchor);
      else lost.push(anchor);
      if (fingerprint !== undefined && fingerprint !== anchor[1]) others += 1;
    }
    return { there, lost, others };
  }

  #isThere([rowId, fingerprint]: Anchor): boolean {
    return this.#fingerprintAt(rowId) === fingerprint;
  }

  #replacedAbove(key: string, cursor: number): boolean {
    if (this.#above === undefined || key === '') return false;
    const keys = this.#above.all({ ...this.#table.parameters, after: cursor, limit: REPLACED_LOOKAHEAD }) as SqlValue[];
    return keys.some((value) => this.#key(value) === key);
  }

  #fingerprintAt(rowId: number): string | undefined {
    const row = this.#byId.get({ ...this.#table.parameters, upto: rowId }) as Row | undefined;
    return row === undefined ? undefined : this.#fingerprint(row);
  }

  #fingerprint(row: Row): string {
    return this.#table.identity.length === 0 ? '' : this.#digest(identityText(row, 2)).slice(0, DIGEST_LENGTH);
  }

  #key(value: SqlValue): string {
    return this.#table.key === undefined || value === null ? '' : this.#digest(keyText(value)).slice(0, DIGEST_LENGTH);
  }
}

/** The identity columns of a row, from `from` on, as one text. */
export function identityText(row: Row, from: number): string {
  return JSON.stringify(row.slice(from).map((value) => (Buffer.isBuffer(value) ? value.toString('base64') : value)));
}

/** 5 and '5' are two keys, as they are two values to SQLite. */
export function keyText(value: Exclude<SqlValue, null>): string {
  return Buffer.isBuffer(value) ? `blob ${value.toString('base64')}` : `${typeof value} ${value}`;
}

function rowIdOf(value: SqlValue): number | undefined {
  if (value === null) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new SourceError('row_id_too_large', 'a row id is above 2^53 - 1, which is not supported');
}

function formerAbove({ former = [], cursor }: CursorPosition): Anchor[] {
  return former.filter(([rowId]) => rowId > cursor);
}

function highest(anchors: readonly Anchor[]): number {
  return anchors.reduce((top, [rowId]) => Math.max(top, rowId), -Infinity);
}

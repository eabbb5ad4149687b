import type { Statement } from 'better-sqlite3';
import type { Position, SourceChange } from '../../src/component.ts';
import { SourceError } from '../../src/errors.ts';
import type { Row, SqlValue } from './fold.ts';
import { type Compiler, quoteIdentifier, quoteText } from './sql.ts';

/** Anchors of the rows passed last; of those before, exponentially thinned. */
const RECENT_ANCHORS = 256;
const OLD_ANCHORS = 64;
const THINNING = 1.25;
/** Per page of a long read: anchors are for what the cursor rests on, and the last page brings them all. */
const ANCHORS_PER_PAGE = 4;
/** Of a digest, in characters of six bits: enough to tell the rows of one table apart. */
const DIGEST_LENGTH = 11;
/** How far above the cursor a replaced row is looked for. */
const REPLACED_LOOKAHEAD = 4096;

/** A row that the cursor passed: row id, fingerprint of its identity, digest of its key ('' where there is none). */
export type Anchor = readonly [rowId: number, fingerprint: string, key: string];

export interface CursorPosition {
  /** The highest row id passed; rows are read in the order of their ids. */
  readonly cursor: number;
  /** Ascending by row id. */
  readonly anchors: readonly Anchor[];
}

/** A table as the cursor sees it. */
export interface CursorTable {
  readonly name: string;
  readonly rowId: string;
  readonly autoincrement: boolean;
  /** SQL of the columns that are never updated; empty: only the order of the row ids is trusted. */
  readonly identity: readonly string[];
  /** SQL of the once-key. */
  readonly key: string | undefined;
  readonly parameters: Readonly<Record<string, string | number>>;
}

export function positionOf(stored: Position | undefined): CursorPosition | undefined {
  if (stored === undefined) return undefined;
  const { cursor, anchors } = stored as Partial<CursorPosition>;
  return typeof cursor === 'number' && Array.isArray(anchors) ? { cursor, anchors } : undefined;
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
    const rows = this.#passed.all({ ...this.#table.parameters, after: position.cursor, upto, limit }) as Row[];
    if (rows.length === 0) return { cursor: upto, anchors: position.anchors };
    const anchors = rows
      .reverse()
      .map((row): Anchor => [rowIdOf(row[0]!)!, this.#fingerprint(row), this.#key(row[1]!)]);
    return { cursor: upto, anchors: thinned([...position.anchors, ...anchors]) };
  }

  /** The position to go on from, and what happened if the table is not the one that was passed. */
  verify(position: CursorPosition): { position: CursorPosition; change?: SourceChange } {
    const anchors = [...position.anchors];
    let top = anchors.at(-1);
    while (top !== undefined) {
      const fingerprint = this.#fingerprintAt(top[0]);
      if (fingerprint === top[1]) {
        if (this.#table.identity.length === 0 && (this.max() ?? 0) < position.cursor) break;
        return anchors.length === position.anchors.length ? { position } : { position: { ...position, anchors } };
      }
      if (fingerprint !== undefined) return this.#renumbered(position, anchors);
      if (!this.#replacedAbove(top[2], position.cursor)) return this.#deleted(position, anchors);
      anchors.pop();
      top = anchors.at(-1);
    }
    return this.#deleted(position, anchors);
  }

  /** The highest anchor is there, but another row: an older copy, or all ids are others. */
  #renumbered(
    position: CursorPosition,
    anchors: readonly Anchor[],
  ): { position: CursorPosition; change: SourceChange } {
    const equal = this.#compare(anchors).equal;
    const last = equal.at(-1);
    if (last === undefined) return this.#newSource();
    const gap = position.cursor - last[0];
    return {
      position: this.#reread({ cursor: last[0], anchors: equal }),
      change: {
        reason: 'older_copy',
        message: `table ${this.#table.name}: the rows above row id ${last[0]} are others than before; reading on from there${this.#doubt(gap)}`,
      },
    };
  }

  /** The highest anchor is gone: rows were deleted at the end, or all of them. */
  #deleted(position: CursorPosition, anchors: readonly Anchor[]): { position: CursorPosition; change?: SourceChange } {
    const { equal, different } = this.#compare(anchors);
    if (different > 0) return this.#renumbered(position, anchors);
    const sequence = this.#sequence?.get();
    if (typeof sequence === 'number' && sequence >= position.cursor) {
      // Ids of AUTOINCREMENT are never used again.
      return { position: { cursor: position.cursor, anchors: equal } };
    }
    const max = this.max();
    // Rows above the cursor alone are new ones, whatever became of those before.
    const below = this.next(-Number.MAX_SAFE_INTEGER) ?? Infinity;
    if (equal.length === 0 && anchors.length > 0 && below <= position.cursor) return this.#newSource();
    const cursor = Math.min(position.cursor, max ?? 0);
    if (cursor === position.cursor) return { position: { cursor, anchors: equal } };
    return {
      position: this.#reread({ cursor, anchors: equal }),
      change: {
        reason: 'rows_deleted',
        message: `table ${this.#table.name}: the newest rows were deleted and their ids will be used again; reading on from row id ${cursor}`,
      },
    };
  }

  #newSource(): { position: CursorPosition; change: SourceChange } {
    return {
      position: this.start('beginning'),
      change: {
        reason: 'new_source',
        message: `table ${this.#table.name}: none of the rows read before is there; reading it from the start, totals go on`,
      },
    };
  }

  /** With a key, everything is read again: what was counted is known by its key. */
  #reread(position: CursorPosition): CursorPosition {
    return this.#table.key === undefined ? position : this.start('beginning');
  }

  #doubt(gap: number): string {
    return this.#table.key === undefined
      ? `; up to ${gap} rows may be counted a second time (a key would prevent it)`
      : '; rows that were counted are known by their key';
  }

  /** The anchors that are still the rows they were, and how many ids hold other rows. */
  #compare(anchors: readonly Anchor[]): { equal: Anchor[]; different: number } {
    const equal: Anchor[] = [];
    let different = 0;
    for (const anchor of anchors) {
      const fingerprint = this.#fingerprintAt(anchor[0]);
      if (fingerprint === anchor[1]) equal.push(anchor);
      else if (fingerprint !== undefined) different += 1;
    }
    return { equal, different };
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

/** All recent anchors, and of the older ones those whose distance to the newest grows exponentially; the oldest stays. */
function thinned(anchors: readonly Anchor[]): Anchor[] {
  if (anchors.length <= RECENT_ANCHORS) return [...anchors];
  const recent = anchors.slice(-RECENT_ANCHORS);
  const older = anchors.slice(0, -RECENT_ANCHORS);
  const newest = recent.at(-1)![0];
  const kept: Anchor[] = [];
  let distance = 0;
  for (const anchor of older.reverse()) {
    if (kept.length === OLD_ANCHORS - 1) break;
    if (newest - anchor[0] < distance * THINNING) continue;
    distance = newest - anchor[0];
    kept.push(anchor);
  }
  const oldest = older.at(-1)!;
  if (kept.at(-1) !== oldest) kept.push(oldest);
  return [...kept.reverse(), ...recent];
}

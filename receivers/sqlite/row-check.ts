import type { OpenRow, ReaderState, SourceChange } from '../../src/component.ts';
import { ALL, COMPLETE, SETTLED } from './fold.ts';
import { type Row, type Skips } from './row-values.ts';
import type { TablePlan } from './mapping.ts';
import { type Contributions, sameOpenRow } from './open-rows.ts';
import type { PageDraft } from './page-draft.ts';
import { type CursorPosition, identityText, keyText, type RowCursor } from './row-cursor.ts';
import type { RecordContext } from './records.ts';
import { openRowsBack, openRowsGone } from './source-changes.ts';
import {
  HAS_ELEMENT,
  IDENTITY,
  IS_COMPLETE,
  KEY,
  ROW_ID,
  STARTED_AT,
  type TableStatements,
} from './table-statements.ts';

/** Enough for the rows of one cycle: the newest, and a share of the others. Half a megabyte. */
const MOST_TEXTS = 2048;

export interface CompiledTable {
  readonly cursor: RowCursor;
  readonly statements: TableStatements;
  readonly contributions: Contributions;
}

/** A row to be looked at closely. */
export interface Candidate {
  readonly rowId: number;
  readonly key: string | undefined;
  /** What it was, open or absent, when it is looked at again; undefined: the cursor has just passed it. */
  readonly pending: OpenRow | undefined;
}

/** One page in the making. */
export interface Work {
  readonly state: ReaderState;
  readonly stored: CursorPosition | undefined;
  readonly draft: PageDraft;
  readonly skips: Skips;
  readonly changes: SourceChange[];
  readonly table: CompiledTable;
  /** The file's name. */
  readonly database: string;
  readonly nowMs: number;
  readonly seconds: (value: unknown) => number | null;
}

/** Looks closely at rows of one table: those that are not complete, and those that may have been seen before. */
export class RowCheck {
  readonly #plan: TablePlan;
  readonly #expires: (atMs: number) => void;
  /** What digests of identities and keys are of, as far as they were looked at lately. */
  readonly #texts = new Map<string, string>();

  /** `expires` hears when an open row will be too old, in epoch milliseconds. */
  constructor(plan: TablePlan, expires: (atMs: number) => void) {
    this.#plan = plan;
    this.#expires = expires;
  }

  /** Looks at rows that were not complete: settles them, or keeps them open as they are now. */
  look(work: Work, candidates: readonly Candidate[]): void {
    if (candidates.length === 0) return;
    const { table, draft, skips, nowMs } = work;
    const { statements } = table;
    const ids = JSON.stringify(candidates.map(({ rowId }) => rowId));
    const found = groupById(statements.check.all(parametersOf(work, { ids, abandoned: 0 })) as Row[]);
    const inserted: number[] = [];
    const completed: number[] = [];
    const abandoned: number[] = [];
    let gone = 0;
    let back = 0;
    for (const { rowId, key, pending } of candidates) {
      if (pending !== undefined && !draft.isPending(pending)) continue;
      const rows = found.get(rowId);
      const row = rows?.[0];
      if (rows === undefined || row === undefined || (pending !== undefined && !this.#isSame(work, row, pending))) {
        if (pending === undefined || pending.absent === true) continue;
        draft.miss(pending);
        gone += 1;
        continue;
      }
      const identity = pending?.identity ?? identityOf(work, row);
      const previous = pending ?? (key === undefined ? draft.pendingAt(rowId, identity) : draft.pendingByKey(key));
      const wasOpen = previous !== undefined && previous.absent !== true;
      if (previous !== undefined && !wasOpen) back += 1;
      // Read again, and another row than it was.
      if (previous === undefined && key === undefined && draft.mayBePending(rowId)) inserted.push(rowId);
      const displaced = draft.openRow(rowId);
      if (displaced !== undefined && displaced !== previous) {
        draft.miss(displaced);
        gone += 1;
      }
      const bases = statements.hasRunning ? statements.checkFold.addGrowth(row, previous?.bases, skips) : undefined;
      const firstSeenMs = previous?.firstSeenMs ?? nowMs;
      const startedMs = (work.seconds(row[STARTED_AT]) ?? Infinity) * 1000;
      const expiresAtMs = (startedMs <= nowMs ? startedMs : firstSeenMs) + this.#plan.openTimeoutMs;
      const complete = row[IS_COMPLETE] === 1;
      if (complete || nowMs >= expiresAtMs) {
        (complete ? completed : abandoned).push(rowId);
        if (previous !== undefined) draft.close(previous);
        if (key !== undefined) draft.take(key);
        continue;
      }
      this.#expires(expiresAtMs);
      const same = wasOpen && previous.rowId === rowId;
      const elements = rows.filter((element) => element[HAS_ELEMENT] === 1);
      if (!statements.announceFold.empty) {
        for (const element of elements) statements.announceFold.add(element, ALL, skips);
      }
      const contributions = table.contributions.of(elements, skips);
      const open: OpenRow = {
        rowId,
        identity,
        firstSeenMs,
        expiresAtMs,
        contributions,
        ...(key === undefined ? {} : { key }),
        ...(bases === undefined ? {} : { bases }),
      };
      if (same && sameOpenRow(previous, open)) continue;
      if (previous !== undefined && !same) draft.close(previous);
      draft.open(open);
    }
    this.settle(work, inserted, 0, ALL);
    this.settle(work, completed, 0, SETTLED | COMPLETE);
    this.settle(work, abandoned, 1, SETTLED);
    if (gone > 0) work.changes.push(openRowsGone(this.#plan.from, gone));
    if (back > 0) work.changes.push(openRowsBack(this.#plan.from, back));
  }

  /** Whether a row that is looked at again is the one that it was. */
  #isSame(work: Work, row: Row, { identity, key }: OpenRow): boolean {
    const { state, table } = work;
    const hasIdentity = table.statements.identityColumns > 0;
    if (hasIdentity ? !this.#isDigest(state, identity, identityIn(row, table.statements)) : identity !== '')
      return false;
    if (key === undefined) return true;
    const value = row[KEY] ?? null;
    return value !== null && this.#isDigest(state, key, keyText(value));
  }

  /** Whether this is the digest of a text: nearly always of the same as last time, which costs less to see than a digest. */
  #isDigest(state: ReaderState, digest: string, text: string): boolean {
    const known = this.#texts.get(digest) === text;
    if (!known && state.digest(text) !== digest) return false;
    // In the order of their use, so that the newest rows stay, which every cycle looks at.
    if (known) this.#texts.delete(digest);
    else if (this.#texts.size >= MOST_TEXTS) this.#texts.delete(this.#texts.keys().next().value ?? '');
    this.#texts.set(digest, text);
    return true;
  }

  /** Counts rows by id in the instruments of `mask`. */
  settle(work: Work, ids: readonly number[], abandoned: 0 | 1, mask: number): void {
    if (ids.length === 0) return;
    const { settle, settleFold, records } = work.table.statements;
    if (!settleFold.wants(mask) && records?.settle.wants(mask) !== true) return;
    for (const row of settle.all(parametersOf(work, { ids: JSON.stringify(ids), abandoned })) as Row[]) {
      settleFold.add(row, mask, work.skips);
      records?.settle.add(row, mask, contextOf(work));
    }
  }
}

function identityOf({ table: { statements }, state }: Work, row: Row): string {
  return statements.identityColumns === 0 ? '' : state.digest(identityIn(row, statements));
}

function identityIn(row: Row, { identityColumns }: TableStatements): string {
  return identityText(row.slice(0, IDENTITY + identityColumns), IDENTITY);
}

/** What the rows of a page are made into records with. */
export function contextOf({ state, seconds, nowMs, skips }: Work): RecordContext {
  return { digest: (text) => state.digest(text), seconds, nowMs, skips };
}

/** The parameters of a statement on the table. */
export function parametersOf(
  { nowMs, database }: Work,
  own: Readonly<Record<string, string | number>>,
): Record<string, string | number> {
  return { ...own, now: nowMs / 1000, database };
}

function groupById(rows: readonly Row[]): Map<number, Row[]> {
  const groups = new Map<number, Row[]>();
  for (const row of rows) {
    const rowId = row[ROW_ID] as number;
    const group = groups.get(rowId);
    if (group === undefined) groups.set(rowId, [row]);
    else group.push(row);
  }
  return groups;
}

import type { Database } from 'better-sqlite3';
import type {
  MetricDefinition,
  OpenRow,
  Page,
  Position,
  Reader,
  ReaderState,
  RecordDefinition,
} from '../../src/component.ts';
import { SourceError } from '../../src/errors.ts';
import { sizeOf, type Batch } from '../../src/pipeline/signals.ts';
import { ALL, COMPLETE, type Fold, SETTLED } from './fold.ts';
import { type Row, Skips } from './row-values.ts';
import { onlyMetrics, type TablePlan } from './mapping.ts';
import { Contributions } from './open-rows.ts';
import { PageDraft } from './page-draft.ts';
import { PageSize } from './page-size.ts';
import { type CursorPosition, keyText, positionOf, RowCursor } from './row-cursor.ts';
import { type Candidate, type CompiledTable, contextOf, parametersOf, RowCheck, type Work } from './row-check.ts';
import { Rotation } from './rotation.ts';
import type { Source } from './source.ts';
import { openRowsGone } from './source-changes.ts';
import { describeTable, noTable, type Table } from './table.ts';
import {
  compileTable,
  cursorTableOf,
  INVALID_ARRAY,
  IS_COMPLETE,
  KEY,
  ROW_ID,
  type TableStatements,
} from './table-statements.ts';

/** Rules that mention :now come due by themselves: open rows are looked at again after this time at the latest. */
const TIME_DRIVEN_INTERVAL_MS = 15_000;
/** Few enough to die young: a whole page of rows outlives the garbage collector's young generation, 30 MB of them at a time. */
const ROWS_AT_ONCE = 128;
/** Looking again at rows that were not complete is what a reader does most while agents are at work, and others wait. */
const LOOK_MS = 1;
const LOOKED_AT_ONCE = 16;

export interface ReaderOptions {
  readonly id: string;
  readonly source: Source;
  readonly now: () => number;
  readonly startAt: 'beginning' | 'end';
  readonly seconds: (value: unknown) => number | null;
}

/** A table compiled for one connection and schema. */
interface Compiled {
  readonly connection: number;
  readonly schemaVersion: unknown;
  /** undefined: the table is optional and absent. */
  readonly table: CompiledTable | undefined;
}

/** Row ids that the cursor has passed in this page, and what is still to be done about them. */
interface Passed {
  /** Of rows with an array: to be counted as inserted. */
  readonly inserted: number[];
  /** Of rows with an array: to be counted as complete. */
  readonly settled: number[];
  /** By their key, or their row id. */
  readonly candidates: Map<string | number, Candidate>;
}

/** Tails one table: rows by row id, then the open rows among them until they are complete or too old. */
export class TableReader implements Reader {
  readonly id: string;
  readonly keyScope: string;
  readonly table: NonNullable<Reader['table']>;
  readonly metrics: readonly MetricDefinition[];
  readonly records: readonly RecordDefinition[];
  readonly #plan: TablePlan;
  readonly #options: ReaderOptions;
  readonly #rotation: Rotation;
  readonly #rowCheck: RowCheck;
  readonly #pageSize = new PageSize();
  #compiled: Compiled | undefined;
  /** The position that the last page left; another one means that the page was not taken, or a restart. */
  #expected: Position | undefined;
  #generation = -1;
  /** The file that was read last. */
  #file: string | undefined;
  /** Absent rows to be looked for, because the file or its schema has changed. */
  #lookedFor: OpenRow[] = [];
  /** Caught up once since the last restart. */
  #reported = false;

  constructor(plan: TablePlan, options: ReaderOptions) {
    this.id = options.id;
    this.keyScope = options.id;
    this.table = { file: options.source.path, name: plan.from };
    this.metrics = plan.definitions;
    this.records = plan.records;
    this.#plan = plan;
    this.#options = options;
    this.#rotation = new Rotation(plan.timeDriven ? TIME_DRIVEN_INTERVAL_MS : Infinity);
    this.#rowCheck = new RowCheck(plan, (atMs) => {
      this.#rotation.expires(atMs);
    });
  }

  readonly divisible = {
    only: (metrics: ReadonlySet<string>): Reader => new TableReader(onlyMetrics(this.#plan, metrics), this.#options),
    samePlace: (a: Position, b: Position): boolean => positionOf(a)?.cursor === positionOf(b)?.cursor,
  };

  read(state: ReaderState): Page | undefined {
    const { source, now } = this.#options;
    const nowMs = now();
    const resumed = state.position === undefined || state.position !== this.#expected;
    if (resumed) {
      this.#reported = false;
      this.#rotation.restart();
    } else if (source.generation === this.#generation && this.#reported && this.#rotation.idleAt(source.generation)) {
      if (nowMs < this.#rotation.dueMs && this.#lookedFor.length === 0) return undefined;
    }
    try {
      return source.read((database) => this.#read(database, state, nowMs, resumed));
    } catch (error) {
      // A lock is met by the first statement, before anything was looked at: no reason to look at all open rows again.
      if (error instanceof SourceError && error.reason === 'busy') throw error;
      this.#expected = undefined;
      const statements = this.#compiled?.table?.statements;
      if (statements !== undefined) forget(statements);
      throw error;
    }
  }

  #read(database: Database, state: ReaderState, nowMs: number, resumed: boolean): Page | undefined {
    const { source, startAt } = this.#options;
    const stored = positionOf(state.position);
    const before = this.#compiled;
    const table = this.#compile(database, state);
    if (table === undefined) return this.#withoutTable(state, stored ?? { cursor: 0, anchors: [] });
    const work: Work = {
      state,
      stored,
      draft: new PageDraft(state),
      skips: new Skips(),
      changes: [],
      table,
      database: source.name,
      nowMs,
      seconds: this.#options.seconds,
    };
    let position = stored ?? table.cursor.start(startAt);
    if (resumed || source.generation !== this.#generation) {
      const elsewhere = resumed || this.#compiled !== before;
      const otherFile = this.#file !== undefined && this.#file !== source.file;
      const verified = table.cursor.verify(position, { elsewhere, otherFile });
      position = verified.position;
      work.changes.push(...verified.changes);
      this.#file = source.file;
      if (elsewhere || verified.changes.length > 0) this.#lookedFor = [...state.absent.values()].flat();
    }
    const generation = source.generation;
    const max = table.cursor.max() ?? 0;
    this.#generation = generation;
    if (position.cursor < max) {
      // New rows before open ones, so that a replaced row is followed by its key before it is missed.
      const [rows, advanced] = this.#readNew(work, position, max);
      const more = state.open.size > 0 || work.draft.opened.length > 0 || this.#lookedFor.length > 0;
      return this.#page(work, advanced, advanced.cursor === max && !more, rows, max - advanced.cursor);
    }
    this.#rotation.begin(generation, state.open, nowMs);
    const rows = this.#lookAgain(work);
    return this.#page(work, position, this.#hasLooked, rows, 0);
  }

  /** Whether this cycle has looked again at every row that it should. */
  get #hasLooked(): boolean {
    return this.#rotation.cycleDone && this.#lookedFor.length === 0;
  }

  /** Looks at rows that were not complete, or not there, as many as a page has time for. */
  #lookAgain(work: Work): number {
    const { state } = work;
    const untilMs = performance.now() + LOOK_MS;
    let rows = 0;
    while (!this.#hasLooked && performance.now() < untilMs) {
      const open = this.#rotation.cycleDone ? [] : this.#rotation.take(state.open, LOOKED_AT_ONCE);
      const pending = [
        ...open.flatMap((rowId) => state.open.get(rowId) ?? []),
        ...this.#lookedFor.splice(-LOOKED_AT_ONCE),
      ];
      const candidates = pending.map((row): Candidate => ({ rowId: row.rowId, key: row.key, pending: row }));
      this.#rowCheck.look(work, candidates);
      rows += candidates.length;
    }
    return rows;
  }

  #page(work: Work, position: CursorPosition, caughtUp: boolean, rows: number, remaining: number): Page | undefined {
    const { state, draft, skips, changes, table } = work;
    draft.giveUpAbsent();
    const batch = batchOf(table.statements, draft);
    const moved = position !== work.stored;
    if (!moved && draft.empty && sizeOf(batch) === 0 && changes.length === 0 && this.#reported && caughtUp)
      return undefined;
    // A new object, so that a page which is not taken is noticed.
    const next: Position = moved || !draft.empty ? { ...position } : state.position!;
    this.#expected = next;
    this.#reported ||= caughtUp;
    const skipped = skips.counts;
    return {
      batch,
      position: next,
      ...draft.openRows,
      keys: [...draft.keys],
      rows,
      remaining,
      caughtUp,
      ...(changes.length === 0 ? {} : { changes }),
      ...(skipped === undefined ? {} : { skipped }),
    };
  }

  /** An absent optional table is empty: nothing to read, and what was open in it is gone. */
  #withoutTable(state: ReaderState, position: CursorPosition): Page | undefined {
    this.#generation = this.#options.source.generation;
    const gone = state.open.size;
    if (this.#reported && gone === 0) return undefined;
    this.#reported = true;
    this.#rotation.begin(this.#generation, new Map(), this.#options.now());
    const draft = new PageDraft(state);
    for (const row of state.open.values()) draft.miss(row);
    draft.giveUpAbsent();
    this.#expected = gone > 0 || state.position === undefined ? { ...position } : state.position;
    return {
      batch: emptyBatch(this.#plan.signal, draft),
      position: this.#expected,
      ...draft.openRows,
      ...(gone === 0 ? {} : { changes: [openRowsGone(this.#plan.from, gone)] }),
      keys: [...draft.keys],
      rows: 0,
      remaining: 0,
      caughtUp: true,
    };
  }

  #readNew(work: Work, position: CursorPosition, max: number): [rows: number, position: CursorPosition] {
    const { statements, cursor } = work.table;
    const started = performance.now();
    const passed: Passed = { inserted: [], settled: [], candidates: new Map() };
    const first = cursor.next(position.cursor) ?? max;
    const last = Math.min(max, first - 1 + this.#pageSize.rows);
    let upto = first - 1;
    let rows = 0;
    do {
      const after = upto;
      upto = Math.min(after + ROWS_AT_ONCE, last);
      const found = statements.rows.all(parametersOf(work, { after, upto, abandoned: 0 })) as Row[];
      for (const row of found) this.#pass(work, row, passed);
      rows += found.length;
    } while (upto < last && !this.#pageSize.isOver(performance.now() - started, work.draft.keys.size));
    this.#rowCheck.settle(work, passed.inserted, 0, ALL);
    this.#rowCheck.settle(work, passed.settled, 0, SETTLED | COMPLETE);
    this.#rowCheck.look(work, [...passed.candidates.values()]);
    const advanced = cursor.advance(position, upto, upto === max);
    this.#pageSize.took(upto - first + 1, performance.now() - started);
    return [rows, advanced];
  }

  /** The cursor passes a row: what is complete counts, what is not is looked at more closely. */
  #pass(work: Work, row: Row, { inserted, settled, candidates }: Passed): void {
    const { table, state, draft, skips } = work;
    const { statements } = table;
    const perElement = this.#plan.each !== undefined;
    const rowId = row[ROW_ID] as number;
    let key: string | undefined;
    let previous: OpenRow | undefined;
    let known = false;
    if (this.#plan.key !== undefined) {
      const value = row[KEY] ?? null;
      if (value === null) {
        skips.count('null_key');
        return;
      }
      key = state.digest(keyText(value));
      if (draft.seen(key)) return;
      previous = draft.pendingByKey(key);
      known = candidates.delete(key) || previous !== undefined;
    } else if (draft.mayBePending(rowId)) {
      // Read again: whether it is the row that was seen before is told by its identity.
      candidates.set(rowId, { rowId, key, pending: undefined });
      return;
    }
    if (row[INVALID_ARRAY] === 1) skips.count('invalid_json');
    if (perElement && !known) inserted.push(rowId);
    if (row[IS_COMPLETE] === 1) {
      if (perElement) settled.push(rowId);
      else {
        const mask = known ? SETTLED | COMPLETE : SETTLED | COMPLETE | ALL;
        statements.fold.add(row, mask, skips);
        statements.records?.rows.add(row, mask, contextOf(work));
        if (statements.hasRunning) statements.fold.addGrowth(row, previous?.bases, skips);
      }
      if (previous !== undefined) draft.close(previous);
      if (key !== undefined) draft.take(key);
    } else {
      if (!perElement && !known) {
        statements.fold.add(row, ALL, skips);
        statements.records?.rows.add(row, ALL, contextOf(work));
      }
      candidates.set(key ?? rowId, { rowId, key, pending: undefined });
    }
  }

  #compile(database: Database, state: ReaderState): CompiledTable | undefined {
    const { source } = this.#options;
    const { connection } = source;
    const schemaVersion = database.pragma('schema_version', { simple: true });
    if (this.#compiled?.connection === connection && this.#compiled.schemaVersion === schemaVersion) {
      return this.#compiled.table;
    }
    this.#compiled = undefined;
    const table = describeTable(database, this.#plan.from);
    if (table === undefined && !this.#plan.optional) throw noTable(this.#plan.from);
    const compiled = table === undefined ? undefined : this.#compileTable(database, table, state);
    this.#compiled = { connection, schemaVersion, table: compiled };
    return compiled;
  }

  #compileTable(database: Database, table: Table, state: ReaderState): CompiledTable {
    const statements = compileTable(database, this.#plan, table);
    const cursorTable = cursorTableOf(this.#plan, table, statements.expand, this.#options.source.name);
    return {
      statements,
      cursor: new RowCursor(database, cursorTable, (text) => state.digest(text)),
      contributions: new Contributions(statements.openInstruments),
    };
  }
}

/** What the page brings; the folds are empty again afterwards. */
function batchOf(statements: TableStatements, draft: PageDraft): Batch {
  const { records } = statements;
  switch (records?.signal) {
    case 'traces':
      return { signal: 'traces', spans: [...records.rows.flush(), ...records.settle.flush()] };
    case 'logs':
      return { signal: 'logs', records: [...records.rows.flush(), ...records.settle.flush()] };
    case undefined:
      return {
        signal: 'metrics',
        metrics: [...foldsOf(statements).flatMap((fold) => fold.flush()), ...draft.openPoints],
      };
  }
}

/** Without a row that could be made into anything. */
function emptyBatch(signal: Batch['signal'], draft: PageDraft): Batch {
  if (signal === 'metrics') return { signal, metrics: draft.openPoints };
  return signal === 'traces' ? { signal, spans: [] } : { signal, records: [] };
}

/** What was made of rows of a page that is not to be. */
function forget(statements: TableStatements): void {
  for (const fold of foldsOf(statements)) fold.clear();
  statements.records?.rows.flush();
  statements.records?.settle.flush();
}

function foldsOf({ fold, checkFold, announceFold, settleFold }: TableStatements): Fold[] {
  return [fold, checkFold, announceFold, settleFold];
}

import type { Statement } from 'better-sqlite3';
import type { LogRecord, Metric, Span } from '../../src/pipeline/signals.ts';
import { Fold } from './fold.ts';
import { Columns } from './row-values.ts';
import type { Instrument, TablePlan } from './mapping.ts';
import type { CursorTable } from './row-cursor.ts';
import { Records } from './records.ts';
import { exactly, type Compiler, quoteIdentifier, substitute } from './sql.ts';
import type { Table } from './table.ts';

/** Row ids as a JSON array: one statement however many there are. */
const BY_IDS = 'IN (SELECT value FROM json_each(:ids))';

/** Where a statement's first columns are. */
export const ROW_ID = 0;
export const IS_COMPLETE = 1;
export const KEY = 2;
/** `rows` only: 1 when the array column of `each` holds no JSON. */
export const INVALID_ARRAY = 3;
/** `check` only. */
export const STARTED_AT = 3;
export const HAS_ELEMENT = 4;
export const IDENTITY = 5;

/** An up-down counter of open rows. */
export interface OpenInstrument {
  readonly metric: Metric;
  /** -1: one per row. */
  readonly valueColumn: number;
  readonly attributes: readonly (readonly [name: string, column: number])[];
}

/**
 * What is asked of one table, compiled for the columns that it has now:
 * - `rows`: the rows after the cursor that pass `where`, with everything that a complete row adds.
 * - `check`: open rows by id: are they complete, since when are they open, what do they add while they are.
 * - `settle`: rows by id with everything that a settled row adds; :abandoned tells which kind.
 */
export interface TableStatements {
  readonly rows: Statement;
  readonly fold: Fold;
  /** What rows of `rows` and `settle` are made into instead of points; absent in a pipeline of metrics. */
  readonly records?: TableRecords;
  readonly check: Statement;
  /** Running totals. */
  readonly checkFold: Fold;
  /** Zeros of counters that open rows will add to. */
  readonly announceFold: Fold;
  readonly identityColumns: number;
  readonly openInstruments: readonly OpenInstrument[];
  readonly settle: Statement;
  readonly settleFold: Fold;
  readonly hasRunning: boolean;
  /** Puts NULL in place of optional columns that are missing. */
  readonly expand: (sql: string) => string;
}

export type TableRecords =
  | { readonly signal: 'traces'; readonly rows: Records<Span>; readonly settle: Records<Span> }
  | { readonly signal: 'logs'; readonly rows: Records<LogRecord>; readonly settle: Records<LogRecord> };

/** Throws what SQLite throws for a column that is not there. */
export function compileTable(database: Compiler, plan: TablePlan, table: Table): TableStatements {
  const nulls = new Map(
    plan.optionalColumns
      .filter((name) => !table.columns.has(name.toLowerCase()))
      .map((name) => [name.toLowerCase(), 'NULL']),
  );
  const expand = (sql: string): string => substitute(sql, nulls);
  const from = quoteIdentifier(table.name);
  const id = table.rowId;
  const complete = plan.completeWhen === undefined ? '1' : `CASE WHEN ${expand(plan.completeWhen)} THEN 1 ELSE 0 END`;
  const key = plan.key === undefined ? 'NULL' : exactly(expand(plan.key));
  const where = plan.where === undefined ? '' : ` AND (${expand(plan.where)})`;
  const array = plan.each === undefined ? undefined : quoteIdentifier(plan.each);

  const settled = plan.instruments.filter(({ of }) => of !== 'open');
  const running = plan.instruments.filter(({ of, metric }) => of === 'open' && metric.type === 'counter');
  const open = plan.instruments.filter(({ of, metric }) => of === 'open' && metric.type !== 'counter');
  const together = settled.filter(({ values }) => values.length > 0);

  const columns = new Columns();
  for (const sql of [id, complete, key]) columns.reserve(sql);
  columns.reserve(array === undefined ? '0' : `${array} IS NOT NULL AND NOT json_valid(${array})`);
  const fold = new Fold(array === undefined ? [...settled, ...running] : [], columns, expand);
  const all = new Columns();
  all.reserve(array === undefined ? id : ROW_ID_OF_EACH);
  const settleFold = new Fold(settled, all, expand);
  const records = recordsOf(plan, array === undefined ? columns : new Columns(), all, expand);
  // NOT INDEXED leaves the row ids: an index on a column of `where` would be read, and sorted, as a whole for every page.
  const rows = `SELECT ${columns.sql} FROM ${from} NOT INDEXED WHERE ${id} > :after AND ${id} <= :upto${where} ORDER BY ${id}`;

  const checked = new Columns();
  for (const sql of [array === undefined ? id : ROW_ID_OF_EACH, complete, key]) checked.reserve(sql);
  checked.reserve(plan.startedAt === undefined ? 'NULL' : expand(plan.startedAt));
  checked.reserve(array === undefined ? '1' : HAS_EACH);
  for (const name of plan.identity) checked.reserve(exactly(expand(quoteIdentifier(name))));
  const checkFold = new Fold(running, checked, expand);
  const announceFold = new Fold(together, checked, expand, true);
  const openInstruments = open.map((instrument) => openInstrument(instrument, checked, expand));

  return {
    rows: database.prepare(rows).raw(),
    fold,
    ...(records === undefined ? {} : { records }),
    check: database.prepare(byIds(checked.sql, from, id, array, 'LEFT JOIN')).raw(),
    checkFold,
    announceFold,
    identityColumns: plan.identity.length,
    openInstruments,
    settle: database.prepare(byIds(all.sql, from, id, array, 'JOIN')).raw(),
    settleFold,
    hasRunning: running.length > 0,
    expand,
  };
}

/** Rows with an array are settled by element, and never when they are passed. */
function recordsOf(
  { signal, emissions }: TablePlan,
  columns: Columns,
  all: Columns,
  expand: (sql: string) => string,
): TableRecords | undefined {
  switch (signal) {
    case 'metrics':
      return undefined;
    case 'traces': {
      const rows = Records.ofSpans(emissions, columns, expand);
      return { signal, rows, settle: Records.ofSpans(emissions, all, expand) };
    }
    case 'logs': {
      const rows = Records.ofLogs(emissions, columns, expand);
      return { signal, rows, settle: Records.ofLogs(emissions, all, expand) };
    }
  }
}

/** The table as a cursor sees it; `database` is the file's name. */
export function cursorTableOf(
  plan: TablePlan,
  table: Table,
  expand: (sql: string) => string,
  database: string,
): CursorTable {
  return {
    name: table.name,
    rowId: table.rowId,
    autoincrement: table.autoincrement,
    stableIds: table.stableIds,
    identity: plan.identity.map((name) => exactly(expand(quoteIdentifier(name)))),
    key: plan.key === undefined ? undefined : exactly(expand(plan.key)),
    parameters: { database },
  };
}

const ROW_ID_OF_EACH = 'agentcol_row_id';
const HAS_EACH = 'agentcol_has_element';

/** With an array column, one row per element, as `each`; a sub-query keeps the columns of json_each out of sight. */
function byIds(
  columns: string,
  from: string,
  id: string,
  array: string | undefined,
  join: 'JOIN' | 'LEFT JOIN',
): string {
  if (array === undefined) return `SELECT ${columns} FROM ${from} WHERE ${id} ${BY_IDS}`;
  const elements = `json_each(CASE WHEN json_valid(t.${array}) THEN CASE json_type(t.${array}) WHEN 'array' THEN t.${array} END END)`;
  return `SELECT ${columns} FROM (SELECT t.*, t.${id} AS ${ROW_ID_OF_EACH}, e.key IS NOT NULL AS ${HAS_EACH}, e.value AS each
    FROM ${from} AS t ${join} ${elements} AS e WHERE t.${id} ${BY_IDS})`;
}

function openInstrument(instrument: Instrument, columns: Columns, expand: (sql: string) => string): OpenInstrument {
  return {
    metric: instrument.metric,
    valueColumn: instrument.value === undefined ? -1 : columns.add(expand(instrument.value)),
    attributes: instrument.attributes.map(([name, sql]) => [name, columns.add(expand(sql))] as const),
  };
}

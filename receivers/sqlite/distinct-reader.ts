import type { Database, Statement } from 'better-sqlite3';
import type { MetricDefinition, Page, Position, Reader, ReaderState, SourceChange } from '../../src/component.ts';
import type { SqlValue } from './row-values.ts';
import type { DistinctPlan } from './mapping.ts';
import { PageSize } from './page-size.ts';
import { keyText, positionOf, RowCursor } from './row-cursor.ts';
import { exactly, type Compiler, quoteIdentifier } from './sql.ts';
import { describeTable, type Table } from './table.ts';
import type { ReaderOptions } from './table-reader.ts';

/** How many row ids SQLite folds at once: most of them repeat a value. */
const IDS_AT_ONCE = 1024;

interface Compiled {
  readonly connection: number;
  readonly schemaVersion: unknown;
  /** undefined: the table is absent, which counts as empty. */
  readonly table: { readonly cursor: RowCursor; readonly values: Statement } | undefined;
}

/**
 * Counts values of one column that were never seen before, in any column of the same metric: the once-keys are shared.
 * SQLite folds the page (SELECT DISTINCT over a range of row ids), since most rows repeat the value before them.
 */
export class DistinctReader implements Reader {
  readonly id: string;
  readonly keyScope: string;
  readonly table: NonNullable<Reader['table']>;
  readonly metrics: readonly MetricDefinition[];
  readonly #plan: DistinctPlan;
  readonly #column: string;
  readonly #options: ReaderOptions;
  readonly #pageSize = new PageSize();
  #compiled: Compiled | undefined;
  #expected: Position | undefined;
  #generation = -1;
  /** With the generation that was looked at last. */
  #caughtUp = false;
  /** Caught up once since the last restart. */
  #reported = false;

  constructor(plan: DistinctPlan, column: DistinctPlan['columns'][number], keyScope: string, options: ReaderOptions) {
    this.id = options.id;
    this.keyScope = keyScope;
    this.metrics = [{ metric: plan.metric, digest: plan.digest }];
    this.#plan = plan;
    this.table = { file: options.source.path, name: column.table };
    this.#column = column.column;
    this.#options = options;
  }

  read(state: ReaderState): Page | undefined {
    const { source } = this.#options;
    const resumed = state.position === undefined || state.position !== this.#expected;
    if (resumed) this.#reported = false;
    else if (source.generation === this.#generation && this.#caughtUp) return undefined;
    return source.read((database) => this.#read(database, state, resumed));
  }

  #read(database: Database, state: ReaderState, resumed: boolean): Page | undefined {
    const { source, startAt } = this.#options;
    const stored = positionOf(state.position);
    const table = this.#compile(database, state);
    let changes: readonly SourceChange[] = [];
    let position = stored ?? table?.cursor.start(startAt) ?? { cursor: 0, anchors: [] };
    if (table !== undefined && (resumed || source.generation !== this.#generation)) {
      ({ position, changes } = table.cursor.verify(position));
    }
    const max = table?.cursor.max() ?? 0;
    const keys = new Set<string>();
    let rows = 0;
    if (table !== undefined && position.cursor < max) {
      const started = performance.now();
      const first = table.cursor.next(position.cursor) ?? max;
      const last = Math.min(max, first - 1 + this.#pageSize.rows);
      let upto = first - 1;
      do {
        const after = upto;
        upto = Math.min(after + IDS_AT_ONCE, last);
        for (const value of table.values.all({ after, upto }) as Exclude<SqlValue, null>[]) {
          const key = state.digest(keyText(value));
          if (!keys.has(key) && !state.seen(key)) keys.add(key);
        }
      } while (upto < last && !this.#pageSize.isOver(performance.now() - started, keys.size));
      rows = upto - first + 1;
      position = table.cursor.advance(position, upto, upto === max);
      this.#pageSize.took(rows, performance.now() - started);
    }
    this.#generation = source.generation;
    const remaining = Math.max(0, max - position.cursor);
    const caughtUp = remaining === 0;
    this.#caughtUp = caughtUp;
    if (position === stored && changes.length === 0 && this.#reported && caughtUp) return undefined;
    this.#expected = position === stored ? state.position! : { ...position };
    this.#reported ||= caughtUp;
    return {
      // The zero too: a series that is born at 1 is invisible to increase().
      batch: {
        signal: 'metrics',
        metrics: [{ metric: this.#plan.metric, mode: 'delta', points: [{ attributes: NONE, value: [keys.size] }] }],
      },
      position: this.#expected,
      opened: [],
      closed: [],
      keys: [...keys],
      rows,
      remaining,
      caughtUp,
      ...(changes.length === 0 ? {} : { changes }),
    };
  }

  #compile(database: Database, state: ReaderState): Compiled['table'] {
    const { connection } = this.#options.source;
    const schemaVersion = database.pragma('schema_version', { simple: true });
    if (this.#compiled?.connection === connection && this.#compiled.schemaVersion === schemaVersion) {
      return this.#compiled.table;
    }
    this.#compiled = undefined;
    const table = describeTable(database, this.table.name);
    this.#compiled = { connection, schemaVersion, table: undefined };
    if (table === undefined) return undefined;
    const compiled = compileDistinct(database, table, this.#column, (text) => state.digest(text));
    this.#compiled = { connection, schemaVersion, table: compiled };
    return compiled;
  }
}

/** Throws what SQLite throws for a column that is not there. */
export function compileDistinct(
  database: Compiler,
  table: Table,
  name: string,
  digest: (text: string) => string,
): NonNullable<Compiled['table']> {
  const column = exactly(quoteIdentifier(name));
  const id = table.rowId;
  // The value is the identity too; with a key, whatever happens to the source is read again without harm.
  const cursorTable = { ...table, identity: [column], key: column, parameters: {} };
  const values = database
    .prepare(
      `SELECT DISTINCT ${column} FROM ${quoteIdentifier(table.name)} NOT INDEXED WHERE ${id} > :after AND ${id} <= :upto AND ${column} IS NOT NULL`,
    )
    .pluck();
  return { cursor: new RowCursor(database, cursorTable, digest), values };
}

const NONE = {};

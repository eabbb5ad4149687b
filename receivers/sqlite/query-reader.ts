import type { Database, Statement } from 'better-sqlite3';
import type { MetricDefinition, Page, Position, Reader, ReaderState } from '../../src/component.ts';
import { SourceError } from '../../src/errors.ts';
import type { Attributes, AttributeValue, MetricPoints, NumberPoint } from '../../src/pipeline/signals.ts';
import { acceptable, attributeValue, Columns, type Row, Skips } from './row-values.ts';
import type { QueryPlan } from './mapping.ts';
import type { Compiler } from './sql.ts';
import type { ReaderOptions } from './table-reader.ts';

/** A query may take a hundredth of the time, however slow it is. */
const REST_FACTOR = 100;

interface Compiled {
  readonly connection: number;
  readonly statement: Statement;
  readonly attributes: readonly (readonly [name: string, column: number])[];
  readonly values: readonly number[];
}

/** Runs one bounded SELECT when the database changed, at most once an interval: all there is now, nothing is kept. */
export class QueryReader implements Reader {
  readonly id: string;
  readonly keyScope: string;
  readonly metrics: readonly MetricDefinition[];
  readonly #plan: QueryPlan;
  readonly #options: ReaderOptions;
  #compiled: Compiled | undefined;
  #expected: Position | undefined;
  #generation = -1;
  #notBeforeMs = 0;

  constructor(plan: QueryPlan, options: ReaderOptions) {
    this.id = options.id;
    this.keyScope = options.id;
    this.metrics = plan.definitions;
    this.#plan = plan;
    this.#options = options;
  }

  read(state: ReaderState): Page | undefined {
    const { source, now } = this.#options;
    const nowMs = now();
    const resumed = state.position === undefined || state.position !== this.#expected;
    if (!resumed) {
      if (source.generation === this.#generation) return undefined;
      // A clock that was set back must not stop it for longer than one interval.
      if (nowMs < this.#notBeforeMs && this.#notBeforeMs - nowMs <= this.#plan.intervalMs * REST_FACTOR)
        return undefined;
    }
    const started = performance.now();
    const skips = new Skips();
    const { rows, compiled } = source.read((database) => {
      const ready = this.#compile(database);
      return {
        rows: ready.statement.all({ limit: this.#plan.limit, database: source.name }) as Row[],
        compiled: ready,
      };
    });
    this.#generation = source.generation;
    this.#notBeforeMs = nowMs + Math.max(this.#plan.intervalMs, REST_FACTOR * (performance.now() - started));
    this.#expected = { ...state.position };
    const skipped = skips.counts;
    return {
      batch: { signal: 'metrics', metrics: this.#points(rows, compiled, skips) },
      position: this.#expected,
      opened: [],
      closed: [],
      keys: [],
      rows: rows.length,
      remaining: 0,
      caughtUp: true,
      ...(skipped === undefined ? {} : { skipped }),
    };
  }

  #points(rows: readonly Row[], compiled: Compiled, skips: Skips): MetricPoints[] {
    const attributes = rows.map((row): Attributes => {
      const own: Record<string, AttributeValue> = {};
      for (const [name, column] of compiled.attributes) {
        const value = attributeValue(row[column]!, skips);
        if (value !== undefined) own[name] = value;
      }
      return own;
    });
    return this.#plan.metrics.map(({ metric }, index): MetricPoints => {
      const points = rows.flatMap((row, at): NumberPoint[] => {
        const value = row[compiled.values[index]!] ?? null;
        if (value === null || !acceptable(value, metric, skips)) return [];
        return [{ attributes: attributes[at]!, value: [value] }];
      });
      return { metric, mode: 'snapshot', points };
    });
  }

  #compile(database: Database): Compiled {
    const { connection } = this.#options.source;
    if (this.#compiled?.connection === connection) return this.#compiled;
    this.#compiled = undefined;
    this.#compiled = { connection, ...compileQuery(database, this.#plan) };
    return this.#compiled;
  }
}

/** Throws what SQLite throws for what is not there. */
export function compileQuery(database: Compiler, plan: QueryPlan): Omit<Compiled, 'connection'> {
  const columns = new Columns();
  const attributes = plan.attributes.map(([name, sql]) => [name, columns.add(sql)] as const);
  const values = plan.metrics.map(({ value }) => columns.add(value));
  // The line breaks keep a comment at the end of the query from hiding what follows.
  const statement = database.prepare(`SELECT ${columns.sql} FROM (\n${plan.sql}\n) LIMIT :limit`);
  if (!statement.reader || !statement.readonly)
    throw new SourceError('sql_error', `query ${plan.id} is not a plain SELECT`);
  return { statement: statement.raw(), attributes, values };
}

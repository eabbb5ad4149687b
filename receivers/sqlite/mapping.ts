import { createHash } from 'node:crypto';
import { durationMs } from '../../src/config/fragments.ts';
import type { MetricDefinition, RecordDefinition } from '../../src/component.ts';
import type { AttributeValue, Metric, Signal } from '../../src/pipeline/signals.ts';
import type {
  DistinctConfig,
  MappingConfig,
  QueryConfig,
  SqliteConfig,
  TableConfig,
  TableMetricConfig,
} from './config.ts';
import { expandMaps } from './maps.ts';
import { planLog, planSpan, recordsOf, type Emission } from './emissions.ts';
import { namesIn, parametersOf, substitute } from './sql.ts';

/** Which rows an instrument counts. */
export type Of = 'settled' | 'complete' | 'open' | 'all';

/** One entry of `metrics:`. All expressions are SQL over the source's own columns (and `each`). */
export interface Instrument {
  readonly metric: Metric;
  readonly of: Of;
  /** `when` and `value` in one: NULL = the row adds nothing; undefined = 1. */
  readonly value: string | undefined;
  readonly attributes: readonly (readonly [name: string, expression: string])[];
  /** Attribute values that are published together. */
  readonly values: readonly (readonly [name: string, values: readonly AttributeValue[]])[];
}

export interface TablePlan {
  readonly id: string;
  readonly signal: Signal;
  readonly from: string;
  readonly optional: boolean;
  readonly identity: readonly string[];
  readonly key: string | undefined;
  readonly where: string | undefined;
  readonly startedAt: string | undefined;
  readonly completeWhen: string | undefined;
  /** Mentions :now, so that rows change without a write. */
  readonly timeDriven: boolean;
  readonly openTimeoutMs: number;
  /** Column with a JSON array. */
  readonly each: string | undefined;
  readonly optionalColumns: readonly string[];
  /** What the rows are made into; the one where there are any, and the other one is empty. */
  readonly instruments: readonly Instrument[];
  readonly emissions: readonly Emission[];
  readonly definitions: readonly MetricDefinition[];
  readonly records: readonly RecordDefinition[];
}

export interface DistinctPlan {
  readonly metric: Metric;
  readonly digest: string;
  readonly columns: readonly { readonly table: string; readonly column: string }[];
}

export interface QueryPlan {
  readonly id: string;
  readonly sql: string;
  readonly limit: number;
  readonly intervalMs: number;
  readonly attributes: readonly (readonly [name: string, expression: string])[];
  readonly metrics: readonly { readonly metric: Metric; readonly value: string }[];
  readonly definitions: readonly MetricDefinition[];
}

/** For pipelines of one signal: what else a mapping has is not read for them. */
export interface Mapping {
  readonly signal: Signal;
  readonly tables: readonly TablePlan[];
  readonly distinct: readonly DistinctPlan[];
  readonly queries: readonly QueryPlan[];
}

/** The plan of a checked mapping. `timezone` takes part in the digests: it decides what is counted. */
export function planMapping(
  { maps, tables, distinct, queries }: MappingConfig,
  { timezone, optional_attributes: wanted }: Pick<SqliteConfig, 'timezone' | 'optional_attributes'>,
  signal: Signal,
): Mapping {
  const isMetrics = signal === 'metrics';
  return {
    signal,
    tables: Object.entries(tables)
      .map(([id, table]) => planTable(id, withWanted(table, wanted), { maps, timezone, signal }))
      .filter(({ instruments, emissions }) => instruments.length + emissions.length > 0),
    distinct: isMetrics ? Object.entries(distinct).map(([name, one]) => planDistinct(name, one)) : [],
    queries: isMetrics ? Object.entries(queries).map(([id, query]) => planQuery(id, query)) : [],
  };
}

/** The table with those of its optional attributes that are wanted as attributes like others, and without the rest. */
function withWanted(table: TableConfig, wanted: readonly string[]): TableConfig {
  const optional = Object.entries(table.optional_attributes);
  if (optional.length === 0) return table;
  const attributes = { ...table.attributes, ...Object.fromEntries(optional.filter(([name]) => wanted.includes(name))) };
  const withKnown = <T extends { readonly attributes?: string[] }>(entry: T): T =>
    entry.attributes === undefined
      ? entry
      : { ...entry, attributes: entry.attributes.filter((name) => Object.hasOwn(attributes, name)) };
  return {
    ...table,
    attributes,
    metrics: table.metrics.map(withKnown),
    spans: table.spans.map(withKnown),
    logs: table.logs.map(withKnown),
  };
}

function planTable(
  id: string,
  table: TableConfig,
  { maps, timezone, signal }: { maps: MappingConfig['maps']; timezone: string; signal: Signal },
): TablePlan {
  const columns = expandColumns(table.columns);
  const expand = (expression: string | number): string => expandMaps(substitute(String(expression), columns), maps);
  const expandIfAny = (expression: string | number | undefined): string | undefined =>
    expression === undefined ? undefined : expand(expression);
  const instruments = signal === 'metrics' ? table.metrics.map((metric) => planInstrument(table, metric, expand)) : [];
  const emissions = [
    ...(signal === 'traces' ? table.spans.map((span) => planSpan(table, span, expand)) : []),
    ...(signal === 'logs' ? table.logs.map((log) => planLog(table, log, expand)) : []),
  ];
  const rows = {
    from: table.from ?? id,
    identity: table.identity,
    key: expandIfAny(table.key),
    where: expandIfAny(table.where),
    startedAt: expandIfAny(table.started_at),
    completeWhen: expandIfAny(table.complete_when),
    openTimeoutMs: durationMs(table.open_timeout),
    each: table.each,
  };
  return {
    ...rows,
    id,
    signal,
    optional: table.optional,
    optionalColumns: table.optional_columns,
    timeDriven: [
      rows.completeWhen,
      ...instruments.map(({ value }) => value),
      ...emissions.map(({ fields }) => fields.when),
    ].some((sql) => sql !== undefined && parametersOf(sql).has('now')),
    instruments,
    emissions,
    records: recordsOf({ id, signal, rows: [rows.where, rows.each] }, emissions),
    definitions: metricsOf(instruments).map((metric) => {
      const own = instruments.filter((instrument) => instrument.metric.name === metric.name);
      const origins = originsOf(own.flatMap(({ attributes }) => attributes));
      return { metric, digest: digestOf([rows, timezone, own]), attributes: [...origins.keys()], origins };
    }),
  };
}

/** By attribute, what its expressions mention: columns of the source, whatever a mapping calls them. */
export function originsOf(attributes: Instrument['attributes']): ReadonlyMap<string, readonly string[]> {
  const origins = new Map<string, readonly string[]>();
  for (const [name, sql] of attributes) {
    origins.set(name, [...new Set([...(origins.get(name) ?? []), ...namesIn(sql)])]);
  }
  return origins;
}

/** What the readers of one database define, whether there is one or not. */
export function definitionsOf({ tables, distinct, queries }: Mapping): readonly MetricDefinition[] {
  return [
    ...tables.flatMap(({ definitions }) => definitions),
    ...distinct.map(({ metric, digest }) => ({ metric, digest })),
    ...queries.flatMap(({ definitions }) => definitions),
  ];
}

/** The plan for some of its metrics. */
export function onlyMetrics(plan: TablePlan, names: ReadonlySet<string>): TablePlan {
  return {
    ...plan,
    instruments: plan.instruments.filter(({ metric }) => names.has(metric.name)),
    definitions: plan.definitions.filter(({ metric }) => names.has(metric.name)),
  };
}

/** Each column with those above it put in place. */
function expandColumns(columns: TableConfig['columns']): ReadonlyMap<string, string> {
  const expanded = new Map<string, string>();
  for (const [name, expression] of Object.entries(columns)) {
    expanded.set(name.toLowerCase(), substitute(String(expression), expanded));
  }
  return expanded;
}

function planInstrument(
  table: TableConfig,
  entry: TableMetricConfig,
  expand: (expression: string | number) => string,
): Instrument {
  return {
    metric: {
      name: entry.name,
      type: entry.type,
      unit: entry.unit,
      description: entry.description,
      aggregation: entry.type === 'gauge' ? (entry.aggregation ?? 'last') : 'sum',
      ...(entry.buckets === undefined ? {} : { boundaries: boundariesOf(entry.buckets) }),
    },
    of: entry.of,
    value: valueOf(entry, expand),
    attributes: attributesOf(table, entry, expand),
    values: Object.entries(entry.values),
  };
}

/** Of one entry of a table: those of the table that it takes, and its own. */
export function attributesOf(
  table: TableConfig,
  entry: Pick<TableMetricConfig, 'attributes' | 'set'>,
  expand: (expression: string | number) => string,
): (readonly [name: string, expression: string])[] {
  const names = entry.attributes ?? Object.keys(table.attributes);
  const attributes = new Map(names.map((name) => [name, expand(table.attributes[name] ?? 'NULL')]));
  for (const [name, expression] of Object.entries(entry.set)) attributes.set(name, expand(expression));
  return [...attributes];
}

function valueOf(entry: TableMetricConfig, expand: (expression: string | number) => string): string | undefined {
  const value = entry.value === undefined ? undefined : expand(entry.value);
  if (entry.when === undefined) return value;
  return `CASE WHEN (${expand(entry.when)}) THEN (${value ?? '1'}) END`;
}

/** Upper bounds; of {start, factor, count}: start, start * factor, ... rounded to 12 digits, so that 0.1 * 2 * 2 is 0.4. */
export function boundariesOf(buckets: NonNullable<TableMetricConfig['buckets']>): number[] {
  if (Array.isArray(buckets)) return buckets;
  return Array.from({ length: buckets.count }, (_, index) =>
    Number((buckets.start * buckets.factor ** index).toPrecision(12)),
  );
}

function planDistinct(name: string, { unit, description, of }: DistinctConfig): DistinctPlan {
  return {
    metric: { name, type: 'counter', unit, description, aggregation: 'sum' },
    digest: digestOf(of),
    columns: of.map((text) => {
      const [table = '', column = ''] = text.split('.');
      return { table, column };
    }),
  };
}

function planQuery(id: string, query: QueryConfig): QueryPlan {
  const metrics = query.metrics.map(({ name, type, unit, description, value }) => ({
    metric: { name, type, unit, description, aggregation: 'last' as const },
    value: String(value),
  }));
  const attributes = Object.entries(query.attributes).map(([name, sql]) => [name, String(sql)] as const);
  // A column of the result may be made of whatever the statement mentions.
  const mentioned = namesIn(query.sql);
  const origins = new Map(attributes.map(([name, sql]) => [name, [...new Set([...namesIn(sql), ...mentioned])]]));
  return {
    id,
    sql: query.sql,
    limit: query.limit,
    intervalMs: durationMs(query.interval),
    attributes,
    metrics,
    // Nothing is kept, so that nothing must be rebuilt when the definition changes.
    definitions: metrics.map(({ metric }) => ({ metric, digest: '', attributes: [...origins.keys()], origins })),
  };
}

/** One per name, in order of appearance. */
function metricsOf(instruments: readonly Instrument[]): Metric[] {
  return [...new Map(instruments.map(({ metric }) => [metric.name, metric])).values()];
}

export function digestOf(definition: unknown): string {
  return createHash('sha256').update(JSON.stringify(definition)).digest('hex').slice(0, 16);
}

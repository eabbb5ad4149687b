import type { Problem } from '../../src/errors.ts';
import { durationMs } from '../../src/config/fragments.ts';
import { didYouMean } from '../../src/config/nearest.ts';
import type {
  DistinctConfig,
  MappingConfig,
  QueryConfig,
  SqliteConfig,
  TableConfig,
  TableMetricConfig,
} from './config.ts';
import { LOG_FIELDS, SPAN_FIELDS } from './emissions.ts';
import { boundariesOf } from './mapping.ts';
import { expandMaps, mapNames } from './maps.ts';
import { expressionError, parametersOf, substitute } from './sql.ts';

type Path = readonly (string | number)[];

/** Where each parameter is known, see the mapping language. */
const ROW = ['database'];
const CONDITION = ['database', 'now'];
const SETTLED = ['database', 'abandoned'];

const METRIC_NAME = /^[A-Za-z][A-Za-z0-9_.\-/]{0,254}$/;

/** All that is wrong with a mapping and that its schema cannot say. Needs no database. */
export function mappingProblems(mapping: MappingConfig): Problem[] {
  return [
    ...Object.entries(mapping.tables).flatMap(([id, table]) => tableProblems(['tables', id], table, mapping.maps)),
    ...Object.entries(mapping.distinct).flatMap(([name, distinct]) => distinctProblems(['distinct', name], distinct)),
    ...Object.entries(mapping.queries).flatMap(([id, query]) => queryProblems(['queries', id], query)),
    ...disagreements(mapping),
  ];
}

/** What of a receiver's settings its whole mapping, presets included, knows nothing of. */
export function unknownNames(
  { maps, optional_attributes: wanted }: Pick<SqliteConfig, 'maps' | 'optional_attributes'>,
  { tables }: MappingConfig,
): Problem[] {
  const used = new Set(
    Object.values(tables).flatMap((table) => expressionsOf(table).flatMap((text) => [...mapNames(text)])),
  );
  const optional = new Set(Object.values(tables).flatMap((table) => Object.keys(table.optional_attributes)));
  return [
    ...Object.keys(maps)
      .filter((name) => !used.has(name))
      .map((name) => ({
        path: ['maps', name],
        message: `no expression looks into a map "${name}"${didYouMean(name, used)}`,
      })),
    ...wanted.flatMap((name, index) =>
      optional.has(name)
        ? []
        : [
            {
              path: ['optional_attributes', index],
              message: `no table has an optional attribute "${name}"${didYouMean(name, optional)} (there are: ${[...optional].join(', ') || 'none'})`,
            },
          ],
    ),
  ];
}

function expressionsOf(table: TableConfig): string[] {
  const { key, where, started_at, complete_when, columns, attributes, optional_attributes, metrics, spans, logs } =
    table;
  return [
    ...[key, where, started_at, complete_when].filter((text) => text !== undefined),
    ...[columns, attributes, optional_attributes].flatMap((named) => Object.values(named)),
    ...metrics.flatMap(({ value, when, set }) => [value ?? '', when ?? '', ...Object.values(set)]),
    ...spans.flatMap((span) => [...SPAN_FIELDS.map((field) => span[field] ?? ''), ...Object.values(span.set)]),
    ...logs.flatMap((log) => [...LOG_FIELDS.map((field) => log[field] ?? ''), ...Object.values(log.set)]),
  ].map(String);
}

function tableProblems(path: Path, table: TableConfig, maps: MappingConfig['maps']): Problem[] {
  const columns = new Map<string, string>();
  for (const [name, expression] of Object.entries(table.columns)) {
    columns.set(name.toLowerCase(), substitute(String(expression), columns));
  }
  const check = (at: Path, expression: string | number | undefined, known: readonly string[]): Problem[] => {
    if (expression === undefined) return [];
    const text = String(expression);
    const unknown = [...mapNames(text)].find((name) => !Object.hasOwn(maps, name));
    const error =
      unknown === undefined
        ? expressionError(expandMaps(text, maps), known)
        : `looks into a map "${unknown}" that is not there${didYouMean(unknown, Object.keys(maps))}`;
    if (error !== undefined)
      return [{ path: [...path, ...at], message: `SQL expression ${JSON.stringify(text)} ${error}` }];
    const hidden = [...parametersOf(substitute(text, columns))].filter((name) => !known.includes(name));
    return hidden.map((name) => ({
      path: [...path, ...at],
      message: `uses a column that mentions :${name}, which is not known here`,
    }));
  };
  const setProblems = (at: Path, set: TableMetricConfig['set']): Problem[] =>
    Object.entries(set).flatMap(([name, text]) => check([...at, 'set', name], text, SETTLED));
  return [
    ...check(['key'], table.key, ROW),
    ...check(['where'], table.where, ROW),
    ...check(['started_at'], table.started_at, ROW),
    ...check(['complete_when'], table.complete_when, CONDITION),
    ...Object.entries(table.columns).flatMap(([name, text]) => check(['columns', name], text, SETTLED)),
    ...Object.entries(table.attributes).flatMap(([name, text]) => check(['attributes', name], text, SETTLED)),
    ...Object.entries(table.optional_attributes).flatMap(([name, text]) => [
      ...check(['optional_attributes', name], text, SETTLED),
      ...(Object.hasOwn(table.attributes, name)
        ? [{ path: [...path, 'optional_attributes', name], message: `"${name}" is an attribute of the table already` }]
        : []),
    ]),
    ...table.metrics.flatMap((metric, index) => [
      ...check(['metrics', index, 'value'], metric.value, SETTLED),
      ...check(['metrics', index, 'when'], metric.when, CONDITION),
      ...setProblems(['metrics', index], metric.set),
      ...metricProblems([...path, 'metrics', index], table, metric),
    ]),
    ...table.spans.flatMap((span, index) => [
      ...SPAN_FIELDS.flatMap((field) => check(['spans', index, field], span[field], knownIn(field))),
      ...setProblems(['spans', index], span.set),
      ...unknownAttributes([...path, 'spans', index], table, span.attributes),
    ]),
    ...table.logs.flatMap((log, index) => [
      ...LOG_FIELDS.flatMap((field) => check(['logs', index, field], log[field], knownIn(field))),
      ...setProblems(['logs', index], log.set),
      ...unknownAttributes([...path, 'logs', index], table, log.attributes),
    ]),
    ...(table.metrics.length + table.spans.length + table.logs.length === 0
      ? [{ path, message: 'nothing is made of its rows: it has no metrics:, spans: or logs:' }]
      : []),
  ];
}

function knownIn(field: string): readonly string[] {
  return field === 'when' ? [...CONDITION, 'abandoned'] : SETTLED;
}

function unknownAttributes(path: Path, table: TableConfig, names: readonly string[] | undefined): Problem[] {
  const known = [...Object.keys(table.attributes), ...Object.keys(table.optional_attributes)];
  return (names ?? []).flatMap((name, index) =>
    known.includes(name)
      ? []
      : [
          {
            path: [...path, 'attributes', index],
            message: `attribute "${name}" is not one of the table's (${known.join(', ') || 'it has none'})`,
          },
        ],
  );
}

function metricProblems(path: Path, table: TableConfig, metric: TableMetricConfig): Problem[] {
  const problems: Problem[] = nameProblems([...path, 'name'], metric.name);
  const problem = (key: string, message: string): void => {
    problems.push({ path: [...path, key], message });
  };
  const known = [...Object.keys(table.attributes), ...Object.keys(table.optional_attributes)];
  problems.push(...unknownAttributes(path, table, metric.attributes));
  const own = [...(metric.attributes ?? known), ...Object.keys(metric.set)];
  for (const name of Object.keys(metric.values)) {
    if (!own.includes(name)) {
      problems.push({ path: [...path, 'values', name], message: `"${name}" is not an attribute of this metric` });
    }
  }
  if (Object.keys(metric.values).length > 0 && metric.type !== 'counter' && metric.type !== 'updowncounter') {
    problem('values', 'only counters and up-down counters publish zeros');
  }
  if (metric.type === 'histogram') {
    if (metric.buckets === undefined)
      problem('buckets', 'a histogram needs buckets: a list, or {start, factor, count}');
    else if (!ascending(boundariesOf(metric.buckets))) problem('buckets', 'must ascend');
  } else if (metric.buckets !== undefined) problem('buckets', `a ${metric.type} has no buckets`);
  if (metric.aggregation !== undefined && metric.type !== 'gauge')
    problem('aggregation', 'only a gauge has one: others add up');
  if (metric.value === undefined && (metric.type === 'histogram' || metric.type === 'gauge')) {
    problem('value', `a ${metric.type} needs a value`);
  }
  if (metric.of === 'open') {
    if (table.complete_when === undefined) problem('of', 'no row is open: the table has no complete_when');
    if (metric.type === 'histogram' || metric.type === 'gauge') {
      problem('of', `a ${metric.type} of open rows is not possible: use an updowncounter, or a query`);
    }
    if (metric.type === 'counter' && table.each !== undefined) {
      problem('of', 'a running total is of a row: the elements of an array cannot be told from one look to the next');
    }
    if (metric.type === 'counter' && metric.value === undefined) {
      problem('value', 'a counter of open rows adds the growth of a value, and needs one');
    }
  }
  return problems;
}

function distinctProblems(path: Path, distinct: DistinctConfig): Problem[] {
  const name = String(path[1]);
  const doubled = distinct.of.filter((column, index) => distinct.of.indexOf(column) !== index);
  return [
    ...nameProblems(path, name),
    ...doubled.map((column) => ({ path: [...path, 'of'], message: `names ${column} twice` })),
  ];
}

function queryProblems(path: Path, query: QueryConfig): Problem[] {
  const problems = query.metrics.flatMap((metric, index) => [
    ...nameProblems([...path, 'metrics', index, 'name'], metric.name),
    ...resultProblems([...path, 'metrics', index, 'value'], metric.value),
  ]);
  for (const [name, expression] of Object.entries(query.attributes)) {
    problems.push(...resultProblems([...path, 'attributes', name], expression));
  }
  if (!/^\s*(?:SELECT|WITH|VALUES)\b/i.test(query.sql)) {
    problems.push({ path: [...path, 'sql'], message: 'must be one SELECT statement' });
  }
  if (durationMs(query.interval) < 100)
    problems.push({ path: [...path, 'interval'], message: 'must be at least 100ms' });
  return problems;
}

function resultProblems(path: Path, expression: string | number): Problem[] {
  const error = expressionError(String(expression), ROW);
  return error === undefined
    ? []
    : [{ path, message: `SQL expression ${JSON.stringify(String(expression))} ${error}` }];
}

function nameProblems(path: Path, name: string): Problem[] {
  if (METRIC_NAME.test(name)) return [];
  return [
    {
      path,
      message: `metric name ${JSON.stringify(name)} must be letters, digits, "_", ".", "-" or "/", a letter first`,
    },
  ];
}

function ascending(boundaries: readonly number[]): boolean {
  return boundaries.every((bound, index) => Number.isFinite(bound) && (index === 0 || bound > boundaries[index - 1]!));
}

/** Entries of one name must be of one kind: they add up. */
function disagreements(mapping: MappingConfig): Problem[] {
  const first = new Map<string, { kind: string; path: Path }>();
  const entries: { name: string; kind: string; path: Path }[] = [];
  for (const [id, table] of Object.entries(mapping.tables)) {
    table.metrics.forEach(({ name, type, unit, description, buckets, aggregation }, index) => {
      const kind = JSON.stringify([
        type,
        unit,
        description,
        buckets ? boundariesOf(buckets) : null,
        aggregation ?? null,
      ]);
      entries.push({ name, kind, path: ['tables', id, 'metrics', index] });
    });
  }
  for (const [name, { unit, description }] of Object.entries(mapping.distinct)) {
    entries.push({ name, kind: JSON.stringify(['counter', unit, description, null, null]), path: ['distinct', name] });
  }
  for (const [id, query] of Object.entries(mapping.queries)) {
    query.metrics.forEach(({ name, unit, description }, index) => {
      entries.push({
        name,
        kind: JSON.stringify(['query', unit, description, id]),
        path: ['queries', id, 'metrics', index],
      });
    });
  }
  return entries.flatMap(({ name, kind, path }) => {
    const known = first.get(name);
    if (known === undefined) {
      first.set(name, { kind, path });
      return [];
    }
    if (known.kind === kind) return [];
    return [
      {
        path,
        message: `metric "${name}" is also defined at ${known.path.join('::')} with another type, unit, description, aggregation or buckets; entries of one name add up and must agree`,
      },
    ];
  });
}

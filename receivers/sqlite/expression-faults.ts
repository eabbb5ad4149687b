import type { Database } from 'better-sqlite3';
import type { Problem } from '../../src/errors.ts';
import type { MappingConfig, TableConfig } from './config.ts';
import { LOG_FIELDS, SPAN_FIELDS } from './emissions.ts';
import { expandMaps } from './maps.ts';
import { quoteIdentifier, substitute } from './sql.ts';
import type { Table } from './table.ts';

type Path = readonly (string | number)[];

/** What of a table's mapping SQLite does not understand with the columns that the table has, each at its place. */
export function expressionFaults(
  database: Database,
  id: string,
  { maps, tables }: MappingConfig,
  table: Table,
): Problem[] {
  const config = tables[id];
  if (config === undefined) return [];
  const problems: Problem[] = [];
  const name = quoteIdentifier(table.name);
  const from = config.each === undefined ? name : `(SELECT *, NULL AS each FROM ${name})`;
  const names = new Map(
    config.optional_columns.filter(missingIn(table)).map((column) => [column.toLowerCase(), 'NULL']),
  );
  const check = (path: Path, expression: string): boolean => {
    try {
      database.prepare(`SELECT (${expandMaps(substitute(expression, names), maps)}) FROM ${from}`);
      return true;
    } catch (error) {
      problems.push({ path: ['tables', id, ...path], message: sqlMessage(error) });
      return false;
    }
  };
  if (config.each !== undefined) check(['each'], quoteIdentifier(config.each));
  config.identity.forEach((column, index) => check(['identity', index], quoteIdentifier(column)));
  for (const [column, expression] of Object.entries(config.columns)) {
    const text = String(expression);
    // What uses a wrong column is not wrong itself.
    const sound = check(['columns', column], text);
    names.set(column.toLowerCase(), sound ? substitute(text, names) : 'NULL');
  }
  for (const [path, expression] of expressionsOf(config)) check(path, String(expression));
  return problems;
}

function missingIn({ columns }: Table): (name: string) => boolean {
  return (name) => !columns.has(name.toLowerCase());
}

function expressionsOf(config: TableConfig): (readonly [Path, string | number])[] {
  const { key, where, started_at, complete_when } = config;
  const all: (readonly [Path, string | number | undefined])[] = [
    ...Object.entries({ key, where, started_at, complete_when }).map(([name, text]) => [[name], text] as const),
    ...Object.entries(config.attributes).map(([name, text]) => [['attributes', name], text] as const),
    ...Object.entries(config.optional_attributes).map(([name, text]) => [['optional_attributes', name], text] as const),
    ...config.metrics.flatMap(({ value, when, set }, index) => [
      [['metrics', index, 'value'], value] as const,
      [['metrics', index, 'when'], when] as const,
      ...Object.entries(set).map(([name, text]) => [['metrics', index, 'set', name], text] as const),
    ]),
    ...config.spans.flatMap((span, index) => [
      ...SPAN_FIELDS.map((field) => [['spans', index, field], span[field]] as const),
      ...Object.entries(span.set).map(([name, text]) => [['spans', index, 'set', name], text] as const),
    ]),
    ...config.logs.flatMap((log, index) => [
      ...LOG_FIELDS.map((field) => [['logs', index, field], log[field]] as const),
      ...Object.entries(log.set).map(([name, text]) => [['logs', index, 'set', name], text] as const),
    ]),
  ];
  return all.flatMap(([path, text]) => (text === undefined ? [] : [[path, text] as const]));
}

/** What SQLite says, without its guess about quotes: they are ours. */
export function sqlMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/"([^"]*)" - should this be a string literal in single-quotes\?$/, '$1');
}

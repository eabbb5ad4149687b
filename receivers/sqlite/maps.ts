import type { MappingConfig } from './config.ts';
import { quoteText, tokens } from './sql.ts';

type Maps = MappingConfig['maps'];

/**
 * Replaces map('name', x) by CASE (x) WHEN 'key' THEN 'value' ... END: what SQLite evaluates without leaving it, and what
 * makes the values part of the digest of exactly the metrics that use them. A call that names no map stays.
 */
export function expandMaps(expression: string, maps: Maps): string {
  return rewritten(expression, (name, key) => {
    if (!Object.hasOwn(maps, name)) return undefined;
    const pairs = Object.entries(maps[name] ?? {});
    if (pairs.length === 0) return 'NULL';
    return `CASE (${key}) ${pairs.map(([from, to]) => `WHEN ${quoteText(from)} THEN ${quoteText(to)}`).join(' ')} END`;
  });
}

/** The names of the maps that an expression looks into. */
export function mapNames(expression: string): Set<string> {
  const names = new Set<string>();
  rewritten(expression, (name) => {
    names.add(name);
    return undefined;
  });
  return names;
}

/** The expression with each whole call of map() replaced, inner ones first; undefined leaves the call. */
function rewritten(expression: string, replace: (name: string, key: string) => string | undefined): string {
  const list = tokens(expression).filter(({ kind }) => kind !== 'space');
  // From the right, so that what was looked at is never moved.
  let text = expression;
  for (let index = list.length - 1; index >= 0; index -= 1) {
    const [word, open, name, comma] = list.slice(index, index + 4);
    if (word?.kind !== 'identifier' || word.text.toLowerCase() !== 'map' || open?.text !== '(') continue;
    if (name?.kind !== 'string' || !name.text.startsWith("'") || comma?.text !== ',') continue;
    const end = closing(text, open.at + 1);
    if (end === undefined) continue;
    const replacement = replace(name.text.slice(1, -1).replaceAll("''", "'"), text.slice(comma.at + 1, end).trim());
    if (replacement !== undefined) text = `${text.slice(0, word.at)}${replacement}${text.slice(end + 1)}`;
  }
  return text;
}

/** Where the parenthesis is closed that was opened just before `from`. */
function closing(sql: string, from: number): number | undefined {
  let depth = 1;
  for (const { text, at } of tokens(sql.slice(from))) {
    if (text === '(') depth += 1;
    if (text === ')') depth -= 1;
    if (depth === 0) return from + at;
  }
  return undefined;
}

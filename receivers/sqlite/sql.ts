import Database from 'better-sqlite3';

/**
 * Just enough of SQLite's lexical rules (sqlite.org/lang_keywords.html, lang_expr.html) to find the identifiers and
 * parameters of a scalar expression: everything else is SQLite's own judgement, asked through CHECK constraints.
 */
type TokenKind = 'identifier' | 'parameter' | 'string' | 'number' | 'symbol' | 'space';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Where it begins. */
  readonly at: number;
  /** An identifier without its quotes. */
  readonly name?: string;
}

const TOKEN =
  /(?<space>\s+)|(?<string>[xX]?'(?:[^']|'')*')|(?<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])|(?<number>(?:0[xX][0-9a-fA-F]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?))|(?<parameter>[:@$][A-Za-z_][A-Za-z0-9_]*|\?\d*)|(?<word>[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*)|(?<symbol>[\s\S])/gy;

/** All of the text, blanks too. */
export function tokens(sql: string): Token[] {
  return [...sql.matchAll(TOKEN)].map((match): Token => {
    const text = match[0];
    const at = match.index;
    const { space, string, quoted, number, parameter, word } = match.groups ?? {};
    if (space !== undefined) return { kind: 'space', text, at };
    if (string !== undefined) return { kind: 'string', text, at };
    if (quoted !== undefined) return { kind: 'identifier', text, at, name: unquote(quoted) };
    if (number !== undefined) return { kind: 'number', text, at };
    if (parameter !== undefined) return { kind: 'parameter', text, at };
    if (word !== undefined) return { kind: 'identifier', text, at, name: word };
    return { kind: 'symbol', text, at };
  });
}

function unquote(text: string): string {
  const close = text.at(-1)!;
  return text.slice(1, -1).replaceAll(close + close, close);
}

/** What compiles statements: a connection, or one that is listened to. */
export interface Compiler {
  prepare(sql: string): Database.Statement;
}

/** An SQL identifier, quoted. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL text literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * An SQL expression that keeps whole numbers apart which a double cannot: snowflake ids, for example. For what identifies
 * rows; numbers that are measured are doubles anyway.
 */
export function exactly(expression: string): string {
  const limit = String(Number.MAX_SAFE_INTEGER);
  return `CASE WHEN typeof(${expression}) = 'integer' AND (${expression}) NOT BETWEEN -${limit} AND ${limit} THEN CAST((${expression}) AS TEXT) ELSE (${expression}) END`;
}

/** The value of an expression that is one plain literal ('input', 1, -2.5), else undefined. */
export function literalValue(expression: string): string | number | undefined {
  const text = expression.trim();
  if (/^'(?:[^']|'')*'$/.test(text)) return text.slice(1, -1).replaceAll("''", "'");
  if (/^-?\d{1,15}(?:\.\d+)?$/.test(text)) return Number(text);
  return undefined;
}

/** The parameters that an expression mentions, without their colon. */
export function parametersOf(expression: string): Set<string> {
  return new Set(
    tokens(expression)
      .filter((token) => token.kind === 'parameter')
      .map((token) => token.text.slice(1)),
  );
}

/**
 * Replaces identifiers (whole names, not functions, not the columns of a qualified name) by expressions, each within
 * parentheses. Names compare without case, as SQLite's do.
 */
export function substitute(expression: string, replacements: ReadonlyMap<string, string>): string {
  if (replacements.size === 0) return expression;
  const list = tokens(expression);
  return list
    .map((token, index) => {
      if (token.kind !== 'identifier') return token.text;
      const replacement = replacements.get(token.name!.toLowerCase());
      if (replacement === undefined || neighbour(list, index, 1) === '(' || neighbour(list, index, -1) === '.') {
        return token.text;
      }
      return `(${replacement})`;
    })
    .join('');
}

/** The names in a piece of SQL that are not functions': columns, and at most tables and keywords besides. */
export function namesIn(sql: string): readonly string[] {
  const list = tokens(sql);
  const names = list.flatMap(({ name }, index) =>
    name === undefined || neighbour(list, index, 1) === '(' ? [] : [name],
  );
  return [...new Set(names)];
}

function neighbour(list: readonly Token[], index: number, step: 1 | -1): string | undefined {
  let at = index + step;
  while (list[at]?.kind === 'space') at += step;
  return list[at]?.text;
}

let scratch: Database.Database | undefined;

/**
 * What is wrong with an expression whatever the table's columns: syntax, unknown functions, sub-queries, aggregates,
 * windows. Asks SQLite by compiling it as a CHECK constraint, where those are prohibited, of an in-memory table that has
 * every name which the expression mentions as a column; EXPLAIN could not tell them apart. Undefined when it is sound.
 */
export function expressionError(expression: string, parameters: readonly string[]): string | undefined {
  if (expression.trim() === '') return 'is empty';
  const list = tokens(expression);
  if (list.some((token) => token.text === ';')) return 'holds a ";": one expression only';
  let depth = 0;
  for (const [index, token] of list.entries()) {
    if (token.text === '-' && list[index + 1]?.text === '-') return 'holds a comment';
    if (token.text === '/' && list[index + 1]?.text === '*') return 'holds a comment';
    if (token.text === "'" || token.text === '"') return 'holds a quote that is never closed';
    if (token.text === '(') depth += 1;
    if (token.text === ')') depth -= 1;
    if (depth < 0) return 'closes a parenthesis that it did not open';
    if (token.kind === 'parameter' && !parameters.includes(token.text.slice(1))) {
      const known = parameters.map((name) => `:${name}`).join(', ');
      return `mentions ${token.text}, which is not known here${known === '' ? '' : ` (known: ${known})`}`;
    }
  }
  const names = new Map<string, string>();
  for (const token of list) {
    if (token.kind === 'identifier') names.set(token.name!.toLowerCase(), token.name!);
    if (token.kind === 'parameter') names.set(token.text.toLowerCase(), token.text);
  }
  const sql = list.map((token) => (token.kind === 'parameter' ? quoteIdentifier(token.text) : token.text)).join('');
  scratch ??= openScratch();
  try {
    scratch.exec(
      `CREATE TEMP TABLE t(${[...names.values(), 'agentcol_column'].map(quoteIdentifier).join(', ')}, CHECK (${sql}\n))`,
    );
    scratch.exec('DROP TABLE t');
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.replace(' in CHECK constraints', '').replace('prohibited', 'are not possible in an expression');
  }
}

function openScratch(): Database.Database {
  const database = new Database(':memory:');
  database.function('seconds', { deterministic: true }, (_value: unknown) => null);
  return database;
}

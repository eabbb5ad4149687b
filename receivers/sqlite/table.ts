import type { Database } from 'better-sqlite3';
import { SourceError } from '../../src/errors.ts';
import { quoteText } from './sql.ts';

/** A table of the source as it is now. */
export interface Table {
  readonly name: string;
  readonly columns: ReadonlySet<string>;
  /** A name under which SQLite gives the row id. */
  readonly rowId: string;
  readonly autoincrement: boolean;
  /** VACUUM leaves its row ids alone: they are the values of an INTEGER PRIMARY KEY. */
  readonly stableIds: boolean;
}

/** undefined when there is no such table. Throws SourceError for what cannot be tailed. */
export function describeTable(database: Database, name: string): Table | undefined {
  const listed = database.prepare(
    `SELECT name, type, wr FROM pragma_table_list(${quoteText(name)}) WHERE schema = 'main'`,
  );
  const found = listed.get() as { name: string; type: string; wr: number } | undefined;
  if (found === undefined) return undefined;
  if (found.type !== 'table') {
    throw new SourceError(
      'not_a_table',
      `${name} is a ${found.type}: only ordinary tables have row ids to tail; name the table behind it`,
    );
  }
  if (found.wr === 1)
    throw new SourceError('without_rowid', `table ${name} is WITHOUT ROWID: it has no row ids to tail`);
  const columns = new Set(
    database
      .prepare(`SELECT lower(name) FROM pragma_table_xinfo(${quoteText(name)})`)
      .pluck()
      .all() as string[],
  );
  const rowId = ['rowid', '_rowid_', 'oid'].find((alias) => !columns.has(alias));
  if (rowId === undefined) {
    throw new SourceError(
      'no_row_id',
      `table ${name} has columns of its own named rowid, _rowid_ and oid, so that its row ids cannot be read`,
    );
  }
  const sql = database
    .prepare(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ${quoteText(found.name)}`)
    .pluck()
    .get();
  // Any other primary key has an index of its own.
  const stableIds = database
    .prepare(
      `SELECT EXISTS (SELECT 1 FROM pragma_table_info(${quoteText(found.name)}) WHERE pk > 0)
         AND NOT EXISTS (SELECT 1 FROM pragma_index_list(${quoteText(found.name)}) WHERE origin = 'pk')`,
    )
    .pluck()
    .get();
  return {
    name: found.name,
    columns,
    rowId,
    autoincrement: /\bAUTOINCREMENT\b/i.test(String(sql)),
    stableIds: stableIds === 1,
  };
}

export function noTable(name: string): SourceError {
  return new SourceError('no_table', `waiting for table ${name}: the database has no such table yet`);
}

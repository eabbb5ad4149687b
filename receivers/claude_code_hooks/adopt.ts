import { closeSync, fsyncSync, openSync, rmSync, writeFileSync } from 'node:fs';
import DatabaseFile, { type Database } from 'better-sqlite3';
import { nativeBinding } from './database.ts';

/** What every version of the older logger has. */
const OLDER_LOGGER: Readonly<Record<string, readonly string[]>> = {
  sessions: ['session_id', 'start_time', 'end_time', 'status'],
  agent_invocations: ['id', 'timestamp', 'session_id', 'event_type', 'agent_name', 'start_time', 'end_time', 'status'],
};

/** A thing of a schema that has SQL of its own. */
interface SchemaEntry {
  readonly type: string;
  readonly name: string;
  readonly sql: string;
}

interface Column {
  readonly name: string;
  readonly type: string;
  /** SQL. */
  readonly fallback: string | null;
}

export function isOfOlderLogger(db: Database): boolean {
  return Object.entries(OLDER_LOGGER).every(([table, columns]) => {
    const found = new Set(columnsOf(db, table).map(({ name }) => name));
    return columns.every((name) => found.has(name));
  });
}

/**
 * Gives a database of the older logger what it lacks of `schema`: tables, columns, indexes. Rows, their ids and the rest of
 * the tables stay as they are, so that who tails it goes on where it was. In a transaction that writes; a copy of the file
 * as it was is put beside it first, and taken away again when this throws.
 */
export function adopt(db: Database, file: string, schema: string): void {
  const copy = `${file}.before-agentcol-${new Date().toISOString().replaceAll(/[-:]/g, '')}`;
  const descriptor = openSync(copy, 'wx', 0o600);
  try {
    // Page by page as it is, row ids included, which VACUUM INTO would renumber where they are no column.
    writeFileSync(descriptor, db.serialize());
    fsyncSync(descriptor);
    addWhatIsMissing(db, schema);
  } catch (error) {
    rmSync(copy, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

function addWhatIsMissing(db: Database, schema: string): void {
  using fresh = new Scratch(schema);
  for (const { type, name, sql } of entriesOf(fresh.db)) {
    const own = entriesOf(db).find((entry) => entry.type === type && entry.name === name);
    if (type === 'table' && own !== undefined) addColumns(db, fresh.db, name);
    else if (own?.sql !== sql) {
      // An index of that name on other columns.
      if (own !== undefined) db.exec(`DROP ${type} ${quoted(name)}`);
      db.exec(sql);
    }
  }
}

/** `schema` in memory, to be asked what it has. */
class Scratch implements Disposable {
  readonly db = new DatabaseFile(':memory:', { nativeBinding: nativeBinding() });

  constructor(schema: string) {
    this.db.exec(schema);
  }

  [Symbol.dispose](): void {
    this.db.close();
  }
}

function addColumns(db: Database, fresh: Database, table: string): void {
  const own = new Set(columnsOf(db, table).map(({ name }) => name));
  for (const { name, type, fallback } of columnsOf(fresh, table)) {
    if (own.has(name)) continue;
    const ending = fallback === null ? '' : ` DEFAULT ${fallback}`;
    db.exec(`ALTER TABLE ${quoted(table)} ADD COLUMN ${quoted(name)} ${type}${ending}`);
  }
}

function entriesOf(db: Database): SchemaEntry[] {
  return db
    .prepare<[], SchemaEntry>(
      // Tables before what is made for them; what SQLite makes itself has no SQL.
      `SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type <> 'table', rowid`,
    )
    .all();
}

function columnsOf(db: Database, table: string): Column[] {
  return db.prepare<[string], Column>('SELECT name, type, dflt_value AS fallback FROM pragma_table_info(?)').all(table);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

import Database from 'better-sqlite3';
import { fail, ok, warn, type Finding } from './doctor-finding.ts';
import { filesOf } from './doctor-access.ts';

interface Index {
  readonly name: string;
  readonly sql: string;
}

/** Against a fresh database; whether every table and column is there, else nothing can be said of what is in them. */
export function checkSchema(
  db: Database.Database,
  file: string,
  migrations: readonly string[],
): { readonly isWhole: boolean; readonly findings: readonly Finding[] } {
  const fresh = new Database(':memory:');
  try {
    for (const migration of migrations) fresh.exec(migration);
    const missing = lacking(db, fresh);
    return missing.length === 0
      ? { isWhole: true, findings: [ok('schema', 'every table and column is there'), checkIndexes(db, file, fresh)] }
      : { isWhole: false, findings: [failing(missing, file)] };
  } finally {
    fresh.close();
  }
}

function failing(missing: readonly string[], file: string): Finding {
  const [database, wal, shm] = filesOf(file);
  return fail(
    'schema',
    `${file} lacks ${missing.join(', ')}: events cannot be stored`,
    `restore a copy, or move ${database}, ${wal} and ${shm} aside: the next event makes a new one`,
  );
}

/** "TABLE", or "TABLE.COLUMN" of one that is there. */
function lacking(db: Database.Database, fresh: Database.Database): readonly string[] {
  const there = columnsOf(db);
  return [...columnsOf(fresh)].flatMap(([table, columns]) => {
    const own = there.get(table);
    if (own === undefined) return [table];
    return columns.filter((column) => !own.includes(column)).map((column) => `${table}.${column}`);
  });
}

function columnsOf(db: Database.Database): ReadonlyMap<string, readonly string[]> {
  const tables = db
    .prepare<[], string>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .pluck()
    .all();
  const columns = db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck();
  return new Map(tables.map((table) => [table, columns.all(table)]));
}

function checkIndexes(db: Database.Database, file: string, fresh: Database.Database): Finding {
  const wanted = indexesOf(fresh);
  const there = new Set(indexesOf(db).map(({ name }) => name));
  const missing = wanted.filter(({ name }) => !there.has(name));
  if (missing.length === 0) return ok('indexes', `all ${wanted.length} are there`);
  const names = missing.map(({ name }) => name).join(', ');
  const statements = missing.map(({ sql }) => `${sql};`).join(' ');
  const effect = missing.some(({ sql }) => sql.startsWith('CREATE UNIQUE')) ? ', and events may be stored twice' : '';
  return warn(
    'indexes',
    `missing: ${names}: storing and queries grow slow${effect}`,
    `in sqlite3 ${file}: ${statements}`,
  );
}

function indexesOf(db: Database.Database): readonly Index[] {
  return db.prepare<[], Index>("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").all();
}

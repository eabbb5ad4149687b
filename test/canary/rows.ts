import type Database from 'better-sqlite3';
import type { Marks } from './marks.ts';
import { marked } from './shapes.ts';

type Value = string | number | Buffer | null;

/** What makes rows of a table count, so that the marks beside it are looked at. Other columns are NULL. */
const PLAUSIBLE: Readonly<Record<string, Readonly<Record<string, Value>>>> = {
  agent_invocations: {
    event_type: 'pre_invocation',
    agent_name: 'architect',
    status: 'completed',
    duration_seconds: 1,
  },
  agent_tool_uses: { tool_name: 'Bash', agent_name: 'architect', status: 'completed', duration_seconds: 1 },
  permission_requests: { tool_name: 'Bash', outcome: 'allowed' },
  compactions: { trigger: 'auto' },
  events: { name: 'Notification' },
};
/** Times that every table may have, long past, so that rows of our own hooks are complete. */
const TIMES: readonly string[] = ['timestamp', 'start_time', 'end_time', 'time', 'resolved_time', 'last_event_time'];
const TIME = '2026-11-20T12:00:00.000Z';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly pk: number;
  readonly notnull: number;
}

/**
 * For every column of every table and each of these shapes a row that is plausible but for that column, with marks at
 * "table.column". Where the table takes no such value (an INTEGER PRIMARY KEY) there is none. Returns the places.
 */
export function seedEveryColumn(db: Database.Database, marks: Marks, shapes: readonly string[]): readonly string[] {
  const tables = db
    .prepare<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
    .pluck()
    .all();
  const places: string[] = [];
  let row = 0;
  db.transaction(() => {
    for (const table of tables) {
      const columns = db.prepare<[], Column>(`SELECT * FROM pragma_table_info('${table}')`).all();
      for (const column of columns.filter(({ type, pk }) => !(type === 'INTEGER' && pk > 0))) {
        for (const shape of shapes) {
          row += 1;
          const place = `${table}.${column.name}`;
          const failed = column.name === 'error_type' ? { status: 'failed' } : {};
          const value = marked(marks, place, shape);
          insert(db, table, { ...plausible(table, columns, row), ...failed, [column.name]: value });
          places.push(place);
        }
      }
    }
  })();
  return [...new Set(places)];
}

/** Also an id of a session as text, since nobody may see that one either. */
function plausible(table: string, columns: readonly Column[], row: number): Readonly<Record<string, Value>> {
  const known = PLAUSIBLE[table] ?? {};
  return Object.fromEntries(
    columns
      .filter(({ type, pk }) => !(type === 'INTEGER' && pk > 0))
      .map(({ name, pk, notnull }): [string, Value] => {
        if (name in known) return [name, known[name]!];
        if (TIMES.includes(name)) return [name, TIME];
        if (name === 'session_id') return [name, `session-${row}`];
        if (name === 'stored_by') return [name, 'agentcol'];
        return [name, pk > 0 || notnull > 0 ? row : null];
      }),
  );
}

function insert(db: Database.Database, table: string, values: Readonly<Record<string, Value>>): void {
  const names = Object.keys(values);
  const quoted = names.map((name) => `"${name}"`).join(', ');
  db.prepare(`INSERT INTO "${table}" (${quoted}) VALUES (${names.map(() => '?').join(', ')})`).run(
    ...names.map((name) => values[name]),
  );
}

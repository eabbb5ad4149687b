import Database from 'better-sqlite3';

export function rowsOf(path: string, sql: string): readonly Readonly<Record<string, unknown>>[] {
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare<[], Record<string, unknown>>(sql).all();
  } finally {
    db.close();
  }
}

export function refusals(path: string): readonly Readonly<Record<string, unknown>>[] {
  return rowsOf(path, 'SELECT reason, count FROM refusals WHERE count > 0');
}

/** Columns whose values may be stored: who and what, never what was said. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  sessions: ['session_id', 'model', 'project'],
  agent_invocations: [
    'session_id',
    'agent_name',
    'agent_type',
    'agent_id',
    'parent_agent_id',
    'tool_use_id',
    'model',
    'project',
  ],
  agent_tool_uses: ['session_id', 'agent_name', 'agent_id', 'tool_name', 'tool_use_id', 'model', 'project'],
};

/** Every stored session id, id, tool name, agent type, model and project. */
export function allowedValues(path: string): ReadonlySet<string> {
  const allowed = new Set<string>();
  for (const [table, columns] of Object.entries(NAMES)) {
    for (const row of rowsOf(path, `SELECT DISTINCT ${columns.join(', ')} FROM ${table}`)) {
      for (const value of Object.values(row)) if (typeof value === 'string') allowed.add(value);
    }
  }
  return allowed;
}

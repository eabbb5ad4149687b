import Database from 'better-sqlite3';
import { fact, USAGE_FIELDS, type Facts } from './payload-recount.ts';

/** What the rows of a database say, in the sentences of PayloadRecount, by plain SELECTs. */
export function databaseFacts(path: string): Facts {
  const db = new Database(path, { readonly: true });
  try {
    const facts: Facts = new Map();
    const each = (name: string, sql: string): void => {
      for (const row of db.prepare<[], [number, ...(string | null)[]]>(sql).raw().all()) {
        const [value, ...labels] = row;
        fact(facts, name, labels, value);
      }
    };
    each(
      'tool call',
      'SELECT count(*), session_id, agent_name, tool_name, status FROM agent_tool_uses GROUP BY 2, 3, 4, 5',
    );
    each(
      'invocation',
      `SELECT count(*), session_id, agent_name, status FROM agent_invocations
       WHERE event_type = 'pre_invocation' GROUP BY 2, 3, 4`,
    );
    each(
      'nameless stop',
      `SELECT count(*), session_id, agent_id FROM agent_invocations
       WHERE event_type = 'subagent_stop' AND agent_name IS NULL GROUP BY 2, 3`,
    );
    for (const field of USAGE_FIELDS) {
      each(
        field,
        `SELECT sum(json_extract(raw_output, '$.usage.${field}')), session_id, agent_name FROM agent_invocations
         WHERE json_extract(raw_output, '$.usage.${field}') IS NOT NULL GROUP BY 2, 3`,
      );
    }
    each(
      'reported seconds',
      `SELECT sum(duration_seconds), session_id, agent_name FROM agent_invocations
       WHERE json_extract(raw_output, '$.totalDurationMs') IS NOT NULL GROUP BY 2, 3`,
    );
    each(
      'permission request',
      'SELECT count(*), session_id, agent_id, tool_name FROM permission_requests GROUP BY 2, 3, 4',
    );
    each('compaction', 'SELECT count(*), session_id, "trigger" FROM compactions GROUP BY 2, 3');
    each('event', 'SELECT count(*), session_id, name FROM events GROUP BY 2, 3');
    each(
      'session',
      `SELECT count(*), session_id, project, end_reason, CASE WHEN last_event_time IS NOT NULL THEN 'a turn ended' END
       FROM sessions GROUP BY 2, 3, 4, 5`,
    );
    return facts;
  } finally {
    db.close();
  }
}

/** Every text of every column of every table, each once. */
export function databaseTexts(path: string): ReadonlySet<string> {
  const db = new Database(path, { readonly: true });
  try {
    const texts = new Set<string>();
    const tables = db.prepare<[], string>(`SELECT name FROM sqlite_master WHERE type = 'table'`).pluck().all();
    for (const table of tables) {
      for (const row of db.prepare<[], unknown[]>(`SELECT * FROM "${table}"`).raw().iterate()) {
        for (const value of row) if (typeof value === 'string') texts.add(value);
      }
    }
    return texts;
  } finally {
    db.close();
  }
}

import { createHmac } from 'node:crypto';
import Database from 'better-sqlite3';
import { decode } from '../../../receivers/claude_code_hooks/decode.ts';
import type { HookEvent, Limits, Refusal } from '../../../receivers/claude_code_hooks/event.ts';
import { migrations } from '../../../receivers/claude_code_hooks/schema.ts';

export const LIMITS: Limits = {
  max_input_bytes: 1024 * 1024,
  max_stored_text_bytes: 10 * 1024,
  max_depth: 64,
  capture_content: false,
};

/** Every database of a test has the same key, so that their rows compare. */
const digest = (text: string): string => createHmac('sha256', 'a key of this test').update(text).digest('base64url');

export function decoded(text: string | Buffer, stampMs: number, limits = LIMITS): HookEvent | Refusal {
  return decode(text, limits, stampMs, digest);
}

export function freshDatabase(): Database.Database {
  const db = new Database(':memory:');
  for (const migration of migrations) db.exec(migration);
  return db;
}

/** In which order rows came in, and nothing else. */
const ORDER = new Set(['id', 'timestamp', 'agent_invocation_id', 'launch_id']);

/** All rows of all tables, without the order in which they came in; references say to what they point. */
export function finalRows(db: Database.Database): readonly string[] {
  const rows: string[] = [];
  const tables = db
    .prepare<[], string>(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
    .pluck()
    .all();
  const runs = new Map(
    db
      .prepare<[], Record<string, unknown>>('SELECT * FROM agent_invocations')
      .all()
      .map((run) => [run.id, JSON.stringify([run.agent_id, run.tool_use_id, run.launch_time, run.start_time])]),
  );
  for (const table of tables) {
    for (const row of db.prepare<[], Record<string, unknown>>(`SELECT * FROM "${table}"`).iterate()) {
      const fields = Object.entries(row).filter(([name]) => !ORDER.has(name));
      const within = 'agent_invocation_id' in row ? [['within', runs.get(row.agent_invocation_id)]] : [];
      rows.push(`${table} ${JSON.stringify([...fields, ...within])}`);
    }
  }
  return rows.sort();
}

/** Rows that only one of two databases has. */
export function rowDifferences(expected: readonly string[], actual: readonly string[]): readonly string[] {
  const missing = subtract(expected, actual).map((row) => `- ${row}`);
  return [...missing, ...subtract(actual, expected).map((row) => `+ ${row}`)];
}

function subtract(rows: readonly string[], others: readonly string[]): readonly string[] {
  const left = new Map<string, number>();
  for (const row of others) left.set(row, (left.get(row) ?? 0) + 1);
  return rows.filter((row) => {
    const count = left.get(row) ?? 0;
    left.set(row, count - 1);
    return count <= 0;
  });
}

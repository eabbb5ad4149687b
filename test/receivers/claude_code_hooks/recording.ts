import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';
import { decode } from '../../../receivers/claude_code_hooks/decode.ts';
import type { HookEvent, Limits, Refusal } from '../../../receivers/claude_code_hooks/event.ts';
import { migrations } from '../../../receivers/claude_code_hooks/schema.ts';
import { HookWriter } from '../../../receivers/claude_code_hooks/writer.ts';

export const LIMITS: Limits = {
  max_input_bytes: 1024 * 1024,
  max_stored_text_bytes: 10 * 1024,
  max_depth: 64,
  capture_content: false,
};
/** 2026-01-01T00:00:00.000Z; the times of tests are seconds after it. */
export const EPOCH_MS = Date.UTC(2026, 0, 1);

/** A payload and when its hook began, in seconds. */
export interface Stamped {
  readonly at: number;
  readonly payload: Payload;
}

export type Payload = Readonly<Record<string, unknown>>;
export type Row = Readonly<Record<string, unknown>>;

export function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

export function time(at: number): string {
  return new Date(EPOCH_MS + at * 1000).toISOString();
}

export function decoded(payload: unknown, at = 0, limits: Partial<Limits> = {}): HookEvent | Refusal {
  return decode(JSON.stringify(payload), { ...LIMITS, ...limits }, EPOCH_MS + at * 1000, digest);
}

/** A database of hooks in memory that is told payloads of one session. */
export class Recording implements Disposable {
  readonly db = new Database(':memory:');
  readonly writer: HookWriter;

  constructor() {
    for (const migration of migrations) this.db.exec(migration);
    this.writer = new HookWriter(this.db);
  }

  /** Throws for a payload that is refused. */
  hear(at: number, name: string, fields: Payload = {}, limits: Partial<Limits> = {}): this {
    this.writer.write(understood(at, name, fields, limits));
    return this;
  }

  hearAll(events: readonly Stamped[]): this {
    for (const { at, payload } of events) this.hear(at, String(payload.hook_event_name), payload);
    return this;
  }

  /** The same, in one transaction. */
  hearAtOnce(events: readonly Stamped[]): this {
    this.writer.writeAll(events.map(({ at, payload }) => understood(at, String(payload.hook_event_name), payload)));
    return this;
  }

  rows(table: string, order = '1'): Row[] {
    return this.db.prepare<[], Row>(`SELECT * FROM ${table} ORDER BY ${order}`).all();
  }

  /** The only row. */
  row(table: string): Row {
    const rows = this.rows(table);
    if (rows.length !== 1) throw new Error(`${table} has ${rows.length} rows`);
    return rows[0]!;
  }

  /**
   * All that is stored, without ids and stamps of arrival: references to rows are replaced by what identifies the rows, so
   * that equal databases give equal texts.
   */
  contents(): readonly string[] {
    const invocations = new Map(
      this.rows('agent_invocations').map((row) => [row.id, `${String(row.agent_id)}/${String(row.run)}`]),
    );
    const launches = new Map(this.rows('agent_launches').map((row) => [row.id, row.tool_use_id]));
    const tables = this.db
      .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
      .pluck()
      .all();
    return tables
      .flatMap((table) =>
        this.rows(table).map((row) =>
          JSON.stringify({
            table,
            ...row,
            id: undefined,
            timestamp: undefined,
            ...('agent_invocation_id' in row && { agent_invocation_id: invocations.get(row.agent_invocation_id) }),
            ...('parent_invocation_id' in row && { parent_invocation_id: invocations.get(row.parent_invocation_id) }),
            ...('launch_id' in row && { launch_id: launches.get(row.launch_id) }),
          }),
        ),
      )
      .sort();
  }

  [Symbol.dispose](): void {
    this.db.close();
  }
}

function understood(at: number, name: string, fields: Payload, limits: Partial<Limits> = {}): HookEvent {
  const payload = { session_id: 's', hook_event_name: name, cwd: '/home/someone/project', ...fields };
  const event = decoded(payload, at, limits);
  if (event.kind === 'refusal') throw new Error(`${event.reason}: ${event.detail}`);
  return event;
}

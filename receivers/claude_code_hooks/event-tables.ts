import type { Database } from 'better-sqlite3';
import { STORED_BY, type CompactionEvent, type HookEvent, type OtherEvent, type Refusal } from './event.ts';
import { once } from './once.ts';

/** Tables whose rows stand for themselves. Unless events are live, one of the same session, kind and millisecond is the same event. */
export class EventTables {
  readonly #db: Database;
  /** 0 or 1, as SQLite takes it. */
  readonly #live: number;

  /** `live`: as of HookWriter. */
  constructor(db: Database, live: boolean) {
    this.#db = db;
    this.#live = Number(live);
  }

  addOther({ time, sessionId, agentId, name, notificationType, size, unknownFields }: OtherEvent): void {
    const fields = unknownFields.length === 0 ? null : JSON.stringify(unknownFields);
    this.#insertOther().run({ time, sessionId, agentId, name, notificationType, size, fields, live: this.#live });
  }

  addCompaction({ time, sessionId, agentId, trigger }: CompactionEvent): void {
    this.#insertCompaction().run({ time, sessionId, agentId, trigger, live: this.#live });
  }

  /** A stop that names no agent ends none that is known. */
  addNamelessStop({ time, sessionId, permissionMode, project }: HookEvent): void {
    this.#insertStop().run({ time, sessionId, permissionMode, project, storedBy: STORED_BY, live: this.#live });
  }

  addUnknownFields({ name, unknownFields }: HookEvent): void {
    for (const field of unknownFields) this.#insertField().run(name, field);
  }

  addRefusal({ reason, time }: Refusal): void {
    this.#insertRefusal().run(reason, time);
  }

  readonly #insertOther = once(() =>
    this.#db.prepare(
      `INSERT INTO events(time, session_id, agent_id, name, notification_type, size, unknown_fields)
       SELECT @time, @sessionId, @agentId, @name, @notificationType, @size, @fields WHERE @live OR NOT EXISTS (
         SELECT 1 FROM events WHERE session_id = @sessionId AND time = @time AND agent_id IS @agentId AND name = @name
           AND size = @size AND notification_type IS @notificationType AND unknown_fields IS @fields)`,
    ),
  );

  readonly #insertCompaction = once(() =>
    this.#db.prepare(
      `INSERT INTO compactions(time, session_id, agent_id, "trigger")
       SELECT @time, @sessionId, @agentId, @trigger WHERE @live OR NOT EXISTS (
         SELECT 1 FROM compactions WHERE session_id = @sessionId AND time = @time AND agent_id IS @agentId
           AND "trigger" IS @trigger)`,
    ),
  );

  readonly #insertStop = once(() =>
    this.#db.prepare(
      `INSERT INTO agent_invocations(timestamp, session_id, event_type, end_time, status, permission_mode, project, stored_by)
       SELECT @time, @sessionId, 'subagent_stop', @time, 'completed', @permissionMode, @project, @storedBy
       WHERE @live OR NOT EXISTS (
         SELECT 1 FROM agent_invocations WHERE timestamp = @time AND session_id = @sessionId
           AND event_type = 'subagent_stop' AND agent_id IS NULL)`,
    ),
  );

  readonly #insertField = once(() =>
    this.#db.prepare('INSERT OR IGNORE INTO unknown_fields(name, field) VALUES (?, ?)'),
  );

  readonly #insertRefusal = once(() =>
    this.#db.prepare(
      `INSERT INTO refusals(reason, count, last_time) VALUES (?, 1, ?)
       ON CONFLICT(reason) DO UPDATE SET count = count + 1, last_time = max(last_time, excluded.last_time)`,
    ),
  );
}

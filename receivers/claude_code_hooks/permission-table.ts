import type { Database } from 'better-sqlite3';
import type { CallTable } from './call-table.ts';
import type { CallEvent, PermissionRequestEvent } from './event.ts';
import { once } from './once.ts';
import { resolve, type PermissionRequest } from './permission.ts';

/** Requests for permission, each with what its call tells of the answer. */
export class PermissionTable {
  readonly #db: Database;
  /** 0 or 1, as SQLite takes it. */
  readonly #live: number;

  /** `live`: as of HookWriter. */
  constructor(db: Database, live: boolean) {
    this.#db = db;
    this.#live = Number(live);
  }

  add({ sessionId, agentId, toolName, inputDigest, time }: PermissionRequestEvent): void {
    this.#insert().run({ sessionId, agentId, toolName, inputDigest, time, live: this.#live });
  }

  /** To be called when a request or a call of that tool and input has changed. `calls` is the table of that tool. */
  refresh({ sessionId, toolName, inputDigest }: PermissionRequestEvent | CallEvent, calls: CallTable): void {
    const requests = this.#find().all(sessionId, toolName, inputDigest);
    if (requests.length === 0) return;
    const before = new Map(requests.map((request) => [request.id, request]));
    for (const { id, outcome, resolved_time } of resolve(requests, calls.ofInput(sessionId, toolName, inputDigest))) {
      const known = before.get(id);
      if (known?.outcome !== outcome || known.resolved_time !== resolved_time) {
        this.#update().run(outcome, resolved_time, id);
      }
    }
  }

  readonly #find = once(() =>
    this.#db.prepare<[string, string, string], PermissionRequest>(
      `SELECT id, agent_id, time, resolved_time, outcome FROM permission_requests
       WHERE session_id = ? AND tool_name = ? AND input_digest = ?`,
    ),
  );

  readonly #insert = once(() =>
    this.#db.prepare(
      `INSERT INTO permission_requests(session_id, agent_id, tool_name, input_digest, time)
       SELECT @sessionId, @agentId, @toolName, @inputDigest, @time WHERE @live OR NOT EXISTS (
         SELECT 1 FROM permission_requests WHERE session_id = @sessionId AND tool_name = @toolName
           AND input_digest = @inputDigest AND agent_id IS @agentId AND time = @time)`,
    ),
  );

  readonly #update = once(() =>
    this.#db.prepare('UPDATE permission_requests SET outcome = ?, resolved_time = ? WHERE id = ?'),
  );
}

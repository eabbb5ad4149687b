import type { Database } from 'better-sqlite3';
import type { Mark } from './agent-runs.ts';
import type { HookEvent } from './event.ts';
import { once } from './once.ts';
import type { SessionMark } from './session-run.ts';
import { precedes } from './stamp.ts';

type Seen = Pick<Mark, 'time' | 'agent_type' | 'permission_mode' | 'project'> & { readonly id: number };

/** Beginnings and ends of agents and sessions, as they were heard: a set, to which an equal fact adds nothing. */
export class Lifecycle {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Returns whether that is new. `agentId` is whom it happened to; null for the session. */
  add(name: Mark['name'], event: HookEvent, agentId: string | null): boolean {
    return this.#insert().run(this.#row(name, event, agentId)).changes > 0;
  }

  /** Remembers the earliest event that named an agent. Returns whether this is it. */
  see(event: HookEvent, agentId: string): boolean {
    const seen = this.#seen().get(event.sessionId, agentId);
    if (seen !== undefined && !isBefore(event, seen)) return false;
    if (seen !== undefined) this.#forget().run(seen.id);
    return this.add('agent_seen', event, agentId);
  }

  /** The starts and ends of a session itself. */
  ofSession(sessionId: string): SessionMark[] {
    return this.#ofSession().all(sessionId);
  }

  /** All of a session, its agents' included. */
  all(sessionId: string): Mark[] {
    return this.#all().all(sessionId);
  }

  #row(name: Mark['name'], event: HookEvent, agentId: string | null): Readonly<Record<string, string | null>> {
    return {
      session_id: event.sessionId,
      agent_id: agentId,
      name,
      time: event.time,
      agent_type: name === 'agent_seen' ? event.agentType : null,
      word: event.kind === 'session_start' || event.kind === 'session_end' ? event.word : null,
      model: event.model,
      permission_mode: event.permissionMode,
      project: event.project,
      cwd: event.cwd,
    };
  }

  readonly #insert = once(() =>
    this.#db.prepare(
      `INSERT OR IGNORE INTO lifecycle(session_id, agent_id, name, time, agent_type, word, model, permission_mode, project, cwd)
       VALUES (@session_id, @agent_id, @name, @time, @agent_type, @word, @model, @permission_mode, @project, @cwd)`,
    ),
  );

  // coalesce() as in the index, or SQLite does not use it.
  readonly #seen = once(() =>
    this.#db.prepare<[string, string], Seen>(
      `SELECT id, time, agent_type, permission_mode, project FROM lifecycle WHERE session_id = ? AND coalesce(agent_id, '') = ? AND name = 'agent_seen'`,
    ),
  );

  readonly #forget = once(() => this.#db.prepare('DELETE FROM lifecycle WHERE id = ?'));

  readonly #ofSession = once(() =>
    this.#db.prepare<[string], SessionMark>(
      `SELECT name, time, agent_id, agent_type, word, model, permission_mode, project, cwd FROM lifecycle
       WHERE session_id = ? AND coalesce(agent_id, '') = ''`,
    ),
  );

  readonly #all = once(() =>
    this.#db.prepare<[string], Mark>(
      'SELECT name, time, agent_id, agent_type, word, permission_mode, project FROM lifecycle WHERE session_id = ?',
    ),
  );
}

function isBefore(event: HookEvent, seen: Seen): boolean {
  const told = [event.agentType, event.permissionMode, event.project];
  return precedes(event.time, told, seen.time, [seen.agent_type, seen.permission_mode, seen.project]);
}

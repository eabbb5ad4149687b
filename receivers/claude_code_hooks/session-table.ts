import type { Database } from 'better-sqlite3';
import { STORED_BY, type HookEvent } from './event.ts';
import type { Lifecycle } from './lifecycle.ts';
import { once } from './once.ts';
import { sessionRun } from './session-run.ts';

interface Session {
  readonly session_id: string;
  readonly start_time: string;
  readonly end_time: string | null;
  readonly status: string;
  readonly cwd: string | null;
  readonly stored_by: string | null;
  readonly last_event_time: string | null;
  readonly start_source: string | null;
  readonly end_reason: string | null;
  readonly model: string | null;
  /** Of the last turn that ended. */
  readonly permission_mode: string | null;
  readonly project: string | null;
  /** The end of the last turn of whatever run. */
  readonly last_stop_time: string | null;
}

const COLUMNS = [
  ...['session_id', 'start_time', 'end_time', 'status', 'cwd', 'stored_by', 'last_event_time', 'start_source'],
  ...['end_reason', 'model', 'permission_mode', 'project', 'last_stop_time'],
];

/** One row a session: its latest run. A row whose start changes is replaced, since it is another run to whoever reads it. */
export class SessionTable {
  readonly #db: Database;
  readonly #lifecycle: Lifecycle;

  constructor(db: Database, lifecycle: Lifecycle) {
    this.#db = db;
    this.#lifecycle = lifecycle;
  }

  /** Takes note of the session of an event, whose own mark is in the lifecycle already. */
  hear(event: HookEvent): void {
    const stored = this.#find().get(event.sessionId);
    // What the former logger knows of a session, in local time, is a run of its own.
    const known = stored?.stored_by === STORED_BY ? stored : undefined;
    const isMark = event.kind === 'session_start' || event.kind === 'session_end';
    if (known !== undefined && event.time >= known.start_time && event.kind !== 'turn_end' && !isMark) return;
    const session = this.#run(withEvent(known ?? newSession(event), event));
    if (known?.start_time !== session.start_time) this.#replace().run(session);
    else if (JSON.stringify(known) !== JSON.stringify(session)) this.#update().run(session);
  }

  #run(session: Session): Session {
    const { resumed, start, end } = sessionRun(this.#lifecycle.ofSession(session.session_id));
    const { start_time, project, cwd } =
      resumed === undefined ? session : { start_time: resumed.time, project: resumed.project, cwd: resumed.cwd };
    const { last_stop_time: lastStop } = session;
    return {
      session_id: session.session_id,
      start_time,
      end_time: end?.time ?? null,
      status: end === undefined ? 'active' : 'ended',
      cwd,
      stored_by: STORED_BY,
      last_event_time: lastStop !== null && lastStop >= start_time ? lastStop : null,
      start_source: start?.word ?? null,
      end_reason: end?.word ?? null,
      model: start?.model ?? null,
      permission_mode: session.permission_mode,
      project,
      last_stop_time: lastStop,
    };
  }

  readonly #find = once(() =>
    this.#db.prepare<[string], Session>(`SELECT ${COLUMNS.join(', ')} FROM sessions WHERE session_id = ?`),
  );

  readonly #replace = once(() =>
    this.#db.prepare(
      `INSERT OR REPLACE INTO sessions(${COLUMNS.join(', ')}) VALUES (${COLUMNS.map((name) => `@${name}`).join(', ')})`,
    ),
  );

  readonly #update = once(() =>
    this.#db.prepare(
      `UPDATE sessions SET ${COLUMNS.map((name) => `${name} = @${name}`).join(', ')} WHERE session_id = @session_id`,
    ),
  );
}

function newSession(event: HookEvent): Session {
  return {
    session_id: event.sessionId,
    start_time: event.time,
    end_time: null,
    status: 'active',
    cwd: event.cwd,
    stored_by: STORED_BY,
    last_event_time: null,
    start_source: null,
    end_reason: null,
    model: null,
    permission_mode: null,
    project: event.project,
    last_stop_time: null,
  };
}

/** The smallest stamp tells where a first run began, the last turn that ended in which mode. */
function withEvent(session: Session, event: HookEvent): Session {
  const { start_time, project, cwd } =
    event.time < session.start_time ? { start_time: event.time, project: event.project, cwd: event.cwd } : session;
  const begun = { ...session, start_time, project, cwd };
  if (event.kind !== 'turn_end' || (session.last_stop_time ?? '') >= event.time) return begun;
  return { ...begun, last_stop_time: event.time, permission_mode: event.permissionMode };
}

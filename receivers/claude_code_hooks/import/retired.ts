import type { Database, Statement } from 'better-sqlite3';

interface RetiredSession {
  readonly before_time: string;
  readonly time_source: string | null;
}

/** What retention deleted before an import. Of that nothing comes back, or it would be counted twice. */
export class Retired {
  readonly #find: Statement<[string], RetiredSession>;
  readonly #findStart: Statement<[{ readonly session: string }], string | null>;
  /** Empty: nothing was deleted. */
  readonly #newest: string;
  readonly #sessions = new Map<string, RetiredSession | undefined>();
  readonly #starts = new Map<string, string>();

  constructor(db: Database) {
    this.#find = db.prepare('SELECT before_time, time_source FROM retired_sessions WHERE session_id = ?');
    // The row tells when it was resumed last; times of the older logger are others.
    this.#findStart = db
      .prepare<[{ readonly session: string }], string | null>(
        `SELECT min(time) FROM (
           SELECT start_time AS time FROM sessions WHERE session_id = @session AND stored_by = 'agentcol'
           UNION ALL SELECT time FROM lifecycle WHERE session_id = @session)`,
      )
      .pluck();
    this.#newest = db.prepare<[], string | null>('SELECT max(before_time) FROM retired_sessions').pluck().get() ?? '';
  }

  /** Whether what the session did then was deleted. */
  has(sessionId: string, stampMs: number): boolean {
    const session = this.#session(sessionId);
    return session !== undefined && new Date(stampMs).toISOString() < session.before_time;
  }

  /** Whether hooks or a transcript told of what was deleted of the session. */
  wasTold(sessionId: string): boolean {
    const session = this.#session(sessionId);
    return session !== undefined && (session.time_source === null || session.time_source === 'transcript');
  }

  /**
   * Whether a record may be a copy of one that was deleted: it is of before the session that it stands in, as far as that was
   * known before this import. Claude Code copies what a session continues into its transcript.
   */
  mayHaveCopied(sessionId: string, stampMs: number): boolean {
    const time = new Date(stampMs).toISOString();
    return time < this.#newest && time < this.#start(sessionId);
  }

  #session(sessionId: string): RetiredSession | undefined {
    if (!this.#sessions.has(sessionId)) this.#sessions.set(sessionId, this.#find.get(sessionId));
    return this.#sessions.get(sessionId);
  }

  /** Empty for a session that was not known. */
  #start(sessionId: string): string {
    const start = this.#starts.get(sessionId) ?? this.#findStart.get({ session: sessionId }) ?? '';
    this.#starts.set(sessionId, start);
    return start;
  }
}

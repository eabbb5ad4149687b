import type { Database, Statement } from 'better-sqlite3';

/** A compaction's hook runs before it, its record is written after it. */
const LONGEST_COMPACTION_MS = 5 * 60_000;

const ORIGINS = ['hooks', 'recorded', 'assumed', 'transcript'] as const;

/**
 * What a session was first heard of by, as sessions.time_source says it: hooks as it happened (NULL there), a transcript, or
 * recorded payloads, with the times of a recorder, or with times that were assumed.
 */
export type Origin = (typeof ORIGINS)[number];

interface CallKey {
  readonly session: string;
  readonly id: string;
  /** 0 or 1. */
  readonly isStart: number;
}

/** What a database knew before an import: what was recorded as it happened is not touched by what a transcript says of it. */
export class Known {
  readonly #call: Statement<[CallKey], number>;
  readonly #turnEnd: Statement<[string, string], number>;
  readonly #lifecycle: Statement<[string, string, string], number>;
  readonly #compaction: Statement<[string, string, number, string, string], number>;
  readonly #session: Statement<[string], string>;
  readonly #callWithoutId: Statement<[string], number>;
  readonly #claim: Statement<[string, string]>;
  readonly #claimed: Statement<[string], string>;
  readonly #lastCompaction: number;
  readonly #origins = new Map<string, Origin>();
  readonly #withoutId = new Map<string, boolean>();

  constructor(db: Database) {
    // Claude Code copies records into the transcript of a session that continues another: a call belongs to the first. On
    // disk, not in memory: there may be a million.
    db.exec(`CREATE TEMP TABLE claims(tool_use_id TEXT PRIMARY KEY, session_id TEXT) WITHOUT ROWID;
      INSERT OR IGNORE INTO claims SELECT tool_use_id, session_id FROM agent_tool_uses WHERE tool_use_id IS NOT NULL;
      INSERT OR IGNORE INTO claims SELECT tool_use_id, session_id FROM agent_launches WHERE tool_use_id IS NOT NULL`);
    this.#claim = db.prepare('INSERT OR IGNORE INTO claims VALUES (?, ?)');
    this.#claimed = db.prepare<[string], string>('SELECT session_id FROM claims WHERE tool_use_id = ?').pluck();
    this.#call = db
      .prepare<[CallKey], number>(
        ['agent_tool_uses', 'agent_launches']
          .map(
            (table) => `SELECT 1 FROM ${table} WHERE session_id = @session AND tool_use_id = @id
              AND (end_time IS NOT NULL OR (@isStart AND start_time IS NOT NULL))`,
          )
          .join(' UNION ALL '),
      )
      .pluck();
    this.#turnEnd = db
      .prepare<[string, string], number>('SELECT 1 FROM sessions WHERE session_id = ? AND last_stop_time >= ?')
      .pluck();
    this.#lifecycle = db
      .prepare<[string, string, string], number>(
        `SELECT 1 FROM lifecycle WHERE session_id = ? AND coalesce(agent_id, '') = ? AND name = ?`,
      )
      .pluck();
    this.#compaction = db
      .prepare<[string, string, number, string, string], number>(
        'SELECT 1 FROM compactions WHERE session_id = ? AND (time = ? OR (id <= ? AND time BETWEEN ? AND ?))',
      )
      .pluck();
    this.#session = db
      .prepare<[string], string>(`SELECT coalesce(time_source, 'hooks') FROM sessions WHERE session_id = ?`)
      .pluck();
    this.#callWithoutId = db
      .prepare<[string], number>(
        'SELECT 1 FROM agent_tool_uses WHERE session_id = ? AND tool_use_id IS NULL AND tool_name IS NOT NULL LIMIT 1',
      )
      .pluck();
    this.#lastCompaction = db.prepare<[], number>('SELECT coalesce(max(id), 0) FROM compactions').pluck().get() ?? 0;
  }

  /** Whether all of a call is stored already, or the start that is asked about. */
  isStoredCall(sessionId: string, toolUseId: string, isStart: boolean): boolean {
    return this.#call.get({ session: sessionId, id: toolUseId, isStart: Number(isStart) }) !== undefined;
  }

  /** Whether this end of a turn, or a later one, is stored. */
  isStoredTurnEnd(sessionId: string, stampMs: number): boolean {
    return this.#turnEnd.get(sessionId, new Date(stampMs).toISOString()) !== undefined;
  }

  /** Whether a call is a copy of one of another session; the first session that is asked about has it. */
  isCopy(sessionId: string, toolUseId: string): boolean {
    this.#claim.run(toolUseId, sessionId);
    return this.#claimed.get(toolUseId) !== sessionId;
  }

  /** Whether a session that was asked about has it. */
  isClaimed(id: string): boolean {
    return this.#claimed.get(id) !== undefined;
  }

  /** Whether any start, or any end, of an agent is stored. */
  isStored(name: 'agent_start' | 'agent_stop', sessionId: string, agentId: string): boolean {
    return this.#lifecycle.get(sessionId, agentId, name) !== undefined;
  }

  isStoredCompaction(sessionId: string, stampMs: number): boolean {
    const time = new Date(stampMs).toISOString();
    const earliest = new Date(stampMs - LONGEST_COMPACTION_MS).toISOString();
    return this.#compaction.get(sessionId, time, this.#lastCompaction, earliest, time) !== undefined;
  }

  /** Where the session was first heard of: by hooks, or by this import, as it says, or by one before. */
  origin(sessionId: string, asking: Exclude<Origin, 'hooks'>): Origin {
    const origin = this.#origins.get(sessionId) ?? isOrigin(this.#session.get(sessionId)) ?? asking;
    this.#origins.set(sessionId, origin);
    return origin;
  }

  /** Whether calls of the session were stored that cannot be told from those of its transcript. */
  hasCallsWithoutId(sessionId: string): boolean {
    const has = this.#withoutId.get(sessionId) ?? this.#callWithoutId.get(sessionId) !== undefined;
    this.#withoutId.set(sessionId, has);
    return has;
  }
}

function isOrigin(text: string | undefined): Origin | undefined {
  return ORIGINS.find((origin) => origin === text);
}

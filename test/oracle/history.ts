import Database from 'better-sqlite3';
import { epochSeconds } from './epoch.ts';
import * as family from './families.ts';
import { add, observe, type Samples } from './samples.ts';

type Row = Readonly<Record<string, unknown>>;

/** A row of one of the two append tables, remembered by what is never updated. */
interface Tracked {
  readonly identity: string;
  readonly firstSeen: number;
  settled: boolean;
}

interface Observations {
  readonly labels: Record<string, string>;
  readonly values: number[];
}

/**
 * Replays what a collector would see that reads the whole database at each call of `look`: a row settles once, and
 * nothing that happens to it afterwards changes what was counted; deleted rows stay counted.
 */
export class History {
  readonly #zone: string;
  readonly #counters: Samples = new Map();
  readonly #observations = new Map<string, Observations>();
  readonly #invocations = new Map<number, Tracked>();
  readonly #toolCalls = new Map<number, Tracked>();
  readonly #permissions = new Map<number, Tracked>();
  readonly #compactions = new Map<number, Tracked>();
  readonly #sessions = new Set<string>();
  readonly #endedRuns = new Set<string>();
  readonly #runsFirstSeen = new Map<string, number>();
  #active: Samples = new Map();

  constructor(zone: string) {
    this.#zone = zone;
  }

  /** Reads every row now. A database that is not there changes nothing. */
  look(path: string, nowMs: number): void {
    const db = new Database(path, { readonly: true });
    try {
      this.#active = new Map();
      const now = nowMs / 1000;
      for (const row of rows(db, 'agent_invocations')) this.#invocation(row, now);
      for (const row of rows(db, 'agent_tool_uses')) this.#toolCall(row, now);
      for (const row of rows(db, 'sessions')) this.#session(row, now);
      for (const row of rows(db, 'permission_requests')) this.#permission(row, now);
      for (const row of rows(db, 'compactions')) this.#compaction(row, now);
      const size = db
        .prepare<[], number>('SELECT page_count * page_size FROM pragma_page_count, pragma_page_size')
        .pluck()
        .get();
      add(this.#active, family.DATABASE_SIZE, {}, size ?? 0);
    } finally {
      db.close();
    }
  }

  samples(): Samples {
    const samples: Samples = new Map([...this.#counters, ...this.#active]);
    samples.set(family.SESSIONS, this.#sessions.size);
    for (const [key, { labels, values }] of this.#observations) {
      const name = key.split('{', 1)[0]!;
      observe(samples, name, labels, BUCKETS[name]!, values);
    }
    return samples;
  }

  #epoch(value: unknown): number | null {
    return epochSeconds(value, this.#zone);
  }

  #invocation(row: Row, now: number): void {
    this.#seeSession(row);
    if (row.event_type !== 'pre_invocation' || typeof row.agent_name !== 'string') return;
    const labels = { [family.AGENT]: row.agent_name, [family.PHASE]: text(row.phase) ?? 'unknown' };
    const { tracked, isNew } = track(this.#invocations, row, [row.timestamp, row.session_id, row.event_type], now);
    if (isNew) {
      this.#zeros(family.INVOCATIONS, labels);
      this.#start(row.agent_name, row.start_time ?? row.launch_time);
    }
    if (tracked.settled) return;
    if (this.#complete(row, now) ?? (row.end_time !== null || ended(row))) {
      tracked.settled = true;
      if (isOurs(row)) this.#start(row.agent_name, row.start_time);
      const status = row.status === 'abandoned' ? 'abandoned' : failed(row) ? 'failed' : 'completed';
      add(this.#counters, family.INVOCATIONS, { ...labels, [family.STATUS]: status }, 1);
      this.#observe(family.INVOCATION_SECONDS, withError(labels, row), this.#duration(row));
      this.#tokens(row, row.agent_name);
    } else if (this.#age(row.start_time ?? row.launch_time, tracked, now) > family.OPEN_SECONDS) {
      tracked.settled = true;
      if (isOurs(row)) this.#start(row.agent_name, row.start_time);
      add(this.#counters, family.INVOCATIONS, { ...labels, [family.STATUS]: 'abandoned' }, 1);
    } else {
      add(this.#active, family.INVOCATIONS_ACTIVE, labels, 1);
    }
  }

  #toolCall(row: Row, now: number): void {
    this.#seeSession(row);
    if (typeof row.tool_name !== 'string') return;
    const labels = { [family.TOOL]: row.tool_name, [family.AGENT]: text(row.agent_name) ?? 'unknown' };
    const { tracked, isNew } = track(this.#toolCalls, row, [row.timestamp, row.session_id, row.tool_name], now);
    if (isNew) this.#zeros(family.TOOL_CALLS, labels);
    if (tracked.settled) return;
    const direct = row.agent_name === 'direct';
    if (this.#complete(row, now) ?? (row.end_time !== null || ended(row) || direct)) {
      tracked.settled = true;
      const denied = row.status === 'denied' ? 'denied' : 'completed';
      const status = failed(row) ? 'failed' : direct && row.end_time === null ? 'unknown' : denied;
      add(this.#counters, family.TOOL_CALLS, { ...labels, [family.STATUS]: status }, 1);
      this.#observe(family.TOOL_SECONDS, withError(labels, row), this.#duration(row));
    } else if (this.#age(row.start_time, tracked, now) > family.OPEN_SECONDS) {
      tracked.settled = true;
      add(this.#counters, family.TOOL_CALLS, { ...labels, [family.STATUS]: 'abandoned' }, 1);
    } else {
      add(this.#active, family.TOOL_CALLS_ACTIVE, labels, 1);
    }
  }

  #session(row: Row, now: number): void {
    this.#seeSession(row);
    if (typeof row.session_id !== 'string') return;
    const run = `${row.session_id} ${text(row.start_time) ?? ''}`;
    if (this.#endedRuns.has(run)) return;
    const start = this.#epoch(row.start_time);
    const signs = [this.#epoch(row.end_time), this.#epoch(row.last_event_time)].filter((sign) => sign !== null);
    if (!this.#runsFirstSeen.has(run)) this.#runsFirstSeen.set(run, now);
    if (signs.length > 0) {
      const sign = Math.max(...signs);
      if (sign < now - family.SILENT_SECONDS) {
        this.#endedRuns.add(run);
        this.#observe(family.SESSION_SECONDS, {}, start === null ? null : sign - start);
      } else {
        add(this.#active, family.SESSIONS_ACTIVE, {}, 1);
      }
      return;
    }
    const since = start === null || start > now ? this.#runsFirstSeen.get(run)! : start;
    if (now - since > family.OPEN_SECONDS) this.#endedRuns.add(run);
    else add(this.#active, family.SESSIONS_ACTIVE, {}, 1);
  }

  #permission(row: Row, now: number): void {
    const { tracked, isNew } = track(this.#permissions, row, [row.session_id, row.tool_name], now);
    const labels = { [family.TOOL]: text(row.tool_name) ?? 'unknown' };
    const count = (outcome: string, requests: number): void => {
      add(this.#counters, family.PERMISSIONS, { ...labels, [family.OUTCOME]: outcome }, requests);
    };
    if (isNew) for (const outcome of family.KNOWN_OUTCOMES) count(outcome, 0);
    if (tracked.settled) return;
    const resolved = this.#epoch(row.resolved_time);
    const answered = resolved ?? this.#epoch(row.time);
    const outcome = text(row.outcome);
    if (outcome !== undefined && answered !== null && answered < now - family.LATE_SECONDS) {
      tracked.settled = true;
      count(outcome, 1);
      const asked = this.#epoch(row.time);
      const wait = resolved === null || asked === null ? null : resolved - asked;
      this.#observe(family.PERMISSION_SECONDS, { ...labels, [family.OUTCOME]: outcome }, wait);
    } else if (this.#age(row.time, tracked, now) > family.OPEN_SECONDS) {
      tracked.settled = true;
      count('abandoned', 1);
    }
  }

  #compaction(row: Row, now: number): void {
    if (!track(this.#compactions, row, [row.session_id, row.time], now).isNew) return;
    for (const trigger of family.KNOWN_TRIGGERS) {
      add(this.#counters, family.COMPACTIONS, { [family.TRIGGER]: trigger }, 0);
    }
    add(this.#counters, family.COMPACTIONS, { [family.TRIGGER]: text(row.trigger) ?? 'unknown' }, 1);
  }

  /** Whether a row of agentcol's own hooks is complete; undefined for a row of somebody else. */
  #complete(row: Row, now: number): boolean | undefined {
    if (!isOurs(row)) return undefined;
    const end = this.#epoch(row.end_time);
    return end !== null && end < now - family.LATE_SECONDS;
  }

  #start(agent: string, time: unknown): void {
    const start = this.#epoch(time);
    if (start !== null) this.#max(family.LAST_START, { [family.AGENT]: agent }, start);
  }

  #seeSession(row: Row): void {
    if (typeof row.session_id === 'string') this.#sessions.add(row.session_id);
  }

  #age(startTime: unknown, tracked: Tracked, now: number): number {
    const start = this.#epoch(startTime);
    return now - (start === null || start > now ? tracked.firstSeen : start);
  }

  #duration(row: Row): number | null {
    if (row.status === 'abandoned' || row.status === 'denied') return null;
    if (typeof row.duration_seconds === 'number') return row.duration_seconds;
    const [start, end] = [this.#epoch(row.start_time ?? row.launch_time), this.#epoch(row.end_time)];
    return start === null || end === null ? null : end - start;
  }

  #observe(name: string, labels: Record<string, string>, value: number | null): void {
    if (value === null || value < 0) return;
    const key = `${name}${JSON.stringify(labels)}`;
    const before = this.#observations.get(key);
    if (before === undefined) this.#observations.set(key, { labels, values: [value] });
    else before.values.push(value);
  }

  #tokens(row: Row, agent: string): void {
    for (const [type, field] of family.TOKEN_FIELDS) {
      const count = usage(row.raw_output)?.[field];
      if (typeof count !== 'number') continue;
      add(this.#counters, family.TOKENS, { [family.AGENT]: agent, [family.TOKEN_TYPE]: type }, count);
    }
  }

  #zeros(name: string, labels: Record<string, string>): void {
    for (const status of family.KNOWN_STATUSES) add(this.#counters, name, { ...labels, [family.STATUS]: status }, 0);
  }

  #max(name: string, labels: Record<string, string>, value: number): void {
    const held: Samples = new Map();
    add(held, name, labels, value);
    for (const [key, high] of held) this.#counters.set(key, Math.max(high, this.#counters.get(key) ?? -Infinity));
  }
}

const BUCKETS: Readonly<Record<string, readonly number[]>> = {
  [family.INVOCATION_SECONDS]: family.INVOCATION_BUCKETS,
  [family.TOOL_SECONDS]: family.TOOL_BUCKETS,
  [family.SESSION_SECONDS]: family.SESSION_BUCKETS,
  [family.PERMISSION_SECONDS]: family.PERMISSION_BUCKETS,
};

function rows(db: Database.Database, table: string): Row[] {
  const there = db.prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?`).get(table);
  return there === undefined ? [] : db.prepare<[], Row>(`SELECT rowid AS row_id, * FROM ${table} ORDER BY rowid`).all();
}

function track(
  seen: Map<number, Tracked>,
  row: Row,
  identity: readonly unknown[],
  now: number,
): { tracked: Tracked; isNew: boolean } {
  const id = Number(row.row_id);
  const digest = JSON.stringify(identity);
  const before = seen.get(id);
  if (before?.identity === digest) return { tracked: before, isNew: false };
  const tracked = { identity: digest, firstSeen: now, settled: false };
  seen.set(id, tracked);
  return { tracked, isNew: true };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const isOurs = (row: Row): boolean => row.stored_by === 'agentcol';
const failed = (row: Row): boolean => row.status === 'failed' || row.status === 'error';
const ended = (row: Row): boolean => row.status === 'completed' || failed(row);

function withError(labels: Record<string, string>, row: Row): Record<string, string> {
  return failed(row) ? { ...labels, [family.ERROR_TYPE]: text(row.error_type) ?? '_OTHER' } : labels;
}

function usage(rawOutput: unknown): Row | undefined {
  if (typeof rawOutput !== 'string') return undefined;
  try {
    const parsed: unknown = JSON.parse(rawOutput);
    if (!isObject(parsed)) return undefined;
    return isObject(parsed.usage) ? parsed.usage : undefined;
  } catch {
    return undefined; // malformed JSON has no usage
  }
}

function isObject(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

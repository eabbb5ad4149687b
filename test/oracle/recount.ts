import Database from 'better-sqlite3';
import { epochSeconds } from './epoch.ts';
import * as family from './families.ts';
import { add, observe, type Samples } from './samples.ts';

/**
 * What must be published after one complete read of the database at this moment, by plain SELECTs: right as long as no row
 * was deleted, and none changed after it had settled (then see History).
 */
export function recount(path: string, nowMs: number, zone: string): Samples {
  const db = new Database(path, { readonly: true });
  try {
    db.function('epoch', { deterministic: true }, (text: unknown) => epochSeconds(text, zone));
    const samples: Samples = new Map();
    const tables = new Set(db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).pluck().all());
    const recounted = { db, samples, now: nowMs / 1000 };
    countInvocations(recounted);
    if (tables.has('agent_tool_uses')) countToolCalls(recounted);
    if (tables.has('permission_requests')) countPermissions(recounted);
    if (tables.has('compactions')) countCompactions(recounted);
    countSessions(recounted, tables.has('agent_tool_uses'));
    add(
      samples,
      family.DATABASE_SIZE,
      {},
      number(db, 'SELECT page_count * page_size FROM pragma_page_count, pragma_page_size'),
    );
    return samples;
  } finally {
    db.close();
  }
}

interface Recount {
  readonly db: Database.Database;
  readonly samples: Samples;
  readonly now: number;
}

function number(db: Database.Database, sql: string): number {
  return db.prepare<[], number>(sql).pluck().get() ?? 0;
}

function columns(db: Database.Database, table: string): Set<string> {
  return new Set(db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table));
}

const STATE = (complete: string, start: string): string => `CASE WHEN ${complete} THEN 'complete'
  WHEN epoch(${start}) < :now - ${family.OPEN_SECONDS} THEN 'abandoned' ELSE 'open' END`;
/** Imported payloads may have no times of their own. */
const duration = (db: Database.Database, table: string, start: string): string =>
  `CASE WHEN coalesce(status, '') IN ('abandoned', 'denied') THEN NULL
     WHEN coalesce(${optional(db, table, 'time_source')}, '') = 'assumed' THEN duration_seconds
     ELSE coalesce(duration_seconds, epoch(end_time) - epoch(${start})) END`;
const ENDED = `(end_time IS NOT NULL OR coalesce(status, '') IN ('completed', 'failed', 'error'))`;

/** The column, or NULL where the table has none of that name. */
function optional(db: Database.Database, table: string, column: string): string {
  return columns(db, table).has(column) ? column : 'NULL';
}

/** Rows that agentcol's own hooks have stored wait for late parts of themselves. */
function complete(db: Database.Database, table: string, ended: string): string {
  return `CASE WHEN ${optional(db, table, 'stored_by')} = 'agentcol'
    THEN coalesce(epoch(end_time) < :now - ${family.LATE_SECONDS}, 0) ELSE ${ended} END`;
}

function errorType(db: Database.Database, table: string): string {
  return `CASE WHEN status IN ('failed', 'error') THEN coalesce(${optional(db, table, 'error_type')}, '_OTHER') END`;
}

interface Counted {
  readonly name: string;
  readonly other: string;
  readonly state: 'complete' | 'abandoned' | 'open';
  readonly status: string;
  readonly error: string | null;
  readonly rows: number;
  readonly durations: string;
}

/** One row per labels and state; `durations` is a JSON array of what a histogram observes. */
function grouped(db: Database.Database, select: string, now: number): Counted[] {
  return db
    .prepare<{ now: number }, Counted>(
      `SELECT name, other, state, status, error, count(*) AS rows,
         json_group_array(duration) FILTER (WHERE state = 'complete' AND typeof(duration) IN ('real', 'integer') AND duration >= 0) AS durations
       FROM (${select}) GROUP BY name, other, state, status, error`,
    )
    .all({ now });
}

function durationsOf(row: Counted): number[] {
  const list: unknown = JSON.parse(row.durations);
  return Array.isArray(list) ? list.map(Number) : [];
}

const isInvocation = `event_type = 'pre_invocation' AND agent_name IS NOT NULL`;

function countInvocations({ db, samples, now }: Recount): void {
  const start = `coalesce(start_time, ${optional(db, 'agent_invocations', 'launch_time')})`;
  const ended = complete(db, 'agent_invocations', ENDED);
  const status = `CASE WHEN status IN ('failed', 'error') THEN 'failed' WHEN status = 'abandoned' THEN 'abandoned' ELSE 'completed' END`;
  const select = `SELECT agent_name AS name, coalesce(phase, 'unknown') AS other, ${STATE(ended, start)} AS state, ${status} AS status,
      ${errorType(db, 'agent_invocations')} AS error, ${duration(db, 'agent_invocations', start)} AS duration FROM agent_invocations WHERE ${isInvocation}`;
  const observed = new Map<string, { labels: Record<string, string>; durations: number[] }>();
  for (const row of grouped(db, select, now)) {
    const labels = { [family.AGENT]: row.name, [family.PHASE]: row.other };
    countOne(samples, family.INVOCATIONS, family.INVOCATIONS_ACTIVE, labels, row, row.status);
    collect(observed, labels, row);
  }
  for (const { labels, durations } of observed.values()) {
    observe(samples, family.INVOCATION_SECONDS, labels, family.INVOCATION_BUCKETS, durations);
  }
  const starts = `SELECT agent_name AS name, max(epoch(${start})) AS value FROM agent_invocations
    WHERE ${isInvocation} GROUP BY agent_name HAVING value IS NOT NULL`;
  for (const row of db.prepare<[], { name: string; value: number }>(starts).all()) {
    add(samples, family.LAST_START, { [family.AGENT]: row.name }, row.value);
  }
  for (const [type, field] of family.TOKEN_FIELDS) {
    const tokens = `SELECT agent_name AS name, sum(tokens) AS value FROM (
        SELECT agent_name, CASE WHEN json_valid(raw_output) THEN json_extract(raw_output, '$.usage.${field}') END AS tokens
        FROM agent_invocations WHERE ${isInvocation} AND ${ended})
      WHERE typeof(tokens) IN ('integer', 'real') AND tokens >= 0 GROUP BY agent_name`;
    const counted = db.prepare<{ now: number }, { name: string; value: number }>(tokens).all({ now });
    for (const row of counted) {
      add(samples, family.TOKENS, { [family.AGENT]: row.name, [family.TOKEN_TYPE]: type }, row.value);
    }
  }
}

function countToolCalls({ db, samples, now }: Recount): void {
  const ended = complete(db, 'agent_tool_uses', `(${ENDED} OR coalesce(agent_name, '') = 'direct')`);
  const status = `CASE WHEN status IN ('failed', 'error') THEN 'failed' WHEN status = 'denied' THEN 'denied' WHEN agent_name = 'direct' AND end_time IS NULL THEN 'unknown' ELSE 'completed' END`;
  const select = `SELECT tool_name AS name, coalesce(agent_name, 'unknown') AS other, ${STATE(ended, 'start_time')} AS state, ${status} AS status,
      ${errorType(db, 'agent_tool_uses')} AS error, ${duration(db, 'agent_tool_uses', 'start_time')} AS duration FROM agent_tool_uses WHERE tool_name IS NOT NULL`;
  const observed = new Map<string, { labels: Record<string, string>; durations: number[] }>();
  for (const row of grouped(db, select, now)) {
    const labels = { [family.TOOL]: row.name, [family.AGENT]: row.other };
    countOne(samples, family.TOOL_CALLS, family.TOOL_CALLS_ACTIVE, labels, row, row.status);
    collect(observed, labels, row);
  }
  for (const { labels, durations } of observed.values()) {
    observe(samples, family.TOOL_SECONDS, labels, family.TOOL_BUCKETS, durations);
  }
}

function countOne(
  samples: Samples,
  counter: string,
  active: string,
  labels: Record<string, string>,
  row: Counted,
  status: string,
): void {
  for (const known of family.KNOWN_STATUSES) add(samples, counter, { ...labels, [family.STATUS]: known }, 0);
  if (row.state === 'open') add(samples, active, labels, row.rows);
  else
    add(samples, counter, { ...labels, [family.STATUS]: row.state === 'abandoned' ? 'abandoned' : status }, row.rows);
}

function collect(
  observed: Map<string, { labels: Record<string, string>; durations: number[] }>,
  labels: Record<string, string>,
  row: Counted,
): void {
  const withError = row.error === null ? labels : { ...labels, [family.ERROR_TYPE]: row.error };
  const key = JSON.stringify(withError);
  const before = observed.get(key)?.durations ?? [];
  observed.set(key, { labels: withError, durations: [...before, ...durationsOf(row)] });
}

function countPermissions({ db, samples, now }: Recount): void {
  const answered = `outcome IS NOT NULL AND epoch(coalesce(resolved_time, time)) < :now - ${family.LATE_SECONDS}`;
  const select = `SELECT coalesce(tool_name, 'unknown') AS tool, CASE WHEN ${answered} THEN outcome ELSE 'abandoned' END AS outcome,
      count(*) FILTER (WHERE ${answered} OR epoch(time) < :now - ${family.OPEN_SECONDS}) AS requests,
      json_group_array(epoch(resolved_time) - epoch(time)) FILTER (WHERE ${answered} AND resolved_time >= time) AS waits
    FROM permission_requests GROUP BY 1, 2`;
  const rows = db.prepare<{ now: number }, { tool: string; outcome: string; requests: number; waits: string }>(select);
  for (const { tool, outcome, requests, waits } of rows.all({ now })) {
    const labels = { [family.TOOL]: tool };
    for (const known of family.KNOWN_OUTCOMES) {
      add(samples, family.PERMISSIONS, { ...labels, [family.OUTCOME]: known }, 0);
    }
    const answer = { ...labels, [family.OUTCOME]: outcome };
    add(samples, family.PERMISSIONS, answer, requests);
    const list: unknown = JSON.parse(waits);
    if (Array.isArray(list) && list.length > 0) {
      observe(samples, family.PERMISSION_SECONDS, answer, family.PERMISSION_BUCKETS, list.map(Number));
    }
  }
}

function countCompactions({ db, samples }: Recount): void {
  const select = `SELECT coalesce(trigger, 'unknown') AS cause, count(*) AS rows FROM compactions GROUP BY 1`;
  for (const { cause, rows } of db.prepare<[], { cause: string; rows: number }>(select).all()) {
    for (const known of family.KNOWN_TRIGGERS) add(samples, family.COMPACTIONS, { [family.TRIGGER]: known }, 0);
    add(samples, family.COMPACTIONS, { [family.TRIGGER]: cause }, rows);
  }
}

function countSessions({ db, samples, now }: Recount, withTools: boolean): void {
  const distinct = `SELECT count(*) FROM (SELECT session_id FROM sessions UNION SELECT session_id FROM agent_invocations
    ${withTools ? 'UNION SELECT session_id FROM agent_tool_uses' : ''}) WHERE session_id IS NOT NULL`;
  add(samples, family.SESSIONS, {}, number(db, distinct));

  const lastEvent = columns(db, 'sessions').has('last_event_time') ? 'epoch(last_event_time)' : 'NULL';
  const runs = `SELECT epoch(start_time) AS start, nullif(max(coalesce(epoch(end_time), -1), coalesce(${lastEvent}, -1)), -1) AS sign,
      coalesce(${optional(db, 'sessions', 'time_source')}, '') AS source FROM sessions WHERE session_id IS NOT NULL`;
  const ended = db
    .prepare<{ now: number }, number>(
      `SELECT sign - start FROM (${runs}) WHERE sign < :now - ${family.SILENT_SECONDS} AND start IS NOT NULL AND sign >= start
         AND source <> 'assumed'`,
    )
    .pluck()
    .all({ now });
  observe(samples, family.SESSION_SECONDS, {}, family.SESSION_BUCKETS, ended);
  const active = db
    .prepare<{ now: number }, number>(
      `SELECT count(*) FROM (${runs}) WHERE CASE WHEN sign IS NOT NULL THEN sign >= :now - ${family.SILENT_SECONDS}
         ELSE coalesce(start, :now) >= :now - ${family.OPEN_SECONDS} END`,
    )
    .pluck()
    .get({ now });
  add(samples, family.SESSIONS_ACTIVE, {}, active ?? 0);
}

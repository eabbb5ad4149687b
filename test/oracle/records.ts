import { createHmac } from 'node:crypto';
import Database from 'better-sqlite3';
import { epochSeconds } from './epoch.ts';
import { LATE_SECONDS, OPEN_SECONDS, SILENT_SECONDS } from './families.ts';

/** What must have been sent of a database, once each: spans and log records, by the rows that are settled at this moment. */
export interface Records {
  readonly spans: readonly ExpectedSpan[];
  readonly records: readonly ExpectedLogRecord[];
}

type Values = Readonly<Record<string, string | number | boolean>>;

export interface ExpectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly status: 'unset' | 'error';
  readonly attributes: Values;
}

export interface ExpectedLogRecord {
  readonly eventName: string;
  readonly seconds: number;
  readonly severity: number;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
}

/** As they arrived. */
export interface SentSpan extends Omit<ExpectedSpan, 'startSeconds' | 'endSeconds' | 'status'> {
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly status: string;
}

export interface SentLogRecord extends Omit<ExpectedLogRecord, 'seconds'> {
  readonly timeNs: bigint;
}

type Row = Readonly<Record<string, string | number | null>>;

const [INFO, WARN, ERROR] = [9, 13, 17];

/**
 * The records of a database whose rows have not changed since they settled. `key` is that of the state, of which the ids
 * are made.
 */
export function recountRecords(path: string, nowMs: number, zone: string, key: Buffer): Records {
  const db = new Database(path, { readonly: true });
  try {
    const rows = (table: string): Row[] => {
      const there =
        db.prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?`).get(table) !== undefined;
      return there ? db.prepare<[], Row>(`SELECT * FROM ${table}`).all() : [];
    };
    const records: Records & { spans: ExpectedSpan[]; records: ExpectedLogRecord[] } = { spans: [], records: [] };
    const recounted: Recounted = {
      ...records,
      now: nowMs / 1000,
      seconds: (value) =>
        value === null || value === undefined ? undefined : (epochSeconds(value, zone) ?? undefined),
      digest: (text) => createHmac('sha256', key).update(text).digest('hex'),
    };
    for (const row of rows('agent_invocations')) addInvocation(recounted, row);
    for (const row of rows('agent_tool_uses')) addToolCall(recounted, row);
    for (const row of rows('sessions')) addSession(recounted, row);
    for (const row of rows('permission_requests')) addPermissionRequest(recounted, row);
    for (const row of rows('compactions')) addEvent(recounted, 'agent_workflow.compaction', row);
    for (const row of rows('events')) addEvent(recounted, `agent_workflow.event.${String(row.name)}`, row);
    return records;
  } finally {
    db.close();
  }
}

interface Recounted {
  readonly spans: ExpectedSpan[];
  readonly records: ExpectedLogRecord[];
  readonly now: number;
  readonly seconds: (value: string | number | null | undefined) => number | undefined;
  /** Hexadecimal. */
  readonly digest: (text: string) => string;
}

const traceId = ({ digest }: Recounted, session: string): string => digest(`trace ${session}`).slice(0, 32);
const spanId = ({ digest }: Recounted, session: string, id: string): string =>
  digest(`span ${JSON.stringify([session, id])}`).slice(0, 16);

/** undefined: neither complete nor abandoned yet. */
function settledAs(
  recounted: Recounted,
  row: Row,
  ended: boolean,
  begun: number | undefined,
): 'complete' | 'abandoned' | undefined {
  const { now, seconds } = recounted;
  const late = row.stored_by === 'agentcol' && !((seconds(row.end_time) ?? Infinity) < now - LATE_SECONDS);
  if (ended && !late) return 'complete';
  return begun !== undefined && begun < now - OPEN_SECONDS ? 'abandoned' : undefined;
}

const isFailure = (status: Row[string] | undefined): boolean => status === 'failed' || status === 'error';
const hasEnded = (row: Row): boolean =>
  row.end_time != null || row.status === 'completed' || row.status === 'failed' || row.status === 'error';

function addInvocation(recounted: Recounted, row: Row): void {
  if (row.event_type !== 'pre_invocation' || row.agent_name === null) return;
  const begun = recounted.seconds(row.start_time ?? row.launch_time);
  const settled = settledAs(recounted, row, hasEnded(row), begun);
  if (settled === undefined) return;
  const abandoned = settled === 'abandoned' || row.status === 'abandoned';
  const outcome = abandoned ? 'abandoned' : isFailure(row.status) ? 'failed' : 'completed';
  addTimed(recounted, row, settled, begun, {
    name: `invoke_agent ${String(row.agent_name)}`,
    eventName: 'agent_workflow.invocation',
    id: `invocation ${String(row.id)}`,
    parent: row.parent_invocation_id == null ? 'session' : `invocation ${row.parent_invocation_id}`,
    outcome,
    attributes: { 'gen_ai.agent.name': String(row.agent_name), 'gen_ai.operation.name': 'invoke_agent' },
  });
}

function addToolCall(recounted: Recounted, row: Row): void {
  if (row.tool_name === null) return;
  const begun = recounted.seconds(row.start_time);
  const settled = settledAs(recounted, row, hasEnded(row) || row.agent_name === 'direct', begun);
  if (settled === undefined) return;
  const unknown = row.agent_name === 'direct' && row.end_time === null;
  const answered = row.status === 'denied' ? 'denied' : unknown ? 'unknown' : 'completed';
  const outcome = settled === 'abandoned' ? 'abandoned' : isFailure(row.status) ? 'failed' : answered;
  // What the older logger wrote there is a guess.
  const isKnown = row.stored_by === 'agentcol' && row.agent_invocation_id != null;
  addTimed(recounted, row, settled, begun, {
    name: `execute_tool ${String(row.tool_name)}`,
    eventName: 'agent_workflow.tool_call',
    id: `tool_call ${String(row.id)}`,
    parent: isKnown ? `invocation ${row.agent_invocation_id}` : 'session',
    outcome,
    attributes: {
      'gen_ai.tool.name': String(row.tool_name),
      'gen_ai.agent.name': String(row.agent_name ?? 'unknown'),
      'gen_ai.operation.name': 'execute_tool',
    },
  });
}

interface Timed {
  readonly name: string;
  readonly eventName: string;
  readonly id: string;
  readonly parent: string;
  readonly outcome: string;
  readonly attributes: Values;
}

function addTimed(recounted: Recounted, row: Row, settled: string, begun: number | undefined, timed: Timed): void {
  const { spans, records, seconds } = recounted;
  const { name, eventName, id, parent, outcome, attributes } = timed;
  const lasted = settled === 'abandoned' || typeof row.duration_seconds !== 'number' ? undefined : row.duration_seconds;
  const ended = seconds(row.end_time) ?? (begun === undefined || lasted === undefined ? begun : begun + lasted);
  const session = row.session_id === null ? undefined : String(row.session_id);
  const severity = outcome === 'failed' ? ERROR : outcome === 'abandoned' || outcome === 'denied' ? WARN : INFO;
  if (ended !== undefined) {
    records.push({
      eventName,
      seconds: ended,
      severity,
      traceId: session === undefined ? undefined : traceId(recounted, session),
      spanId: session === undefined ? undefined : spanId(recounted, session, id),
    });
  }
  if (session === undefined || begun === undefined) return;
  spans.push({
    traceId: traceId(recounted, session),
    spanId: spanId(recounted, session, id),
    parentSpanId: spanId(recounted, session, parent),
    name,
    startSeconds: begun,
    endSeconds: Math.max(begun, ended ?? begun),
    status: outcome === 'failed' ? 'error' : 'unset',
    attributes: { ...attributes, 'agent_workflow.status': outcome },
  });
}

function addSession(recounted: Recounted, row: Row): void {
  const { now, seconds, spans, records } = recounted;
  if (row.session_id === null) return;
  const session = String(row.session_id);
  const start = seconds(row.start_time);
  const signs = [row.end_time, row.last_event_time].map(seconds).filter((sign) => sign !== undefined);
  const lastSign = signs.length === 0 ? undefined : Math.max(...signs);
  const complete = lastSign !== undefined && lastSign < now - SILENT_SECONDS;
  const age = lastSign ?? start;
  if (!complete && !(age !== undefined && age < now - OPEN_SECONDS)) return;
  const ids = { traceId: traceId(recounted, session), spanId: spanId(recounted, session, 'session') };
  const end = lastSign ?? start;
  if (end !== undefined) records.push({ ...ids, eventName: 'agent_workflow.session', seconds: end, severity: INFO });
  if (start === undefined) return;
  spans.push({
    ...ids,
    parentSpanId: undefined,
    name: 'session',
    startSeconds: start,
    endSeconds: Math.max(start, end ?? start),
    status: 'unset',
    attributes: {},
  });
}

function addPermissionRequest(recounted: Recounted, row: Row): void {
  const { now, seconds } = recounted;
  const at = seconds(row.time);
  const answered = row.outcome !== null && (seconds(row.resolved_time ?? row.time) ?? Infinity) < now - LATE_SECONDS;
  if (!answered && !(at !== undefined && at < now - OPEN_SECONDS)) return;
  addEvent(recounted, 'agent_workflow.permission_request', row, row.outcome === 'denied' ? WARN : INFO);
}

function addEvent(recounted: Recounted, eventName: string, row: Row, severity = INFO): void {
  const at = recounted.seconds(row.time);
  if (at === undefined) return;
  const session = row.session_id === null ? undefined : traceId(recounted, String(row.session_id));
  recounted.records.push({ eventName, seconds: at, severity, traceId: session, spanId: undefined });
}

/** The differences, readable: each span at least once, none that is unknown, and where one came twice, twice the same. */
export function spanDifferences(expected: readonly ExpectedSpan[], sent: readonly SentSpan[], limit = 20): string[] {
  const found: string[] = [];
  const wanted = new Map(expected.map((span) => [`${span.traceId} ${span.spanId}`, span]));
  const seen = new Set<string>();
  for (const span of sent) {
    const key = `${span.traceId} ${span.spanId}`;
    seen.add(key);
    const want = wanted.get(key);
    if (want === undefined) {
      found.push(`${span.name} ${key}: not expected`);
      continue;
    }
    const mine = describe(want, micros(want.startSeconds), micros(want.endSeconds), want.attributes);
    const theirs = describe(span, microsOf(span.startNs), microsOf(span.endNs), want.attributes, span.attributes);
    if (mine !== theirs) found.push(`${key}: expected ${mine}, got ${theirs}`);
  }
  for (const [key, { name }] of wanted) if (!seen.has(key)) found.push(`${name} ${key}: missing`);
  return found.length > limit ? [...found.slice(0, limit), `and ${found.length - limit} more`] : found;
}

function describe(
  { name, parentSpanId, status }: Pick<SentSpan, 'name' | 'parentSpanId' | 'status'>,
  start: bigint,
  end: bigint,
  known: Values,
  values = known,
): string {
  const attributes = Object.keys(known).map((attribute) => `${attribute}=${String(values[attribute])}`);
  return [name, parentSpanId ?? 'root', status, start, end, ...attributes].join(' ');
}

/** The same for log records, which have no ids: each at least once, none that is unknown. */
export function logRecordDifferences(
  expected: readonly ExpectedLogRecord[],
  sent: readonly SentLogRecord[],
  limit = 20,
): string[] {
  const keyOf = (record: Omit<ExpectedLogRecord, 'seconds'>, time: bigint): string =>
    [record.eventName, record.severity, record.traceId, record.spanId, time].join(' ');
  const count = (keys: readonly string[]): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
    return counts;
  };
  const wanted = count(expected.map((record) => keyOf(record, micros(record.seconds))));
  const came = count(sent.map((record) => keyOf(record, microsOf(record.timeNs))));
  const found: string[] = [];
  for (const [key, times] of wanted) {
    if ((came.get(key) ?? 0) < times) found.push(`${key}: expected ${times} times, got ${came.get(key) ?? 0}`);
  }
  for (const key of came.keys()) if (!wanted.has(key)) found.push(`${key}: not expected`);
  return found.length > limit ? [...found.slice(0, limit), `and ${found.length - limit} more`] : found;
}

/** Of today, a double of seconds is exact to some 0.2 microseconds. */
const micros = (seconds: number): bigint => BigInt(Math.round(seconds * 1e6));
const microsOf = (nanoseconds: bigint): bigint => (nanoseconds + 500n) / 1000n;

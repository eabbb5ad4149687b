import {
  SPAN_KINDS,
  type Attributes,
  type AttributeValue,
  type LogRecord,
  type Span,
} from '../../src/pipeline/signals.ts';
import type { Emission } from './emissions.ts';
import { maskOf } from './fold.ts';
import { attributeValue, type Columns, type Row, type Skips, type SqlValue } from './row-values.ts';

/** What rows are made into records with. */
export interface RecordContext {
  /** A keyed digest, 128 bits, base64url. */
  readonly digest: (text: string) => string;
  readonly seconds: (value: unknown) => number | null;
  readonly nowMs: number;
  readonly skips: Skips;
}

/** An emission whose expressions are columns of a statement. */
interface Entry {
  readonly mask: number;
  readonly columns: Readonly<Partial<Record<keyof Emission['fields'], number>>>;
  readonly attributes: readonly (readonly [name: string, column: number])[];
}

type Make<R> = (entry: Entry, row: Row, context: RecordContext) => R | undefined;

/** OpenTelemetry's severity numbers. */
const SEVERITIES: ReadonlyMap<SqlValue, number> = new Map(
  ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((name, index) => [name, 1 + 4 * index]),
);
const INFO = 9;
const MOST_SEVERE = 24;
/** Of hex digits. */
const SPAN_ID_LENGTH = 16;

/** Makes rows of one statement into spans or log records, one for each entry that is for the row. */
export class Records<R extends Span | LogRecord> {
  readonly #make: Make<R>;
  readonly #entries: readonly Entry[];
  #records: R[] = [];

  private constructor(
    emissions: readonly Emission[],
    columns: Columns,
    expand: (sql: string) => string,
    make: Make<R>,
  ) {
    this.#make = make;
    this.#entries = emissions.map(({ of, fields, attributes }) => ({
      mask: maskOf(of),
      columns: Object.fromEntries(Object.entries(fields).map(([name, sql]) => [name, columns.add(expand(sql))])),
      attributes: attributes.map(([name, sql]) => [name, columns.add(expand(sql))] as const),
    }));
  }

  static ofSpans(emissions: readonly Emission[], columns: Columns, expand: (sql: string) => string): Records<Span> {
    return new Records(emissions, columns, expand, spanOf);
  }

  static ofLogs(emissions: readonly Emission[], columns: Columns, expand: (sql: string) => string): Records<LogRecord> {
    return new Records(emissions, columns, expand, logRecordOf);
  }

  /** Whether any entry is for rows of `mask`. */
  wants(mask: number): boolean {
    return this.#entries.some((entry) => (entry.mask & mask) !== 0);
  }

  add(row: Row, mask: number, context: RecordContext): void {
    for (const entry of this.#entries) {
      if ((entry.mask & mask) === 0) continue;
      const { when } = entry.columns;
      if (when !== undefined && !isTrue(row[when])) continue;
      const record = this.#make(entry, row, context);
      if (record !== undefined) this.#records.push(record);
    }
  }

  /** The records of the page; empty again afterwards. */
  flush(): readonly R[] {
    const records = this.#records;
    this.#records = [];
    return records;
  }
}

function spanOf(entry: Entry, row: Row, context: RecordContext): Span | undefined {
  const { skips } = context;
  const trace = textOf(entry, row, 'trace');
  if (trace === undefined) return undefined;
  const name = nameOf(entry, row, 'name', skips);
  const id = textOf(entry, row, 'id');
  const startTimeMs = timeOf(entry, row, 'start', context);
  if (name === undefined || id === undefined || startTimeMs === undefined) {
    skips.count(startTimeMs === undefined ? 'no_start_time' : 'no_name');
    return undefined;
  }
  const parent = textOf(entry, row, 'parent');
  const endTimeMs = timeOf(entry, row, 'end', context) ?? startTimeMs;
  if (endTimeMs < startTimeMs) skips.count('negative');
  const kind = textOf(entry, row, 'kind') ?? 'internal';
  const known = SPAN_KINDS.find((one) => one === kind);
  if (known === undefined) skips.count('unknown_kind');
  const status = textOf(entry, row, 'status');
  return {
    traceId: traceIdOf(trace, context),
    spanId: spanIdOf(trace, id, context),
    ...(parent === undefined ? {} : { parentSpanId: spanIdOf(trace, parent, context) }),
    name,
    kind: known ?? 'internal',
    startTimeMs,
    endTimeMs: Math.max(startTimeMs, endTimeMs),
    status: status === 'ok' || status === 'error' ? status : 'unset',
    attributes: attributesOf(entry, row, skips),
  };
}

function logRecordOf(entry: Entry, row: Row, context: RecordContext): LogRecord | undefined {
  const { skips, nowMs } = context;
  const eventName = nameOf(entry, row, 'event_name', skips);
  const timeMs = timeOf(entry, row, 'time', context);
  if (eventName === undefined || timeMs === undefined) {
    skips.count(timeMs === undefined ? 'no_time' : 'no_name');
    return undefined;
  }
  const trace = textOf(entry, row, 'trace');
  const span = textOf(entry, row, 'span');
  const body = valueOf(entry, row, 'body') ?? null;
  const text = body === null ? undefined : attributeValue(body, skips);
  return {
    timeMs,
    observedTimeMs: nowMs,
    eventName,
    severityNumber: severityOf(valueOf(entry, row, 'severity'), skips),
    ...(text === undefined ? {} : { body: String(text) }),
    attributes: attributesOf(entry, row, skips),
    ...(trace === undefined ? {} : { traceId: traceIdOf(trace, context) }),
    ...(trace === undefined || span === undefined ? {} : { spanId: spanIdOf(trace, span, context) }),
  };
}

function severityOf(value: SqlValue | undefined, skips: Skips): number {
  if (value === null || value === undefined) return INFO;
  const named = SEVERITIES.get(value);
  if (named !== undefined) return named;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MOST_SEVERE) return value;
  skips.count('unknown_severity');
  return INFO;
}

function traceIdOf(trace: string, { digest }: RecordContext): string {
  return hex(digest(`trace ${trace}`));
}

/** Within its trace: rows of another one that are called the same are other spans. */
function spanIdOf(trace: string, id: string, { digest }: RecordContext): string {
  return hex(digest(`span ${JSON.stringify([trace, id])}`)).slice(0, SPAN_ID_LENGTH);
}

function hex(base64url: string): string {
  return Buffer.from(base64url, 'base64url').toString('hex');
}

function attributesOf({ attributes }: Entry, row: Row, skips: Skips): Attributes {
  const own: Record<string, AttributeValue> = {};
  for (const [name, column] of attributes) {
    const value = attributeValue(row[column]!, skips);
    if (value !== undefined) own[name] = value;
  }
  return own;
}

function valueOf({ columns }: Entry, row: Row, field: keyof Emission['fields']): SqlValue | undefined {
  const column = columns[field];
  return column === undefined ? undefined : row[column];
}

function textOf(entry: Entry, row: Row, field: keyof Emission['fields']): string | undefined {
  const value = valueOf(entry, row, field);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** No longer than an attribute. */
function nameOf(entry: Entry, row: Row, field: 'name' | 'event_name', skips: Skips): string | undefined {
  const name = attributeValue(textOf(entry, row, field) ?? null, skips);
  return name === undefined ? undefined : String(name);
}

function timeOf(
  entry: Entry,
  row: Row,
  field: keyof Emission['fields'],
  { seconds }: RecordContext,
): number | undefined {
  const time = seconds(valueOf(entry, row, field));
  return time === null ? undefined : time * 1000;
}

/** As SQLite's WHERE takes a number. */
function isTrue(value: SqlValue | undefined): boolean {
  return typeof value === 'number' && value !== 0;
}

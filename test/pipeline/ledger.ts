import type {
  Contribution,
  Logger,
  MetricDefinition,
  MetricSource,
  OpenRow,
  Page,
  Reader,
  ReaderState,
  Receiver,
} from '../../src/component.ts';
import type { Attributes, Metric, MetricPoints } from '../../src/pipeline/signals.ts';

/** A row of work that may be finished later. */
export interface Row {
  readonly agent: string;
  readonly session: string;
  seconds: number;
  done: boolean;
}

export const calls: Metric = { name: 'calls', type: 'counter', unit: '{call}', description: '', aggregation: 'sum' };
export const seconds: Metric = { name: 'seconds', type: 'counter', unit: 's', description: '', aggregation: 'sum' };
export const active: Metric = { name: 'active', type: 'updowncounter', unit: '', description: '', aggregation: 'sum' };
export const longest: Metric = { name: 'longest', type: 'gauge', unit: 's', description: '', aggregation: 'max' };
export const rowCount: Metric = { name: 'rows', type: 'gauge', unit: '', description: '', aggregation: 'last' };
export const sessions: Metric = { name: 'sessions', type: 'counter', unit: '', description: '', aggregation: 'sum' };
export const durations: Metric = {
  name: 'durations',
  type: 'histogram',
  unit: 's',
  description: '',
  aggregation: 'sum',
  boundaries: [1, 10],
};

export const METRICS = [calls, seconds, active, longest, rowCount, sessions, durations];

/** The list that a reader tails: rows are appended, and finished in place. */
export class Ledger {
  readonly rows: Row[] = [];
  version = 0;
  /** Thrown by the next reads. */
  failure: Error | undefined;
  pageSize = 10;

  add(...rows: readonly Partial<Row>[]): this {
    for (const row of rows) this.rows.push({ agent: 'a', session: 's', seconds: 1, done: true, ...row });
    this.version += 1;
    return this;
  }

  finish(index: number): void {
    this.rows[index]!.done = true;
    this.version += 1;
  }
}

export interface LedgerReaderOptions {
  readonly id?: string;
  readonly keyScope?: string;
  readonly digests?: Readonly<Record<string, string>>;
  readonly metrics?: readonly Metric[];
}

/** Reads a Ledger as a receiver reads a table: new rows by position, then the open ones among them. */
export class LedgerReader implements Reader {
  readonly id: string;
  readonly keyScope: string;
  readonly metrics: readonly MetricDefinition[];
  readonly ledger: Ledger;
  reads = 0;
  readonly #attributes = new Map<string, Attributes>();
  #expected: unknown;
  #version = -1;

  constructor(ledger: Ledger, options: LedgerReaderOptions = {}) {
    this.ledger = ledger;
    this.id = options.id ?? 'rows';
    this.keyScope = options.keyScope ?? this.id;
    this.metrics = (options.metrics ?? METRICS).map((metric) => ({
      metric,
      digest: options.digests?.[metric.name] ?? '1',
    }));
  }

  read(state: ReaderState): Page | undefined {
    this.reads += 1;
    if (this.ledger.failure !== undefined) throw this.ledger.failure;
    const { rows, version, pageSize } = this.ledger;
    if (state.position !== undefined && state.position === this.#expected && version === this.#version)
      return undefined;
    const cursor = Number(state.position?.['cursor'] ?? 0);
    const draft = new Draft(
      this.metrics.map(({ metric }) => metric),
      (agent) => this.#agent(agent),
    );
    const fresh = rows.slice(cursor, cursor + pageSize);
    fresh.forEach((row, index) => draft.newRow(state, cursor + index + 1, row));
    const position = { cursor: cursor + fresh.length };
    let caughtUp = false;
    if (position.cursor === rows.length) {
      // The rows opened by this very page have just been seen.
      for (const open of state.open.values()) draft.check(open, rows[open.rowId - 1]!);
      draft.snapshot(rows.length);
      caughtUp = true;
      this.#version = version;
    }
    this.#expected = position;
    return draft.page(position, fresh.length, rows.length - position.cursor, caughtUp);
  }

  #agent(agent: string): Attributes {
    let attributes = this.#attributes.get(agent);
    if (attributes === undefined) this.#attributes.set(agent, (attributes = { agent }));
    return attributes;
  }
}

const NONE: Attributes = {};

class Draft {
  readonly #metrics: readonly Metric[];
  readonly #agent: (agent: string) => Attributes;
  readonly #points: MetricPoints[] = [];
  readonly #opened: OpenRow[] = [];
  readonly #closed: number[] = [];
  readonly #keys = new Set<string>();

  constructor(metrics: readonly Metric[], agent: (agent: string) => Attributes) {
    this.#metrics = metrics;
    this.#agent = agent;
  }

  newRow(state: ReaderState, rowId: number, row: Row): void {
    const key = state.digest(row.session);
    if (!this.#keys.has(key) && !state.seen(key)) {
      this.#keys.add(key);
      this.#number(sessions, 'delta', NONE, 1);
    }
    if (row.done) this.#settle(row);
    else
      this.#open({ rowId, identity: state.digest(row.agent), key: state.digest(`row ${rowId}`), firstSeenMs: 5 }, row);
  }

  check(open: OpenRow, row: Row): void {
    if (open.contributions === undefined && !row.done) this.#open(open, row);
    if (!row.done) return;
    for (const { metric, attributes, value } of open.contributions ?? [])
      this.#number(metric, 'open', attributes, -value);
    this.#closed.push(open.rowId);
    this.#settle(row);
  }

  snapshot(size: number): void {
    this.#number(rowCount, 'snapshot', NONE, size);
  }

  page(position: { cursor: number }, rows: number, remaining: number, caughtUp: boolean): Page {
    const metrics = this.#points.filter(({ metric }) => this.#metrics.includes(metric));
    return {
      batch: { signal: 'metrics', metrics },
      position,
      opened: this.#opened,
      closed: this.#closed,
      keys: [...this.#keys],
      rows,
      remaining,
      caughtUp,
    };
  }

  #open(open: OpenRow, row: Row): void {
    const contributions: Contribution[] = [{ metric: active, attributes: this.#agent(row.agent), value: row.seconds }];
    this.#opened.push({ ...open, contributions });
    this.#number(active, 'open', this.#agent(row.agent), row.seconds);
  }

  #settle(row: Row): void {
    const attributes = this.#agent(row.agent);
    this.#number(calls, 'delta', attributes, 1);
    this.#number(seconds, 'delta', attributes, row.seconds);
    this.#number(longest, 'delta', attributes, row.seconds);
    const bucket = row.seconds <= 1 ? 0 : row.seconds <= 10 ? 1 : 2;
    const bucketCounts = [0, 1, 2].map((index) => (index === bucket ? 1 : 0));
    this.#points.push({
      metric: durations,
      mode: 'delta',
      histograms: [{ attributes, count: 1, sum: [row.seconds], bucketCounts }],
    });
  }

  #number(metric: Metric, mode: 'delta' | 'open' | 'snapshot', attributes: Attributes, value: number): void {
    this.#points.push({ metric, mode, points: [{ attributes, value: [value] }] });
  }
}

export class LedgerReceiver implements Receiver {
  readonly readers: readonly Reader[];
  readonly intervalMs: number;
  polls = 0;
  watching = false;
  wake: () => void = () => undefined;

  constructor(readers: readonly Reader[], intervalMs = 10) {
    this.readers = readers;
    this.intervalMs = intervalMs;
  }

  poll(): void {
    this.polls += 1;
  }

  watch(wake: () => void): Disposable {
    this.wake = wake;
    this.watching = true;
    return {
      [Symbol.dispose]: () => {
        this.watching = false;
      },
    };
  }
}

/** "calls{agent=a}" -> value of everything that is published, histograms as "count/buckets". */
export function published(source: MetricSource): Record<string, number | string> {
  const values: Record<string, number | string> = {};
  for (const { metric, series } of source.families.values()) {
    for (const { attributes, value } of series.values()) {
      const labels = Object.entries(attributes).map(([name, text]) => `${name}=${String(text)}`);
      const key = labels.length === 0 ? metric.name : `${metric.name}{${labels.join()}}`;
      values[key] = typeof value === 'number' ? value : `${value.count}/${value.bucketCounts.join()}`;
    }
  }
  return values;
}

/** The same, recounted from the rows; `open` false: as if nothing were known of open rows. */
export function recounted(ledgers: readonly Ledger[]): Record<string, number | string> {
  const values: Record<string, number | string> = {};
  const rows = ledgers.flatMap((ledger) => ledger.rows);
  for (const agent of new Set(rows.map((row) => row.agent))) {
    const all = rows.filter((row) => row.agent === agent);
    const done = all.filter((row) => row.done).map((row) => row.seconds);
    const open = all.filter((row) => !row.done).map((row) => row.seconds);
    if (open.length > 0) values[`active{agent=${agent}}`] = exactly(open);
    if (done.length === 0) continue;
    const buckets = [done.filter((s) => s <= 1), done.filter((s) => s > 1 && s <= 10), done.filter((s) => s > 10)];
    values[`calls{agent=${agent}}`] = done.length;
    values[`seconds{agent=${agent}}`] = exactly(done);
    values[`longest{agent=${agent}}`] = Math.max(...done);
    values[`durations{agent=${agent}}`] = `${done.length}/${buckets.map((bucket) => bucket.length).join()}`;
  }
  return values;
}

/** The sum of multiples of 1/8, without rounding; other values are refused. */
function exactly(values: readonly number[]): number {
  const eighths = values.map((value) => BigInt(value * 8));
  return Number(eighths.reduce((sum, value) => sum + value, 0n)) / 8;
}

export function recorder(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      const reason = fields?.['reason'];
      lines.push(`${level} ${message}${typeof reason === 'string' ? ` (${reason})` : ''}`);
    };
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

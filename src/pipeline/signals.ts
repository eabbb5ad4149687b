import { addSums, type Sum } from './sum.ts';

export type Signal = 'metrics' | 'traces' | 'logs';

export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** What a metric is. Points of equal name, type, unit and boundaries belong to one metric. */
export interface Metric {
  /** OpenTelemetry name: `agent_workflow.tool_calls`. */
  readonly name: string;
  /** counter and updowncounter add; a gauge takes the largest or the last. */
  readonly type: 'counter' | 'updowncounter' | 'gauge' | 'histogram';
  /** UCUM: `s`, `By`, `{call}`; empty for none. */
  readonly unit: string;
  readonly description: string;
  /** How points of equal attributes combine; `sum` for all but gauges. */
  readonly aggregation: 'sum' | 'max' | 'last';
  /** Upper bounds of a histogram's buckets, ascending, without +Inf. */
  readonly boundaries?: readonly number[];
}

/** A counter's or up-down counter's growth, or a gauge's value (one partial). */
export interface NumberPoint {
  readonly attributes: Attributes;
  readonly value: Sum;
}

export interface HistogramPoint {
  readonly attributes: Attributes;
  readonly count: number;
  readonly sum: Sum;
  /** One more than the metric's boundaries: the last counts what lies above all of them. Not cumulative. */
  readonly bucketCounts: readonly number[];
}

/**
 * The points of one metric in one page.
 * - `delta`: what the rows of the page add. Kept across restarts.
 * - `open`: changes of what the rows that are still open contribute. Never kept: rebuilt from the open rows at every start.
 * - `snapshot`: all there is of this metric from this reader now; a series that is missing is gone. Never kept.
 */
export type MetricPoints =
  | { readonly metric: Metric; readonly mode: 'delta' | 'open' | 'snapshot'; readonly points: readonly NumberPoint[] }
  | { readonly metric: Metric; readonly mode: 'delta'; readonly histograms: readonly HistogramPoint[] };

export interface MetricsBatch {
  readonly signal: 'metrics';
  readonly metrics: readonly MetricPoints[];
}

/** One operation of a trace. Ids are lower-case hex digits: the same row always has the same. */
export interface Span {
  /** 32 digits. */
  readonly traceId: string;
  /** 16 digits. */
  readonly spanId: string;
  /** Absent: the root of its trace. */
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: SpanKind;
  /** Epoch milliseconds, exact to the microsecond; the end is never before the start. */
  readonly startTimeMs: number;
  readonly endTimeMs: number;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
}

export const SPAN_KINDS = ['internal', 'server', 'client', 'producer', 'consumer'] as const;
export type SpanKind = (typeof SPAN_KINDS)[number];
export type SpanStatus = 'unset' | 'ok' | 'error';

export interface LogRecord {
  /** When it happened; epoch milliseconds, exact to the microsecond. */
  readonly timeMs: number;
  /** When it was read here. */
  readonly observedTimeMs: number;
  readonly eventName: string;
  /** OpenTelemetry's: 1 to 24; 9 is info, 13 warn, 17 error. */
  readonly severityNumber: number;
  readonly body?: string;
  readonly attributes: Attributes;
  /** As those of spans. */
  readonly traceId?: string;
  readonly spanId?: string;
}

export interface TracesBatch {
  readonly signal: 'traces';
  readonly spans: readonly Span[];
}

export interface LogsBatch {
  readonly signal: 'logs';
  readonly records: readonly LogRecord[];
}

export type Batch = MetricsBatch | TracesBatch | LogsBatch;

/** What points, spans and log records are about, as processors ask for it: the metric, the span, the event. */
export interface Subject {
  readonly name: string;
}

/** How many metrics, spans or log records there are; without any, a batch says nothing. */
export function sizeOf(batch: Batch): number {
  switch (batch.signal) {
    case 'metrics':
      return batch.metrics.length;
    case 'traces':
      return batch.spans.length;
    case 'logs':
      return batch.records.length;
  }
}

const keys = new WeakMap<Attributes, string>();

/** One text per set of attributes, whatever their order. Remembered per object: receivers pass the same object for the same series. */
export function attributesKey(attributes: Attributes): string {
  let key = keys.get(attributes);
  if (key === undefined) {
    key = JSON.stringify(
      Object.keys(attributes)
        .sort()
        .map((name) => [name, attributes[name]]),
    );
    keys.set(attributes, key);
  }
  return key;
}

/**
 * The batch with the attributes of every point, span and log record replaced by `map(attributes, subject)`; what is mapped to
 * undefined is dropped. Points that become equal are merged. `map` should return the same object for the same object (and the
 * object itself where nothing changes): series are found by it.
 */
export function mapAttributes<B extends Batch>(
  batch: B,
  map: (attributes: Attributes, subject: Subject) => Attributes | undefined,
): B;
export function mapAttributes(
  batch: Batch,
  map: (attributes: Attributes, subject: Subject) => Attributes | undefined,
): Batch {
  switch (batch.signal) {
    case 'metrics': {
      const metrics = batch.metrics.map((points) =>
        mapMetricPoints(points, (attributes) => map(attributes, points.metric)),
      );
      return metrics.every((points, index) => points === batch.metrics[index]) ? batch : { ...batch, metrics };
    }
    case 'traces': {
      const spans = mapItems(batch.spans, (span) => map(span.attributes, span));
      return spans === batch.spans ? batch : { ...batch, spans };
    }
    case 'logs': {
      const records = mapItems(batch.records, (record) => map(record.attributes, { name: record.eventName }));
      return records === batch.records ? batch : { ...batch, records };
    }
  }
}

function mapItems<T extends { readonly attributes: Attributes }>(
  items: readonly T[],
  map: (item: T) => Attributes | undefined,
): readonly T[] {
  const mapped = items.flatMap((item) => {
    const attributes = map(item);
    if (attributes === undefined) return [];
    return attributes === item.attributes ? [item] : [{ ...item, attributes }];
  });
  return mapped.length === items.length && mapped.every((item, index) => item === items[index]) ? items : mapped;
}

/** The same for the points of one metric. */
export function mapMetricPoints(
  points: MetricPoints,
  map: (attributes: Attributes) => Attributes | undefined,
): MetricPoints {
  if ('histograms' in points) {
    const histograms = mapPoints(points.histograms, map, mergeHistograms);
    return histograms === points.histograms ? points : { ...points, histograms };
  }
  const numbers = mapPoints(points.points, map, (a, b) => mergeNumbers(points.metric, a, b));
  return numbers === points.points ? points : { ...points, points: numbers };
}

function mapPoints<P extends { readonly attributes: Attributes }>(
  points: readonly P[],
  map: (attributes: Attributes) => Attributes | undefined,
  merge: (a: P, b: P) => P,
): readonly P[] {
  const mapped = points.map((point) => map(point.attributes));
  if (mapped.every((attributes, index) => attributes === points[index]!.attributes)) return points;
  const merged = new Map<string, P>();
  mapped.forEach((attributes, index) => {
    if (attributes === undefined) return;
    const key = attributesKey(attributes);
    const point = { ...points[index]!, attributes };
    const before = merged.get(key);
    merged.set(key, before === undefined ? point : merge(before, point));
  });
  return [...merged.values()];
}

/** Two points of one series as one; of `last`, the second wins. */
export function mergeNumbers(metric: Metric, a: NumberPoint, b: NumberPoint): NumberPoint {
  switch (metric.aggregation) {
    case 'sum':
      return { attributes: a.attributes, value: addSums(a.value, b.value) };
    case 'max':
      return (a.value[0] ?? 0) >= (b.value[0] ?? 0) ? a : { ...b, attributes: a.attributes };
    case 'last':
      return { ...b, attributes: a.attributes };
  }
}

export function mergeHistograms(a: HistogramPoint, b: HistogramPoint): HistogramPoint {
  return {
    attributes: a.attributes,
    count: a.count + b.count,
    sum: addSums(a.sum, b.sum),
    bucketCounts: a.bucketCounts.map((count, index) => count + (b.bucketCounts[index] ?? 0)),
  };
}

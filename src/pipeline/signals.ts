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

export type Batch = MetricsBatch;

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
 * The batch with every point's attributes replaced by `map(attributes, metric)`; a point mapped to undefined is dropped.
 * Points that become equal are merged. `map` should return the same object for the same object (and the object itself
 * where nothing changes): series are found by it.
 */
export function mapAttributes(
  batch: MetricsBatch,
  map: (attributes: Attributes, metric: Metric) => Attributes | undefined,
): MetricsBatch {
  const metrics = batch.metrics.map((points) =>
    mapMetricPoints(points, (attributes) => map(attributes, points.metric)),
  );
  return metrics.every((points, index) => points === batch.metrics[index]) ? batch : { ...batch, metrics };
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

import type { Attributes, Batch, Metric, MetricPoints, MetricsBatch } from '../../src/pipeline/signals.ts';
import { sumValue } from '../../src/pipeline/sum.ts';

export const calls: Metric = { name: 'calls', type: 'counter', unit: '{call}', description: '', aggregation: 'sum' };
export const active: Metric = { name: 'active', type: 'updowncounter', unit: '', description: '', aggregation: 'sum' };
export const highest: Metric = { name: 'highest', type: 'gauge', unit: '', description: '', aggregation: 'max' };
export const latest: Metric = { name: 'latest', type: 'gauge', unit: '', description: '', aggregation: 'last' };
export const took: Metric = {
  name: 'took',
  type: 'histogram',
  unit: 's',
  description: '',
  aggregation: 'sum',
  boundaries: [1, 10],
};

export type Observation = readonly [attributes: Attributes, value: number];

/** One point for each observation. */
export function pointsOf(
  metric: Metric,
  observations: readonly Observation[],
  mode: MetricPoints['mode'] = 'delta',
): MetricPoints {
  if (metric.type !== 'histogram') {
    return { metric, mode, points: observations.map(([attributes, value]) => ({ attributes, value: [value] })) };
  }
  const histograms = observations.map(([attributes, value]) => {
    const bucket = value <= 1 ? 0 : value <= 10 ? 1 : 2;
    const bucketCounts = [0, 1, 2].map((index) => (index === bucket ? 1 : 0));
    return { attributes, count: 1, sum: [value], bucketCounts };
  });
  return { metric, mode: 'delta', histograms };
}

export function batchOf(...metrics: readonly MetricPoints[]): MetricsBatch {
  return { signal: 'metrics', metrics };
}

/** What there is of metrics in a batch. */
export function metricsIn(batch: Batch | undefined): readonly MetricPoints[] {
  return batch?.signal === 'metrics' ? batch.metrics : [];
}

/** "calls{a=1}" -> its points' values, histograms as "count/sum/buckets". More than one value: points were not merged. */
export function valuesOf(batch: Batch | undefined): Readonly<Record<string, readonly (number | string)[]>> {
  const values: Record<string, (number | string)[]> = {};
  for (const points of metricsIn(batch)) {
    const each =
      'histograms' in points
        ? points.histograms.map(({ attributes, count, sum, bucketCounts }) => ({
            attributes,
            value: `${count}/${sumValue(sum)}/${bucketCounts.join()}`,
          }))
        : points.points.map(({ attributes, value }) => ({ attributes, value: sumValue(value) }));
    for (const { attributes, value } of each) (values[seriesName(points.metric, attributes)] ??= []).push(value);
  }
  return values;
}

export function seriesName({ name }: Metric, attributes: Attributes): string {
  const labels = Object.keys(attributes)
    .sort()
    .map((key) => `${key}=${JSON.stringify(attributes[key])}`);
  return `${name}{${labels.join()}}`;
}

/** What the points of one metric should be when they are told apart by `attributes`, said without the code under test. */
export function expectedValues(
  metric: Metric,
  observations: readonly Observation[],
  attributes: (before: Attributes) => Attributes | undefined,
): Readonly<Record<string, readonly (number | string)[]>> {
  const groups = new Map<string, number[]>();
  for (const [before, value] of observations) {
    const after = attributes(before);
    if (after === undefined) continue;
    const key = seriesName(metric, after);
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return Object.fromEntries([...groups].map(([key, values]) => [key, [combined(metric, values)]]));
}

/** Of whole numbers. */
function combined(metric: Metric, values: readonly number[]): number | string {
  const sum = values.reduce((total, value) => total + value, 0);
  if (metric.type === 'histogram') {
    const within = (low: number, high: number): number => values.filter((v) => v > low && v <= high).length;
    return `${values.length}/${sum}/${within(-Infinity, 1)},${within(1, 10)},${within(10, Infinity)}`;
  }
  if (metric.aggregation === 'max') return Math.max(...values);
  return metric.aggregation === 'last' ? (values.at(-1) ?? NaN) : sum;
}

import type { HistogramValue } from '../component.ts';
import type { HistogramPoint, Metric } from './signals.ts';
import { addSums, sumValue, type Sum } from './sum.ts';

/** The points of one series so far, folded into one. Never changed in place: what was published stays what it was. */
export type Total = Sum | HistogramTotal;
export type HistogramTotal = Omit<HistogramPoint, 'attributes'>;

/** Two totals of one series of `metric` as one; of `last`, `b` wins. */
export function addTotals(metric: Metric, a: Total, b: Total): Total {
  if (isHistogram(a) || isHistogram(b)) {
    if (!isHistogram(a) || !isHistogram(b)) throw new Error(`${metric.name}: a number and a histogram do not add`);
    return {
      count: a.count + b.count,
      sum: addSums(a.sum, b.sum),
      bucketCounts: a.bucketCounts.map((count, index) => count + (b.bucketCounts[index] ?? 0)),
    };
  }
  switch (metric.aggregation) {
    case 'sum':
      return addSums(a, b);
    case 'max':
      return sumValue(a) >= sumValue(b) ? a : b;
    case 'last':
      return b;
  }
}

/** What exporters see of a total. */
export function publicValue(total: Total): number | HistogramValue {
  if (!isHistogram(total)) return sumValue(total);
  return { count: total.count, sum: sumValue(total.sum), bucketCounts: total.bucketCounts };
}

export function isHistogram(total: Total): total is HistogramTotal {
  return 'count' in total;
}

const keys = new WeakMap<Metric, string>();

/** One text per metric identity: name, type, unit, aggregation and boundaries, whatever the description. */
export function metricKey(metric: Metric): string {
  let key = keys.get(metric);
  if (key === undefined) {
    const { name, type, unit, aggregation, boundaries = [] } = metric;
    key = JSON.stringify([name, type, unit, aggregation, boundaries]);
    keys.set(metric, key);
  }
  return key;
}

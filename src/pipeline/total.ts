import type { HistogramValue } from '../component.ts';
import type { HistogramPoint, Metric } from './signals.ts';
import { addSums, addTo, sumValue, type Sum } from './sum.ts';

/** The points of one series so far, folded into one. Never changed in place: what was published stays what it was. */
export type Total = Sum | HistogramTotal;
export type HistogramTotal = Omit<HistogramPoint, 'attributes'>;

/** Two totals of one series of `metric` as one; of `last`, `b` wins. */
export function addTotals(metric: Metric, a: Total, b: Total): Total {
  if (isHistogram(a) || isHistogram(b)) {
    if (!isHistogram(a) || !isHistogram(b)) throw mixed(metric);
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

/** A total that its one owner still adds to: a first read would otherwise copy every series with every page. */
export type RunningTotal = number[] | RunningHistogram;

interface RunningHistogram {
  count: number;
  readonly sum: number[];
  readonly bucketCounts: number[];
}

/** A copy that can be added to, or kept while the original is added to. */
export function copyOf(total: Total): RunningTotal {
  if (!isHistogram(total)) return total.slice();
  return { count: total.count, sum: total.sum.slice(), bucketCounts: total.bucketCounts.slice() };
}

/** Makes `running` what addTotals(metric, running, total) is; false when that changes nothing. */
export function addInto(metric: Metric, running: RunningTotal, total: Total): boolean {
  if ('count' in running || isHistogram(total)) {
    if (!('count' in running) || !isHistogram(total)) throw mixed(metric);
    if (total.count === 0) return false;
    running.count += total.count;
    for (const partial of total.sum) addTo(running.sum, partial);
    total.bucketCounts.forEach((count, index) => (running.bucketCounts[index]! += count));
    return true;
  }
  switch (metric.aggregation) {
    case 'sum':
      for (const partial of total) addTo(running, partial);
      return total.length > 0;
    case 'max':
      if (sumValue(running) >= sumValue(total)) return false;
      break;
    case 'last':
      break;
  }
  running.splice(0, running.length, ...total);
  return true;
}

/** What exporters see of a total. */
export function publicValue(total: Total): number | HistogramValue {
  if (!isHistogram(total)) return sumValue(total);
  return { count: total.count, sum: sumValue(total.sum), bucketCounts: total.bucketCounts };
}

function mixed(metric: Metric): Error {
  return new Error(`${metric.name}: a number and a histogram do not add`);
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

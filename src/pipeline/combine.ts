import type { HistogramValue, Series } from '../component.ts';
import type { Metric } from './signals.ts';
import { addTo, sumValue } from './sum.ts';

/** Series of different pipelines that are one where they are published; `last` takes the last. All of one kind, at least one. */
export function combine(
  members: readonly { readonly series: Series }[],
  aggregation: Metric['aggregation'],
): Pick<Series, 'startTimeMs' | 'value'> {
  if (members.length === 1) return members[0]!.series;
  const series = members.map((member) => member.series);
  const startTimeMs = Math.min(...series.map((one) => one.startTimeMs));
  const histograms = series.map((one) => one.value).filter((value) => typeof value !== 'number');
  if (histograms.length > 0) return { startTimeMs, value: combineHistograms(histograms) };
  const numbers = series.map((one) => one.value).filter((value) => typeof value === 'number');
  switch (aggregation) {
    case 'sum':
      return { startTimeMs, value: exactSum(numbers) };
    case 'max':
      return { startTimeMs, value: Math.max(...numbers) };
    case 'last':
      return { startTimeMs, value: numbers.at(-1) ?? NaN };
  }
}

function combineHistograms(values: readonly HistogramValue[]): HistogramValue {
  const bucketCounts: number[] = [];
  for (const value of values) {
    value.bucketCounts.forEach((count, index) => (bucketCounts[index] = (bucketCounts[index] ?? 0) + count));
  }
  return {
    count: values.reduce((count, value) => count + value.count, 0),
    sum: exactSum(values.map((value) => value.sum)),
    bucketCounts,
  };
}

/** Whatever order the values come in, the same last digit. */
function exactSum(values: readonly number[]): number {
  if (!values.every(Number.isFinite)) return values.reduce((total, value) => total + value, 0);
  const partials: number[] = [];
  for (const value of values) addTo(partials, value);
  return sumValue(partials);
}

import type { HistogramValue, MetricSource, Series, SeriesChange } from '../../src/component.ts';
import type { Attributes, Metric } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';

/** The changes of one pipeline: a summary, and what `verbosity` adds to it. Control characters are escaped: it goes to a terminal. */
export function describeChanges(
  { id, resource }: Pick<MetricSource, 'id' | 'resource'>,
  changes: readonly SeriesChange[],
  verbosity: Config['verbosity'],
): string {
  const lines = [summary(id, changes)];
  if (verbosity === 'normal') lines.push(...changes.map(seriesLine));
  if (verbosity === 'detailed') {
    lines.push(...detailedAttributes('Resource attributes:', resource));
    lines.push(...metricsOf(changes).flatMap(detailedMetric));
  }
  return `${lines.map(printable).join('\n')}\n`;
}

function summary(pipeline: string, changes: readonly SeriesChange[]): string {
  const removed = changes.filter((change) => change.removed).length;
  const parts = [
    plural(metricsOf(changes).length, 'metric'),
    plural(changes.length - removed, 'data point'),
    ...(removed > 0 ? [`${removed} removed`] : []),
  ];
  return `pipeline ${pipeline}: ${parts.join(', ')}`;
}

/** The changes of each metric. */
function metricsOf(changes: readonly SeriesChange[]): SeriesChange[][] {
  const metrics = new Map<Metric, SeriesChange[]>();
  for (const change of changes) {
    const { metric } = change.family;
    const others = metrics.get(metric);
    if (others === undefined) metrics.set(metric, [change]);
    else others.push(change);
  }
  return [...metrics.values()];
}

function seriesLine({ family: { metric }, series, removed }: SeriesChange): string {
  return `${metric.name}${labels(series.attributes)} ${removed ? 'removed' : shortValue(series.value)}`;
}

export function labels(attributes: Attributes): string {
  const pairs = Object.entries(attributes).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? '' : `{${pairs.join(', ')}}`;
}

function shortValue(value: Series['value']): string {
  return typeof value === 'number' ? String(value) : `count=${value.count} sum=${value.sum}`;
}

const DATA_TYPES = { counter: 'Sum', updowncounter: 'Sum', gauge: 'Gauge', histogram: 'Histogram' } as const;

/** Laid out as by the Collector's debug exporter. */
function detailedMetric(changes: readonly SeriesChange[]): string[] {
  const metric = changes[0]!.family.metric;
  const isSum = metric.type === 'counter' || metric.type === 'updowncounter';
  return [
    'Metric',
    `     -> Name: ${metric.name}`,
    `     -> Description: ${metric.description}`,
    `     -> Unit: ${metric.unit}`,
    `     -> DataType: ${DATA_TYPES[metric.type]}`,
    ...(isSum ? [`     -> IsMonotonic: ${metric.type === 'counter'}`] : []),
    ...(metric.type === 'gauge' ? [] : ['     -> AggregationTemporality: Cumulative']),
    ...changes.flatMap((change) => detailedPoint(metric, change)),
  ];
}

function detailedPoint(metric: Metric, { series, removed }: SeriesChange): string[] {
  return [
    'Data point',
    ...detailedAttributes('Data point attributes:', series.attributes),
    `StartTimestamp: ${new Date(series.startTimeMs).toISOString()}`,
    ...(removed ? ['Removed'] : detailedValue(metric, series.value)),
  ];
}

export function detailedAttributes(title: string, attributes: Attributes): string[] {
  const lines = Object.entries(attributes).map(([name, value]) => `     -> ${name}: ${JSON.stringify(value)}`);
  return lines.length === 0 ? [] : [title, ...lines];
}

function detailedValue(metric: Metric, value: Series['value']): string[] {
  if (typeof value === 'number') return [`Value: ${value}`];
  return [`Count: ${value.count}`, `Sum: ${value.sum}`, ...buckets(metric.boundaries ?? [], value)];
}

function buckets(boundaries: readonly number[], { bucketCounts }: HistogramValue): string[] {
  return bucketCounts.map((count, index) => {
    const above = index === 0 ? '-Inf' : String(boundaries[index - 1]);
    const upTo = index === boundaries.length ? '+Inf)' : `${String(boundaries[index])}]`;
    return `Bucket (${above}, ${upTo}: ${count}`;
  });
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** JSON has escaped the others already, and leaves these. */
export function printable(line: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what it is about
  return line.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

import { ValueType } from '@opentelemetry/api';
import { JsonMetricsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import {
  AggregationTemporality,
  DataPointType,
  type DataPoint,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import type { HistogramValue, Series } from '../component.ts';
import { combine } from '../pipeline/combine.ts';
import type { Attributes, Metric } from '../pipeline/signals.ts';
import type { MetricPoint } from './metric-points.ts';
import { hrTime, resourceOf, SCOPE, serialized, type Encoding } from './origin.ts';

/** A point with the value that it has now. */
interface Valued extends Pick<Series, 'startTimeMs' | 'value'> {
  readonly attributes: Attributes;
}

/** An ExportMetricsServiceRequest of these points, cumulative; points of one metric stand together. */
export function encodeMetrics(
  points: readonly MetricPoint[],
  resource: Attributes,
  nowMs: number,
  encoding: Encoding,
): Uint8Array {
  const byMetric = new Map<Metric, Valued[]>();
  for (const { metric, members } of points) {
    const { startTimeMs, value } = combine(members, metric.aggregation);
    const valued = { attributes: members[0]!.series.attributes, startTimeMs, value };
    const others = byMetric.get(metric);
    if (others === undefined) byMetric.set(metric, [valued]);
    else others.push(valued);
  }
  const metrics = [...byMetric].map(([metric, valued]) => metricData(metric, valued, nowMs));
  const serializer = encoding === 'json' ? JsonMetricsSerializer : ProtobufMetricsSerializer;
  return serialized(
    serializer.serializeRequest({ resource: resourceOf(resource), scopeMetrics: [{ scope: SCOPE, metrics }] }),
  );
}

function metricData(metric: Metric, points: readonly Valued[], nowMs: number): MetricData {
  const { name, description, unit, type } = metric;
  const common = {
    // Of a metric, always the same: a sum of seconds may happen to be whole.
    descriptor: { name, description, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  switch (type) {
    case 'histogram':
      return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints: histograms(metric, points, nowMs) };
    case 'gauge':
      return { ...common, dataPointType: DataPointType.GAUGE, dataPoints: numbers(points, nowMs) };
    case 'counter':
    case 'updowncounter': {
      const isMonotonic = type === 'counter';
      return { ...common, dataPointType: DataPointType.SUM, isMonotonic, dataPoints: numbers(points, nowMs) };
    }
  }
}

function numbers(points: readonly Valued[], nowMs: number): DataPoint<number>[] {
  return points.flatMap((point) => (typeof point.value === 'number' ? [dataPoint(point, point.value, nowMs)] : []));
}

function histograms(metric: Metric, points: readonly Valued[], nowMs: number): DataPoint<Histogram>[] {
  return points.flatMap((point) =>
    typeof point.value === 'number' ? [] : [dataPoint(point, histogram(metric, point.value), nowMs)],
  );
}

function histogram({ boundaries = [] }: Metric, { count, sum, bucketCounts }: HistogramValue): Histogram {
  return { count, sum, buckets: { boundaries: [...boundaries], counts: [...bucketCounts] } };
}

function dataPoint<T>({ attributes, startTimeMs }: Valued, value: T, nowMs: number): DataPoint<T> {
  return { attributes, startTime: hrTime(startTimeMs), endTime: hrTime(nowMs), value };
}

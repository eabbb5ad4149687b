import type { HrTime } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type HistogramMetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import { ValueType } from '@opentelemetry/api';
import type { Status } from '../component.ts';
import { talliesOf } from './tally.ts';

export interface PageDurationsOptions {
  readonly resource: Resource;
  readonly status: () => Status;
  readonly by: 'receiver' | 'reader';
}

/**
 * How long pages took, as the readers have counted it. A histogram of a meter would have to be told of every page, with
 * the SDK loaded from the start; this one is asked, as the observable instruments are.
 */
export function pageDurations({ resource, status, by }: PageDurationsOptions): MetricProducer {
  return {
    async collect() {
      const now = status();
      const startTime = hrTime(now.startTimeMs);
      const endTime = hrTime(Date.now());
      const histogram: HistogramMetricData = {
        descriptor: {
          name: 'agentcol_sqlite_page_duration_seconds',
          description: 'How long reading a page took, in one read transaction.',
          unit: 's',
          valueType: ValueType.DOUBLE,
        },
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: talliesOf(now, by).map(({ labels, pageDuration: { boundaries, bucketCounts, count, sum } }) => ({
          attributes: labels,
          startTime,
          endTime,
          value: { buckets: { boundaries: [...boundaries], counts: [...bucketCounts] }, count, sum },
        })),
      };
      const metrics = histogram.dataPoints.length === 0 ? [] : [histogram];
      return { resourceMetrics: { resource, scopeMetrics: [{ scope: { name: 'agentcol' }, metrics }] }, errors: [] };
    },
  };
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}

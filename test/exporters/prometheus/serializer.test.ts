import { ValueType } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exposition } from '../../../exporters/prometheus/exposition.ts';
import type { Family } from '../../../src/component.ts';
import { MemorySource, metric } from './memory-source.ts';

// The two writers have everything in common but:
// - the unit: ours is in the name, theirs in a UNIT line that the text format does not know, so none is used here;
// - the spelling of whole boundaries: ours are canonical (`1.0`), theirs are not (`1`);
// - order: ours is sorted, labels too; theirs is that of arrival, and has _count and _sum before the buckets;
// - empty values, lone surrogates and NUL, which ours leaves out or replaces, and a missing description, where theirs
//   says so: not generated here.
test('writes what the PrometheusSerializer of OpenTelemetry writes', () => {
  fc.assert(
    fc.property(families(), (source) => {
      // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- the exporter brings a copy of the SDK's types
      const theirs = new PrometheusSerializer('', false, undefined, true, true).serialize(resourceMetrics(source));
      expect(normalised(exposition([source], 'text'))).toEqual(normalised(theirs));
    }),
  );
});

function normalised(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && line !== '# no registered metrics')
    .map((line) =>
      line.replace(/le="([^"]*)"\} /, (_, le: string) => `le="${String(Number(le.replace('Inf', 'Infinity')))}"} `),
    )
    .sort();
}

/** Metrics of distinct names with series of distinct attributes. */
function families(): fc.Arbitrary<MemorySource> {
  const name = fc.stringMatching(/^[a-z][a-z0-9]{0,5}([._][a-z][a-z0-9]{0,5}){0,2}$/);
  const text = fc.string({ unit: 'binary', minLength: 1 }).filter((value) => !value.includes('\0'));
  const attributes = fc.dictionary(
    fc.constantFrom('agent.name', 'gen_ai.tool.name', 'phase', 'x-y', 'Status'),
    fc.oneof(text, fc.boolean(), fc.integer()),
  );
  const value = fc.double().map((number) => (Object.is(number, -0) ? 0 : number));
  const one = fc.record({
    type: fc.constantFrom('counter', 'updowncounter', 'gauge', 'histogram'),
    description: text,
    series: fc.uniqueArray(
      fc.record({ attributes, value, buckets: fc.array(fc.nat(), { minLength: 4, maxLength: 4 }) }),
      {
        selector: (series) =>
          JSON.stringify(
            Object.entries(series.attributes)
              .map(([key, item]) => [key, String(item)])
              .sort(),
          ),
      },
    ),
  });
  return fc.dictionary(name, one, { maxKeys: 5 }).map((families) => {
    const source = new MemorySource();
    const taken = new Set<string>();
    for (const [name, { type, description, series }] of Object.entries(families)) {
      // What clashes, or has a suffix of its own, is the subject of other tests.
      if (taken.has(published(name)) || /bucket|sum|count|created|total/.test(name)) continue;
      taken.add(published(name));
      for (const { attributes, value, buckets } of series) {
        const count = buckets.reduce((total, bucket) => total + bucket, 0);
        source.set(
          metric(name, type, { description, ...(type === 'histogram' ? { boundaries: [-1, 0.25, 2] } : {}) }),
          attributes,
          type === 'histogram' ? { count, sum: value, bucketCounts: buckets } : value,
        );
      }
    }
    return source;
  });
}

function published(name: string): string {
  return name.replace(/[^a-zA-Z0-9]/g, '_');
}

function resourceMetrics(source: MemorySource): ResourceMetrics {
  const scope = { name: 'agentcol' };
  const metrics = [...source.families.values()].map((family) => metricData(family));
  return { resource: resourceFromAttributes({}), scopeMetrics: [{ scope, metrics }] };
}

function metricData({ metric, series }: Family): MetricData {
  const common = {
    descriptor: {
      name: metric.name,
      description: metric.description,
      unit: '',
      valueType: ValueType.DOUBLE,
      advice: {},
    },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const points = [...series.values()].map(({ attributes, value }) => ({
    attributes: Object.fromEntries(
      Object.entries(attributes).sort(([a], [b]) => (published(a) < published(b) ? -1 : 1)),
    ),
    value,
    startTime: [0, 0] as [number, number],
    endTime: [0, 0] as [number, number],
  }));
  const numbers = points.flatMap(({ value, ...point }) => (typeof value === 'number' ? [{ ...point, value }] : []));
  switch (metric.type) {
    case 'histogram': {
      const boundaries = [...(metric.boundaries ?? [])];
      const dataPoints = points.flatMap(({ value, ...point }) => {
        if (typeof value === 'number') return [];
        const { count, sum, bucketCounts } = value;
        return [{ ...point, value: { count, sum, buckets: { boundaries, counts: [...bucketCounts] } } }];
      });
      return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints };
    }
    case 'gauge':
      return { ...common, dataPointType: DataPointType.GAUGE, dataPoints: numbers };
    case 'counter':
    case 'updowncounter':
      return {
        ...common,
        dataPointType: DataPointType.SUM,
        isMonotonic: metric.type === 'counter',
        dataPoints: numbers,
      };
  }
}

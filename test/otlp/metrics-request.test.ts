import { expect, test } from 'vitest';
import { pointsOf } from '../../src/otlp/metric-points.ts';
import { encodeMetrics } from '../../src/otlp/metrics-request.ts';
import type { Encoding } from '../../src/otlp/origin.ts';
import { MemorySource, START_MS } from '../exporters/prometheus/memory-source.ts';
import { CALLS, LATENCY, oneOfEach, SIZE } from './metrics.ts';
import { decode } from './protobuf.ts';

const NOW_MS = Date.UTC(2026, 0, 2, 4) + 0.25;

function requests(sources: readonly MemorySource[], encoding: Encoding): readonly Uint8Array[] {
  return pointsOf(sources).map(({ resource, points }) => encodeMetrics(points, resource, NOW_MS, encoding));
}

function json(...sources: readonly MemorySource[]): readonly unknown[] {
  return requests(sources, 'json').map((request) => JSON.parse(Buffer.from(request).toString()) as unknown);
}

test('metrics as OTLP JSON are those of the golden file', async () => {
  const source = oneOfEach();
  source.resource = { 'host.name': 'build-7' };
  const [request] = json(source);
  const text = `${JSON.stringify(request, undefined, 2)}\n`.replace(/("version": )"[^"]*"/, '$1"VERSION"');
  await expect(text).toMatchFileSnapshot('golden/metrics.json.golden');
});

test('metrics as protobuf say the same as JSON', () => {
  const [proto] = requests([oneOfEach()], 'proto');
  const decoded = decode('ExportMetricsServiceRequest', proto!) as object;
  // protobuf leaves out what is zero or empty, and tells numbers of 64 bits as text.
  expect(normal(decoded)).toEqual(normal(json(oneOfEach())[0]));
});

function isNothing(value: unknown): boolean {
  return (
    value === '' || value === 0 || value === '0' || value === false || (Array.isArray(value) && value.length === 0)
  );
}

function normal(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => normal(one, key));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, one]): [string, unknown] => [name, normal(one, name)]);
    return Object.fromEntries(entries.filter(([, one]) => !isNothing(one)));
  }
  return typeof value === 'number' && /^(count|bucketCounts|intValue)$/.test(key) ? String(value) : value;
}

test('a resource has a service.name, its own where it says one', () => {
  const named = oneOfEach();
  named.resource = { 'service.name': 'mine' };
  const resources = json(oneOfEach(), named).map(
    (request) => (request as { resourceMetrics: { resource: unknown }[] }).resourceMetrics[0]!.resource,
  );
  const resource = (name: string) => ({
    attributes: [{ key: 'service.name', value: { stringValue: name } }],
    droppedAttributesCount: 0,
  });
  expect(resources).toEqual([resource('agentcol'), resource('mine')]);
});

test('series of several pipelines that are equal in everything are one, since the first of their starts', () => {
  const one = new MemorySource('metrics/a')
    .set(CALLS, { tool: 'Bash' }, 1, START_MS)
    .set(CALLS, { tool: 'Read' }, 4)
    .set(LATENCY, {}, { count: 1, sum: 0.1, bucketCounts: [0, 1, 0] });
  const other = new MemorySource('metrics/b')
    .set(CALLS, { tool: 'Bash' }, 2, START_MS - 1_000)
    .set(LATENCY, {}, { count: 2, sum: 0.2, bucketCounts: [1, 1, 0] })
    .set(SIZE, {}, 7);
  const [request] = requests([one, other], 'proto').map((bytes) => decode('ExportMetricsServiceRequest', bytes));
  const point = { startTimeUnixNano: `${START_MS}000000`, timeUnixNano: '1767326400000250000' };
  const tool = (name: string) => [{ key: 'tool', value: { stringValue: name } }];
  expect(request).toMatchObject({
    resourceMetrics: [
      {
        scopeMetrics: [
          {
            metrics: [
              {
                name: CALLS.name,
                sum: {
                  dataPoints: [
                    { ...point, startTimeUnixNano: `${START_MS - 1_000}000000`, attributes: tool('Bash'), asDouble: 3 },
                    { ...point, attributes: tool('Read'), asDouble: 4 },
                  ],
                },
              },
              {
                name: LATENCY.name,
                histogram: { dataPoints: [{ ...point, count: '3', bucketCounts: ['1', '2', '0'] }] },
              },
              { name: SIZE.name, gauge: { dataPoints: [{ ...point, asDouble: 7 }] } },
            ],
          },
        ],
      },
    ],
  });
});

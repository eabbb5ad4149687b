import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DebugExporter } from '../../../exporters/debug/exporter.ts';
import { debugExporter } from '../../../exporters/debug/factory.ts';
import { describeChanges } from '../../../exporters/debug/text.ts';
import type { HistogramValue } from '../../../src/component.ts';
import type { Attributes } from '../../../src/pipeline/signals.ts';
import { RetryableError } from '../../../src/errors.ts';
import { componentSuite } from '../../component-suite.ts';
import { LOGS, TRACES } from '../../otlp/batches.ts';
import { MemorySource, metric } from '../prometheus/memory-source.ts';

componentSuite(debugExporter, { config: {} });

const CALLS = metric('calls', 'counter', { unit: '{call}', description: 'Calls so far.' });
const ACTIVE = metric('active', 'updowncounter');
const SIZE = metric('size', 'gauge');
const LATENCY = metric('latency', 'histogram', { unit: 's' });
const OBSERVED: HistogramValue = { count: 3, sum: 4.5, bucketCounts: [1, 0, 2, 0] };

let written: string;
let output: { write: (text: string) => void; writableNeedDrain: boolean };
const running: DebugExporter[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  written = '';
  output = { write: (text) => void (written += text), writableNeedDrain: false };
});

afterEach(async () => {
  for (const exporter of running.splice(0)) await exporter.shutdown();
  vi.useRealTimers();
});

async function started(...sources: readonly MemorySource[]): Promise<DebugExporter> {
  const exporter = new DebugExporter({ verbosity: 'normal', interval: '1s' }, output);
  running.push(exporter);
  exporter.connect(sources);
  await exporter.start();
  return exporter;
}

function taken(): string {
  const text = written;
  written = '';
  return text;
}

test('what is written in detail begins with the resource', () => {
  const source = new MemorySource().set(CALLS, {}, 1);
  const changes = [...source.families.values()].flatMap((family) =>
    [...family.series.values()].map((series) => ({ family, series, removed: false })),
  );
  const text = (resource: Attributes) => describeChanges({ id: 'metrics', resource }, changes, 'detailed').split('\n');
  expect(text({ 'host.name': 'h\u0007', n: 5 }).slice(1, 5)).toEqual([
    'Resource attributes:',
    '     -> host.name: "h\\u0007"',
    '     -> n: 5',
    'Metric',
  ]);
  expect(text({})[1]).toBe('Metric');
});

describe('what changed', () => {
  test('is written after the commit, and does not hold it up', async () => {
    const source = new MemorySource();
    await started(source);
    source.set(CALLS, { tool: 'Bash' }, 1).commit();
    expect(taken()).toBe('');
    vi.advanceTimersByTime(0);
    expect(taken()).toBe('pipeline metrics: 1 metric, 1 data point\ncalls{tool="Bash"} 1\n');
  });

  test('is written at most once in the interval, each series with its last value', async () => {
    const source = new MemorySource();
    await started(source);
    source.set(CALLS, {}, 1).commit();
    vi.advanceTimersByTime(0);
    taken();
    for (const value of [2, 3, 4]) {
      source.set(CALLS, {}, value).commit();
      vi.advanceTimersByTime(100);
    }
    expect(taken()).toBe('');
    vi.advanceTimersByTime(700);
    expect(taken()).toBe('pipeline metrics: 1 metric, 1 data point\ncalls 4\n');
    vi.advanceTimersByTime(10_000);
    expect(taken()).toBe('');
  });

  test('is not written before the first read is complete, and then everything', async () => {
    const source = new MemorySource();
    source.behind = { read: 1, total: 2 };
    await started(source);
    source.set(CALLS, {}, 1).commit();
    vi.advanceTimersByTime(10_000);
    expect(taken()).toBe('');
    source.behind = undefined;
    source.set(SIZE, {}, 5).commit();
    vi.advanceTimersByTime(0);
    expect(taken()).toBe('pipeline metrics: 2 metrics, 2 data points\ncalls 1\nsize 5\n');
  });

  test('says so of series that are gone', async () => {
    const source = new MemorySource().set(SIZE, { of: 'a' }, 1).set(SIZE, { of: 'b' }, 2);
    source.commit();
    await started(source);
    vi.advanceTimersByTime(0);
    taken();
    source.remove(SIZE, { of: 'a' }).commit();
    vi.advanceTimersByTime(1_000);
    expect(taken()).toBe('pipeline metrics: 1 metric, 0 data points, 1 removed\nsize{of="a"} removed\n');
  });

  test('waits while the output is not read, and is then written as one', async () => {
    const source = new MemorySource();
    await started(source);
    output.writableNeedDrain = true;
    source.set(CALLS, {}, 1).commit();
    vi.advanceTimersByTime(5_000);
    source.set(CALLS, {}, 2).commit();
    vi.advanceTimersByTime(5_000);
    expect(taken()).toBe('');
    output.writableNeedDrain = false;
    vi.advanceTimersByTime(1_000);
    expect(taken()).toBe('pipeline metrics: 1 metric, 1 data point\ncalls 2\n');
  });

  test('is written for each pipeline', async () => {
    const sources = [new MemorySource('metrics'), new MemorySource('metrics/usage')];
    await started(...sources);
    for (const source of sources) source.set(CALLS, {}, 1).commit();
    vi.advanceTimersByTime(0);
    expect(taken()).toMatch(/^pipeline metrics: .*\ncalls 1\npipeline metrics\/usage: .*\ncalls 1\n$/);
  });
});

test('writes everything there is when it is connected, before or after the start', async () => {
  const exporter = await started(new MemorySource().set(CALLS, {}, 1));
  vi.advanceTimersByTime(0);
  expect(taken()).toContain('calls 1\n');
  exporter.connect([new MemorySource().set(CALLS, {}, 2)]);
  vi.advanceTimersByTime(1_000);
  expect(taken()).toContain('calls 2\n');
});

test('leaves the sources of before alone once others are connected', async () => {
  const before = new MemorySource();
  const exporter = await started(before);
  exporter.connect([new MemorySource()]);
  expect(before.listeners).toBe(0);
});

test('writes what is left when it is shut down, and nothing afterwards', async () => {
  const source = new MemorySource();
  const exporter = await started(source);
  source.set(CALLS, {}, 1).commit();
  await exporter.shutdown();
  expect(taken()).toContain('calls 1\n');
  source.set(CALLS, {}, 2).commit();
  vi.advanceTimersByTime(10_000);
  expect(taken()).toBe('');
});

describe('verbosity', () => {
  function described(verbosity: 'basic' | 'normal' | 'detailed'): string {
    const changes = [
      ...new MemorySource()
        .set(CALLS, { tool: 'Bash', ok: true }, 17, 0)
        .set(ACTIVE, {}, 2, 0)
        .set(SIZE, {}, 5, 0)
        .set(LATENCY, { tool: 'Bash' }, OBSERVED, 0)
        .families.values(),
    ].flatMap((family) =>
      [...family.series.values()].map((series) => ({ family, series, removed: family.metric === SIZE })),
    );
    return describeChanges({ id: 'metrics', resource: {} }, changes, verbosity);
  }

  test('basic counts', () => {
    expect(described('basic')).toBe('pipeline metrics: 4 metrics, 3 data points, 1 removed\n');
  });

  test('normal is a line a series', () => {
    expect(described('normal').split('\n').slice(1, -1)).toEqual([
      'calls{tool="Bash", ok=true} 17',
      'active 2',
      'size removed',
      'latency{tool="Bash"} count=3 sum=4.5',
    ]);
  });

  test('detailed is everything, as the Collector lays it out', () => {
    expect(described('detailed').split('\n').slice(1, -1)).toEqual([
      'Metric',
      '     -> Name: calls',
      '     -> Description: Calls so far.',
      '     -> Unit: {call}',
      '     -> DataType: Sum',
      '     -> IsMonotonic: true',
      '     -> AggregationTemporality: Cumulative',
      'Data point',
      'Data point attributes:',
      '     -> tool: "Bash"',
      '     -> ok: true',
      'StartTimestamp: 1970-01-01T00:00:00.000Z',
      'Value: 17',
      'Metric',
      '     -> Name: active',
      '     -> Description: ',
      '     -> Unit: ',
      '     -> DataType: Sum',
      '     -> IsMonotonic: false',
      '     -> AggregationTemporality: Cumulative',
      'Data point',
      'StartTimestamp: 1970-01-01T00:00:00.000Z',
      'Value: 2',
      'Metric',
      '     -> Name: size',
      '     -> Description: ',
      '     -> Unit: ',
      '     -> DataType: Gauge',
      'Data point',
      'StartTimestamp: 1970-01-01T00:00:00.000Z',
      'Removed',
      'Metric',
      '     -> Name: latency',
      '     -> Description: ',
      '     -> Unit: s',
      '     -> DataType: Histogram',
      '     -> AggregationTemporality: Cumulative',
      'Data point',
      'Data point attributes:',
      '     -> tool: "Bash"',
      'StartTimestamp: 1970-01-01T00:00:00.000Z',
      'Count: 3',
      'Sum: 4.5',
      'Bucket (-Inf, 0.1]: 1',
      'Bucket (0.1, 1]: 0',
      'Bucket (1, 10]: 2',
      'Bucket (10, +Inf): 0',
    ]);
  });

  test('what an attribute holds cannot move the cursor', () => {
    const source = new MemorySource().set(CALLS, { tool: 'a\x1b[2J\nb\u009bc\u202ed"' }, 1);
    const family = [...source.families.values()][0]!;
    const changes = [{ family, series: [...family.series.values()][0]!, removed: false }];
    for (const verbosity of ['normal', 'detailed'] as const) {
      const text = describeChanges({ id: 'metrics', resource: {} }, changes, verbosity);
      expect(text).toContain('"a\\u001b[2J\\nb\\u009bc\\u202ed\\""');
      // eslint-disable-next-line no-control-regex -- control characters are what it is about
      expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
  });
});

describe('spans and log records', () => {
  async function text(verbosity: 'basic' | 'normal' | 'detailed', batch: typeof TRACES | typeof LOGS): Promise<string> {
    const exporter = new DebugExporter({ verbosity, interval: '1s' }, output);
    await exporter.export(batch, { 'host.name': 'build-7' });
    return taken();
  }

  test('are counted', async () => {
    expect(await text('basic', TRACES)).toBe('traces: 2 spans\n');
    expect(await text('basic', LOGS)).toBe('logs: 2 log records\n');
  });

  test('are told in a line each, which no control character breaks', async () => {
    const trace = '0123456789abcdef0123456789abcdef';
    expect((await text('normal', TRACES)).split('\n').slice(1)).toEqual([
      `invoke_agent tester ${trace} 00f067aa0ba902b7{gen_ai.agent.name="tester", attempt=2, share=0.5, retried=false}`,
      `execute_tool Bash ${trace} fedcba9876543210`,
      '',
    ]);
    expect((await text('normal', LOGS)).split('\n').slice(1)).toEqual([
      'agent_workflow.invocation "it\\u0007 failed"{gen_ai.agent.name="tester"}',
      'agent_workflow.event',
      '',
    ]);
  });

  test('are told in detail, as by the Collector', async () => {
    expect((await text('detailed', TRACES)).split('\n').slice(1, 13)).toEqual([
      'Resource attributes:',
      '     -> host.name: "build-7"',
      'Span',
      '    Trace ID       : 0123456789abcdef0123456789abcdef',
      '    Parent ID      : ',
      '    ID             : 00f067aa0ba902b7',
      '    Name           : invoke_agent tester',
      '    Kind           : Internal',
      '    Start time     : 2026-01-02T03:04:05.678Z',
      '    End time       : 2026-01-02T03:04:08.178Z',
      '    Status code    : Unset',
      'Attributes:',
    ]);
    expect((await text('detailed', LOGS)).split('\n')).toContain('EventName: agent_workflow.invocation');
  });

  test('wait while the output is not read', async () => {
    output.writableNeedDrain = true;
    await expect(text('basic', TRACES)).rejects.toBeInstanceOf(RetryableError);
    expect(taken()).toBe('');
  });
});

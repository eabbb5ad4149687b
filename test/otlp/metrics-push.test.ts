import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Rejection } from '../../src/component.ts';
import { PermanentError, RetryableError } from '../../src/errors.ts';
import { MetricsPush } from '../../src/otlp/metrics-push.ts';
import { MemorySource } from '../exporters/prometheus/memory-source.ts';
import { recorder } from '../pipeline/ledger.ts';
import { CALLS, oneOfEach } from './metrics.ts';
import { decode } from './protobuf.ts';

type Outcome = Rejection | Error | undefined;

let sent: Uint8Array[];
let outcomes: Outcome[];
let log = recorder();
let push: MetricsPush;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  outcomes = [];
  log = recorder();
  push = create();
});

afterEach(async () => {
  outcomes = [];
  const stopped = push.shutdown();
  await vi.runAllTimersAsync();
  await stopped;
  vi.useRealTimers();
});

function create(retry = { enabled: true, initialMs: 5_000 }): MetricsPush {
  return new MetricsPush({
    intervalMs: 15_000,
    encoding: 'proto',
    retry,
    send: async (request) => {
      sent.push(request);
      const outcome = outcomes.shift();
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
    logger: log,
    now: Date.now,
  });
}

function values(request: Uint8Array | undefined): readonly number[] {
  const [value] = [
    ...JSON.stringify(request === undefined ? '' : decode('ExportMetricsServiceRequest', request)).matchAll(
      /"asDouble":([\d.]+)/g,
    ),
  ].map(([, text]) => Number(text));
  return value === undefined ? [] : [value];
}

test('everything is sent once it is ready, and then at the interval, changed or not', async () => {
  const source = new MemorySource().set(CALLS, {}, 1);
  source.behind = { read: 0, total: 1 };
  push.connect([source]);
  push.start();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sent).toEqual([]);
  source.behind = undefined;
  source.commit();
  await vi.advanceTimersByTimeAsync(0);
  expect(sent.map(values)).toEqual([[1]]);
  source.set(CALLS, {}, 2).commit();
  await vi.advanceTimersByTimeAsync(14_999);
  expect(sent).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(15_001);
  expect(sent.map(values)).toEqual([[1], [2], [2]]);
  expect(push.pushed).toEqual({ sent: 3, failed: 0 });
});

test('nothing half-read is sent: of several sources, all must be ready; those of before are sent until then', async () => {
  const ready = new MemorySource('metrics/a').set(CALLS, { of: 'a' }, 1);
  push.connect([ready]);
  push.start();
  await vi.advanceTimersByTimeAsync(0);
  const late = new MemorySource('metrics/b').set(CALLS, { of: 'b' }, 2);
  late.behind = { read: 0, total: 1 };
  push.connect([ready, late]);
  await vi.advanceTimersByTimeAsync(15_000);
  expect(push.pushed.sent).toBe(2);
  late.behind = undefined;
  late.commit();
  await vi.advanceTimersByTimeAsync(0);
  expect(push.pushed.sent).toBe(4);
  expect([ready.listeners, late.listeners]).toEqual([0, 0]);
});

test('many series are sent in several requests, and none twice', async () => {
  const source = new MemorySource();
  for (let index = 0; index < 1_201; index += 1) source.set(CALLS, { index }, index + 1);
  push.connect([source]);
  push.start();
  await vi.advanceTimersByTimeAsync(100);
  const indexes = sent.flatMap((request) =>
    [...JSON.stringify(decode('ExportMetricsServiceRequest', request)).matchAll(/"intValue":"(\d+)"/g)].map(
      ([, text]) => Number(text),
    ),
  );
  expect(sent).toHaveLength(3);
  expect(indexes).toEqual(Array.from({ length: 1_201 }, (_, index) => index));
  expect(push.pushed).toEqual({ sent: 1_201, failed: 0 });
});

describe('what is not taken', () => {
  async function sendOnce(...answers: readonly Outcome[]): Promise<void> {
    outcomes = [...answers];
    push.connect([oneOfEach()]);
    push.start();
    await vi.advanceTimersByTimeAsync(0);
  }

  test('is counted and told, and superseded by what is sent next, after a pause', async () => {
    await sendOnce(new RetryableError('connect ECONNREFUSED'), new Error('again'));
    expect(push.pushed).toEqual({ sent: 0, failed: 5 });
    expect(push.failure).toMatchObject({ reason: 'unavailable', message: 'send metrics: connect ECONNREFUSED' });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(push.pushed.failed).toBe(10);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(push.pushed).toEqual({ sent: 5, failed: 10 });
    expect(push.failure).toBeUndefined();
    expect(log.lines).toEqual([
      'warn send metrics: connect ECONNREFUSED',
      'warn send metrics: again',
      'info metrics are sent again',
    ]);
  });

  test('is not tried again before the endpoint wants it', async () => {
    await sendOnce(new RetryableError('429', { retryAfterMs: 40_000 }));
    await vi.advanceTimersByTimeAsync(39_000);
    expect(sent).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toHaveLength(2);
  });

  test('waits for the interval where it is not to be tried again, or never will be taken', async () => {
    await sendOnce(new PermanentError('400'));
    expect(push.failure).toMatchObject({ reason: 'refused' });
    await vi.advanceTimersByTimeAsync(14_999);
    expect(sent).toHaveLength(1);
    await push.shutdown();
    sent = [];
    push = create({ enabled: false, initialMs: 5_000 });
    await sendOnce(new RetryableError('503'));
    await vi.advanceTimersByTimeAsync(14_999);
    expect(sent).toHaveLength(1);
  });

  test('in part is counted in part', async () => {
    await sendOnce({ rejected: 2, message: 'too old' }, { rejected: 0, message: 'soon too old' });
    await vi.advanceTimersByTimeAsync(15_000);
    expect(push.pushed).toEqual({ sent: 8, failed: 2 });
    expect(push.failure).toBeUndefined();
    expect(log.lines).toEqual([
      'error the endpoint has refused some metric points (too old)',
      'warn the endpoint has taken all metric points, and warns (soon too old)',
    ]);
  });

  test('holds up nothing but the rest of its round', async () => {
    const source = new MemorySource();
    for (let index = 0; index < 1_001; index += 1) source.set(CALLS, { index }, 1);
    outcomes = [new PermanentError('400'), new RetryableError('503')];
    push.connect([source]);
    push.start();
    await vi.advanceTimersByTimeAsync(100);
    expect(sent).toHaveLength(2);
    expect(push.pushed).toEqual({ sent: 0, failed: 1_001 });
  });
});

describe('at the end', () => {
  test('the last values are sent', async () => {
    const source = new MemorySource().set(CALLS, {}, 1);
    push.connect([source]);
    push.start();
    await vi.advanceTimersByTimeAsync(0);
    source.set(CALLS, {}, 2);
    await push.shutdown();
    expect(sent.map(values)).toEqual([[1], [2]]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sent).toHaveLength(2);
  });

  test('an endpoint that is away, or hangs, is not waited for', async () => {
    outcomes = [new RetryableError('away')];
    push.connect([oneOfEach()]);
    push.start();
    await vi.advanceTimersByTimeAsync(0);
    await push.shutdown();
    expect(sent).toHaveLength(1);
    push = new MetricsPush({
      intervalMs: 15_000,
      encoding: 'proto',
      retry: { enabled: true, initialMs: 5_000 },
      send: () => new Promise<undefined>(() => undefined),
      logger: log,
      now: Date.now,
    });
    push.connect([oneOfEach()]);
    push.start();
    await vi.advanceTimersByTimeAsync(0);
    const stopped = push.shutdown();
    await vi.advanceTimersByTimeAsync(1_500);
    await stopped;
  });
});

test('no request is longer than gRPC servers and readers of lines take', async () => {
  const source = new MemorySource();
  const wide = 'x'.repeat(10_000);
  for (let number = 0; number < 600; number += 1) source.set(CALLS, { number, wide }, 1);
  push.connect([source]);
  push.start();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(push.pushed).toEqual({ sent: 600, failed: 0 });
  expect(sent.length).toBeGreaterThan(6);
  expect(Math.max(...sent.map(({ length }) => length))).toBeLessThanOrEqual(1_000_000);
});

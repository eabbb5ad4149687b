import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PermanentError, RetryableError } from '../../src/errors.ts';
import { Sending } from './sending.ts';

const BOTH = { traces: ['a'], logs: ['a'] };

let sending: Sending;

beforeEach(() => {
  sending = new Sending();
});

afterEach(async () => {
  await sending[Symbol.asyncDispose]();
});

test('sends each row once as a span and once as a log record, whose ids agree', async () => {
  sending.add(3);
  sending.add(1, { parent: 1, result: 'bad', kind: 'test' });
  await sending.start(BOTH);
  const { spans, records } = sending.endpoint('a');
  await sending.until(() => spans.length === 4 && records.length === 4);
  const [first, , , last] = spans;
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([expect.stringMatching(/^[0-9a-f]{32}$/)]));
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(4);
  expect(first).toEqual({
    traceId: records[0]?.traceId,
    spanId: records[0]?.spanId,
    name: 'job build',
    kind: 'internal',
    startTimeMs: sending.nowMs - 10_000,
    endTimeMs: sending.nowMs - 7_500,
    status: 'ok',
    attributes: { kind: 'build' },
  });
  expect(last).toMatchObject({ name: 'job test', status: 'error', parentSpanId: first?.spanId });
  expect(records[3]).toMatchObject({
    timeMs: sending.nowMs - 7_500,
    observedTimeMs: sending.nowMs,
    eventName: 'job.done',
    severityNumber: 17,
    body: 'job test bad',
    attributes: { kind: 'test' },
    spanId: last?.spanId,
  });
});

test('goes on after a restart where it was, and sends nothing again', async () => {
  sending.add(5);
  await sending.start(BOTH);
  await sending.until(() => sending.endpoint('a').taken === 10);
  await sending.service?.shutdown();
  sending.add(2);
  await sending.start(BOTH);
  await sending.until(() => sending.endpoint('a').taken === 14);
  expect(sending.endpoint('a').doubled).toBe(0);
});

test('sends a row once it is complete or abandoned, and never again', async () => {
  sending.add(1, { ended: null });
  sending.add(1, { ended: null, kind: 'stuck', begun: sending.nowMs / 1000 - 30 });
  await sending.start({ traces: ['a'] });
  sending.add(1);
  const { spans } = sending.endpoint('a');
  await sending.until(() => spans.length === 1);
  sending.database.exec(`UPDATE jobs SET ended = begun + 3 WHERE id = 1`);
  await sending.until(() => spans.length === 2);
  sending.nowMs += 3_600_000;
  sending.add(1);
  await sending.until(() => spans.length === 4);
  const stuck = spans.find(({ name }) => name === 'job stuck');
  expect(stuck?.status).toBe('unset');
  expect(stuck?.endTimeMs).toBe(stuck?.startTimeMs);
});

describe('when the other side cannot take it', () => {
  test('everything arrives when it is back, whatever came meanwhile, and no other exporter waits', async () => {
    let down = true;
    sending.endpoint('down').meet = () => {
      if (down) throw new RetryableError('503 from the endpoint');
      return undefined;
    };
    await sending.start({ traces: ['down', 'up'] });
    for (let round = 1; round <= 5; round += 1) {
      sending.add(100);
      await sending.until(() => sending.endpoint('up').taken === 100 * round);
    }
    expect(sending.endpoint('down').taken).toBe(0);
    expect(sending.service?.status.exporters).toMatchObject([
      { id: 'endpoint/down', failure: { reason: 'unavailable', message: '503 from the endpoint' } },
      { id: 'endpoint/up', failure: undefined },
    ]);
    down = false;
    await sending.until(() => sending.endpoint('down').taken === 500);
    expect(sending.endpoint('down').doubled).toBe(0);
    await sending.until(() => sending.service?.status.exporters[0]?.failure === undefined);
    expect(sending.service?.status.exporters.map(({ counts }) => counts.get('traces'))).toEqual([
      { sent: 500, failed: 0 },
      { sent: 500, failed: 0 },
    ]);
    const said = sending.log.lines.filter((line) => line.includes('503'));
    expect(said).toHaveLength(1);
  });

  test('what it took without saying so comes again under the same ids', async () => {
    let lost = true;
    const endpoint = sending.endpoint('a');
    endpoint.meet = (batch) => {
      if (!lost || batch.signal !== 'traces') return undefined;
      lost = false;
      endpoint.spans.push(...batch.spans);
      throw new Error('socket hang up');
    };
    sending.add(10);
    await sending.start({ traces: ['a'] });
    await sending.until(() => endpoint.spans.length === 20);
    expect(endpoint.doubled).toBe(10);
  });

  test('it is left alone for as long as it asks', async () => {
    const at: number[] = [];
    sending.endpoint('a').meet = () => {
      at.push(performance.now());
      if (at.length === 1) throw new RetryableError('429', { retryAfterMs: 400 });
      return undefined;
    };
    sending.add(1);
    await sending.start({ traces: ['a'] });
    sending.add(1);
    await sending.until(() => sending.endpoint('a').taken >= 2);
    expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(390);
  });

  test('what it refuses for good is dropped, counted and told, and the rest goes on', async () => {
    sending.endpoint('a').meet = (batch) => {
      if (batch.signal === 'traces' && batch.spans.some(({ name }) => name === 'job poison')) {
        throw new PermanentError('400: bad data');
      }
      return undefined;
    };
    sending.add(1, { kind: 'poison' });
    await sending.start({ traces: ['a'] });
    await sending.until(() => sending.service?.status.exporters[0]?.counts.get('traces')?.failed === 1);
    expect(sending.log.lines.join('\n')).toContain('1 spans for endpoint/a dropped: 400: bad data');
    sending.add(3);
    await sending.until(() => sending.endpoint('a').taken === 3);
    expect(sending.service?.status.exporters[0]?.counts.get('traces')).toEqual({ sent: 3, failed: 1 });
  });

  test('what it refuses of a batch is counted, and not sent again', async () => {
    sending.endpoint('a').meet = () => ({ rejected: 2, message: 'too old' });
    sending.add(5);
    await sending.start({ traces: ['a'] });
    await sending.until(() => sending.service?.status.exporters[0]?.counts.get('traces')?.failed === 2);
    expect(sending.service?.status.exporters[0]?.counts.get('traces')).toEqual({ sent: 3, failed: 2 });
    expect(sending.log.lines.join('\n')).toContain('2 spans for endpoint/a refused: too old');
  });

  test('without retry_on_failure the first failure drops; with max_elapsed_time, what took longer', async () => {
    const never = sending.endpoint('never');
    never.retry = { ...never.retry, enabled: false };
    const later = sending.endpoint('later');
    later.retry = { ...later.retry, maxElapsedMs: 50 };
    for (const endpoint of [never, later]) {
      endpoint.meet = () => {
        throw new RetryableError('down');
      };
    }
    sending.add(4);
    await sending.start({ traces: ['never', 'later'] });
    await sending.until(
      () => sending.service?.status.exporters.every(({ counts }) => counts.get('traces')?.failed === 4) === true,
    );
    expect(never.attempts).toBe(1);
    expect(later.attempts).toBeGreaterThan(1);
  });
});

test('what is on its way at the end arrives before the position is kept', async () => {
  let release: () => void = () => undefined;
  const endpoint = sending.endpoint('a');
  endpoint.meet = async () => {
    await new Promise<void>((resolve) => (release = resolve));
    return undefined;
  };
  sending.add(3);
  await sending.start({ traces: ['a'] });
  await sending.until(() => endpoint.attempts === 1);
  const stopped = sending.service?.shutdown();
  release();
  await stopped;
  endpoint.meet = () => undefined;
  sending.add(1);
  await sending.start({ traces: ['a'] });
  await sending.until(() => endpoint.taken === 4);
  expect(endpoint.doubled).toBe(0);
});

test('exporters that are exchanged leave the others as they were, and each goes on where it was', async () => {
  sending.add(5);
  await sending.start({ traces: ['a', 'b'] });
  await sending.until(() => sending.endpoint('a').taken === 5 && sending.endpoint('b').taken === 5);
  expect(await sending.reload({ traces: ['a', 'c'], logs: ['a'] })).toEqual({
    started: expect.arrayContaining(['endpoint/c']) as unknown,
    stopped: ['endpoint/b', 'sqlite'],
  });
  sending.add(5);
  await sending.until(() => sending.endpoint('a').spans.length === 10 && sending.endpoint('c').taken === 10);
  await sending.until(() => sending.endpoint('a').records.length === 10);
  expect(await sending.reload({ traces: ['a', 'b'] })).toBeDefined();
  await sending.until(() => sending.endpoint('b').taken === 10);
  expect(['a', 'b', 'c'].map((name) => sending.endpoint(name).doubled)).toEqual([0, 0, 0]);
});

test('processors treat attributes and texts, drop what they filter, and say what everything is about', async () => {
  sending.add(2, { kind: '/home/me/secret/tool' });
  sending.add(1, { kind: 'noise' });
  await sending.start(BOTH, {
    processors: {
      strip_paths: {},
      filter: {
        exclude: [
          { span_names: ['job noise'] },
          { event_names: ['job.*'], attributes: [{ key: 'kind', value: 'noise' }] },
        ],
      },
      resource: { attributes: [{ key: 'host.name', value: 'here', action: 'upsert' }] },
    },
  });
  const { spans, records, resources } = sending.endpoint('a');
  await sending.until(() => spans.length === 2 && records.length === 2);
  expect(spans[0]).toMatchObject({ name: 'job tool', attributes: { kind: 'tool' } });
  expect(records[0]).toMatchObject({ body: 'job tool ok', attributes: { kind: 'tool' } });
  expect(resources[0]).toEqual({ 'host.name': 'here' });
  expect(sending.service?.status.pipelines.map(({ withheld }) => withheld)).toEqual([
    [{ processor: 'filter', metric: 'spans', points: 1 }],
    [{ processor: 'filter', metric: 'log_records', points: 1 }],
  ]);
});

test('refuses to send what is sensitive and hidden by nothing, be it in a name, a body or an attribute', async () => {
  const table = {
    spans: [{ name: "'job of ' || user_name", trace: 'run', id: 'id', start: 'begun', set: { note: 'prompt' } }],
  };
  await expect(sending.start({ traces: ['a'] }, { table })).rejects.toThrow(
    /attribute span name of spans of jobs, made from user_name, would reach endpoint\/a as it is/,
  );
  await expect(sending.start({ traces: ['a'] }, { table })).rejects.toThrow(
    /attribute note of spans of jobs, made from prompt/,
  );
});

test('a pipeline whose receiver has nothing for its signal is refused', async () => {
  await expect(sending.start({ logs: ['a'] }, { table: { logs: [] } })).rejects.toThrow(
    'it is in a pipeline of logs, and no table of its mapping has logs:',
  );
});

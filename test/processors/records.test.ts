import { expect, test } from 'vitest';
import type { ProcessorFactory } from '../../src/component.ts';
import type { Batch, LogRecord, Signal, Span } from '../../src/pipeline/signals.ts';
import { attributesProcessor } from '../../processors/attributes/factory.ts';
import { filterProcessor } from '../../processors/filter/factory.ts';
import { hashProcessor } from '../../processors/hash/factory.ts';
import { resourceProcessor } from '../../processors/resource/factory.ts';
import { stripPathsProcessor } from '../../processors/strip_paths/factory.ts';
import { filledConfig, testSettings } from '../component-suite.ts';

const KEY = { key: 'a key of thirty-two characters !!' };

function span(more: Partial<Span> = {}): Span {
  return {
    traceId: '0'.repeat(31) + '1',
    spanId: '0'.repeat(15) + '1',
    name: 'read',
    kind: 'internal',
    startTimeMs: 1,
    endTimeMs: 2,
    status: 'unset',
    attributes: {},
    ...more,
  };
}

function record(more: Partial<LogRecord> = {}): LogRecord {
  return { timeMs: 1, observedTimeMs: 2, eventName: 'e', severityNumber: 9, attributes: {}, ...more };
}

async function process<C>(factory: ProcessorFactory<C>, config: object, batch: Batch): Promise<Batch | undefined> {
  const settings = { ...testSettings(factory.type), signal: batch.signal };
  const processor = await factory.create(filledConfig(factory, { ...config }), settings);
  await processor.start?.();
  return processor.process(batch);
}

const spansOf = (...spans: readonly Span[]): Batch => ({ signal: 'traces', spans });
const recordsOf = (...records: readonly LogRecord[]): Batch => ({ signal: 'logs', records });

test('strip_paths looks into attributes, names of spans and events, and bodies', async () => {
  const attributes = { file: '/srv/shop/a.ts', tool: 'Read' };
  expect(await process(stripPathsProcessor, {}, spansOf(span({ name: 'read /srv/shop/b.ts', attributes })))).toEqual(
    spansOf(span({ name: 'read b.ts', attributes: { file: 'a.ts', tool: 'Read' } })),
  );
  const body = 'wrote /srv/shop/c.ts';
  expect(await process(stripPathsProcessor, {}, recordsOf(record({ eventName: 'x /srv/y', body })))).toEqual(
    recordsOf(record({ eventName: 'x y', body: 'wrote c.ts' })),
  );
});

test('what is dropped of a record leaves no trace of it', async () => {
  const drop = { mode: 'drop' };
  const batch = recordsOf(record({ eventName: 'x /srv/y', body: 'wrote /srv/shop/c.ts' }));
  expect(await process(stripPathsProcessor, drop, batch)).toEqual(recordsOf(record({ eventName: 'unknown' })));
  expect(await process(stripPathsProcessor, drop, spansOf(span({ name: '/srv/x' })))).toEqual(
    spansOf(span({ name: 'unknown' })),
  );
});

test('hash takes what it is told, texts too', async () => {
  const config = { attributes: ['session_id', 'body'], ...KEY };
  const hashed = await process(
    hashProcessor,
    config,
    recordsOf(record({ body: 'b', attributes: { session_id: 's' } })),
  );
  const [first] = hashed?.signal === 'logs' ? hashed.records : [];
  expect(first?.body).not.toBe('b');
  expect(first?.attributes['session_id']).not.toBe('s');
  expect(first?.eventName).toBe('e');
});

test.each([
  [spansOf(span({ name: 'x', attributes: { secret: 'x' } })), ['span name']],
  [recordsOf(record({ eventName: 'x', body: 'x', attributes: { secret: 'x' } })), ['event name', 'body']],
] satisfies [Batch, string[]][])('attributes leaves texts of %j as they are, and says so', async (batch, texts) => {
  const settings = { ...testSettings('attributes'), signal: batch.signal };
  for (const action of ['delete', 'hash'] as const) {
    const config = filledConfig(attributesProcessor, { actions: [{ pattern: '.', action }], ...KEY });
    const processor = await attributesProcessor.create(config, settings);
    const left = processor.process(batch);
    const [told] = left?.signal === 'traces' ? left.spans : left?.signal === 'logs' ? left.records : [];
    expect(told).toMatchObject({ ...told, ...('name' in told! ? { name: 'x' } : { eventName: 'x', body: 'x' }) });
    expect(told?.attributes['secret']).not.toBe('x');
    const traced = processor.traceAttributes?.(
      ['secret', ...texts].map((name) => ({ name, treatments: [] })),
      { name: 'rows' },
    );
    for (const text of texts) expect(traced).toContainEqual({ name: text, treatments: [] });
    expect(traced).not.toContainEqual({ name: 'secret', treatments: [] });
  }
});

test.each([
  ['traces', spansOf(span({ name: 'read' }), span({ name: 'write', attributes: { a: 1 } }))],
  ['logs', recordsOf(record({ eventName: 'read' }), record({ eventName: 'write', attributes: { a: 1 } }))],
] satisfies [Signal, Batch][])('filter knows %s by name and attributes', async (signal, batch) => {
  const names = signal === 'traces' ? 'span_names' : 'event_names';
  const size = async (config: object): Promise<number> => {
    const left = await process(filterProcessor, config, batch);
    return left === undefined
      ? 0
      : left.signal === 'traces'
        ? left.spans.length
        : left.signal === 'logs'
          ? left.records.length
          : 0;
  };
  expect(await size({ include: [{ [names]: ['rea*'] }] })).toBe(1);
  expect(await size({ exclude: [{ attributes: [{ key: 'a', value: 1 }] }] })).toBe(1);
  expect(await size({ exclude: [{ [names]: ['*'] }] })).toBe(0);
  // About metrics: not about these.
  expect(await size({ exclude: [{ metric_names: ['*'] }] })).toBe(2);
  expect(await size({ include: [{ metric_names: ['*'] }] })).toBe(0);
});

test('attributes and resource take any signal; what they have nothing to do with is the same object', async () => {
  const actions = [{ key: 'b', action: 'upsert', value: 1 }];
  expect(await process(attributesProcessor, { actions }, spansOf(span()))).toEqual(
    spansOf(span({ attributes: { b: 1 } })),
  );
  const batch = recordsOf(record());
  expect(await process(resourceProcessor, { attributes: actions }, batch)).toBe(batch);
  expect(await process(stripPathsProcessor, {}, batch)).toBe(batch);
  expect(await process(hashProcessor, KEY, batch)).toBe(batch);
  expect(await process(stripPathsProcessor, {}, spansOf())).toBeUndefined();
});

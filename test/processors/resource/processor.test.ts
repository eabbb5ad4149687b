import { expect, test } from 'vitest';
import { resourceProcessor } from '../../../processors/resource/factory.ts';
import { filledConfig, componentSuite, testSettings } from '../../component-suite.ts';
import { batchOf, calls, pointsOf } from '../points.ts';

const host = { key: 'host.name', value: 'h', action: 'insert' };

function create(...attributes: readonly Readonly<Record<string, unknown>>[]) {
  const config = filledConfig(resourceProcessor, { attributes, key: 'sixteen or more!' });
  return resourceProcessor.create(config, testSettings('resource'));
}

componentSuite(resourceProcessor, { config: { attributes: [host] } });

test('says what a pipeline is about, after those before it', async () => {
  const processor = await create(host, { key: 'service.name', value: 's', action: 'upsert' });
  expect(processor.resource?.({})).toEqual({ 'host.name': 'h', 'service.name': 's' });
  expect(processor.resource?.({ 'host.name': 'other' })).toEqual({ 'host.name': 'other', 'service.name': 's' });
});

test('hashes what shall not be seen', async () => {
  const processor = await create(host, { key: 'host.name', action: 'hash' });
  await processor.start?.();
  expect(processor.resource?.({})['host.name']).toMatch(/^[0-9a-f]{16}$/);
});

test('tells the names, before a start too', async () => {
  const processor = await create(host, { key: 'host.name', action: 'hash' });
  expect(processor.traceResource?.([])).toEqual([
    { name: 'host.name', treatments: ['set by the configuration', 'hashed'], hidden: 'values' },
  ]);
});

test('looks at no point', async () => {
  const processor = await create(host);
  const batch = batchOf(pointsOf(calls, [[{ 'host.name': 'x' }, 1]]));
  expect(processor.process(batch)).toBe(batch);
  expect(processor.process(batchOf())).toBeUndefined();
  const traced = [{ name: 'host.name', treatments: [] }];
  expect(processor.traceAttributes?.(traced, calls)).toBe(traced);
});

test('finds mistakes in its actions', async () => {
  const config = filledConfig(resourceProcessor, { attributes: [{ key: 'a', action: 'insert' }] });
  expect(await resourceProcessor.check?.(config)).toEqual([
    { path: ['attributes', 0], message: 'insert needs either value or from_attribute' },
  ]);
});

import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { attributesProcessor } from '../../../processors/attributes/factory.ts';
import type { TracedAttribute } from '../../../src/component.ts';
import { ConfigError } from '../../../src/errors.ts';
import type { Attributes } from '../../../src/pipeline/signals.ts';
import { filledConfig, processorSuite, testSettings } from '../../component-suite.ts';
import { mergesWhatBecomesEqual } from '../merging.ts';
import { batchOf, calls, metricsIn, pointsOf, took } from '../points.ts';

const KEY = 'sixteen or more!';
type Actions = readonly Readonly<Record<string, unknown>>[];

function create(actions: Actions, settings: Readonly<Record<string, unknown>> = {}) {
  return attributesProcessor.create(
    filledConfig(attributesProcessor, { actions, key: KEY, ...settings }),
    testSettings('attributes'),
  );
}

async function applied(actions: Actions, attributes: Attributes): Promise<Attributes> {
  const [points] = metricsIn((await create(actions)).process(batchOf(pointsOf(calls, [[attributes, 1]]))));
  if (points === undefined || !('points' in points)) throw new Error('no points');
  return points.points[0]!.attributes;
}

function hmac(text: string): string {
  return createHmac('sha256', KEY).update(text).digest('hex').slice(0, 16);
}

processorSuite(attributesProcessor, {
  config: {
    actions: [
      { key: 'a', action: 'delete' },
      { key: 'copy', from_attribute: 'b', action: 'insert' },
      { key: 'c', action: 'hash' },
    ],
    key: KEY,
  },
  changed: batchOf(
    pointsOf(calls, [
      [{ a: 'x', b: 'y', c: 'z' }, 1],
      [{ b: 'y', c: 'z' }, 2],
    ]),
    pointsOf(took, [[{ a: 'x' }, 2]]),
  ),
  unchanged: batchOf(
    pointsOf(calls, [
      [{ d: 'x' }, 1],
      [{}, 2],
    ]),
  ),
});

describe('actions', () => {
  // As the Collector's attributes processor has them.
  test.each<[string, Actions, Attributes, Attributes]>([
    ['insert sets what is missing', [{ key: 'k', value: 'v', action: 'insert' }], { a: 1 }, { a: 1, k: 'v' }],
    ['insert leaves what is there', [{ key: 'k', value: 'v', action: 'insert' }], { k: 0 }, { k: 0 }],
    ['update leaves what is missing', [{ key: 'k', value: 'v', action: 'update' }], { a: 1 }, { a: 1 }],
    ['update sets what is there', [{ key: 'k', value: true, action: 'update' }], { k: 'x' }, { k: true }],
    ['upsert sets what is missing', [{ key: 'k', value: 0, action: 'upsert' }], {}, { k: 0 }],
    ['upsert sets what is there', [{ key: 'k', value: '', action: 'upsert' }], { k: 'x' }, { k: '' }],
    ['insert copies', [{ key: 'k', from_attribute: 'a', action: 'insert' }], { a: 5 }, { a: 5, k: 5 }],
    ['update copies', [{ key: 'k', from_attribute: 'a', action: 'update' }], { a: 5, k: 1 }, { a: 5, k: 5 }],
    ['upsert copies', [{ key: 'k', from_attribute: 'a', action: 'upsert' }], { a: 5 }, { a: 5, k: 5 }],
    ['nothing is copied from nothing', [{ key: 'k', from_attribute: 'a', action: 'upsert' }], { k: 1 }, { k: 1 }],
    ['not even from a prototype', [{ key: 'k', from_attribute: 'constructor', action: 'upsert' }], {}, {}],
    ['delete by key', [{ key: 'k', action: 'delete' }], { k: 1, kk: 2 }, { kk: 2 }],
    ['delete by pattern', [{ pattern: '^k.', action: 'delete' }], { k: 1, kk: 2, akk: 3 }, { k: 1, akk: 3 }],
    ['delete by either', [{ key: 'a', pattern: 'k', action: 'delete' }], { a: 0, k: 1, b: 2 }, { b: 2 }],
    ['hash by key', [{ key: 'k', action: 'hash' }], { k: 5, a: 'x' }, { k: hmac('5'), a: 'x' }],
    ['hash once by both', [{ key: 'k', pattern: 'k', action: 'hash' }], { k: 'x' }, { k: hmac('x') }],
    ['hash what is missing', [{ key: 'k', action: 'hash' }], { a: 1 }, { a: 1 }],
    [
      'each sees what those before it made',
      [
        { key: 'b', from_attribute: 'a', action: 'insert' },
        { key: 'a', action: 'delete' },
        { key: 'b', action: 'hash' },
      ],
      { a: 'x' },
      { b: hmac('x') },
    ],
  ])('%s', async (_, actions, before, after) => {
    expect(await applied(actions, before)).toEqual(after);
  });

  test('need a storage for the key only where they hash', async () => {
    const without = { key: undefined };
    await create([{ key: 'a', action: 'delete' }], without);
    await expect(create([{ key: 'a', action: 'hash' }], without)).rejects.toThrow(ConfigError);
  });
});

mergesWhatBecomesEqual(
  () =>
    create([
      { key: 'a', action: 'delete' },
      { key: 'b', value: 'x', action: 'upsert' },
    ]),
  ({ a: _, ...others }) => ({ ...others, b: 'x' }),
);

describe('settings', () => {
  async function problems(...actions: Actions): Promise<readonly string[]> {
    const config = filledConfig(attributesProcessor, { actions });
    const found = (await attributesProcessor.check?.(config)) ?? [];
    return found.map(({ path, message }) => `${path.join('::')}: ${message}`);
  }

  test.each<[Actions[number], string | undefined]>([
    [{ key: 'a', value: 1, action: 'insert' }, undefined],
    [{ key: 'a', value: '', action: 'insert' }, undefined],
    [{ pattern: 'a', action: 'hash' }, undefined],
    [{ value: 1, action: 'insert' }, 'insert needs a key'],
    [{ key: 'a', action: 'update' }, 'update needs either value or from_attribute'],
    [{ key: 'a', value: 1, from_attribute: 'b', action: 'upsert' }, 'upsert needs either value or from_attribute'],
    [{ key: 'a', value: 1, pattern: 'b', action: 'upsert' }, 'upsert takes no pattern'],
    [{ action: 'delete' }, 'delete needs a key or a pattern'],
    [{ key: 'a', value: 1, action: 'hash' }, 'hash takes neither value nor from_attribute'],
    [{ pattern: '(', action: 'delete' }, 'not a regular expression that can be used here: missing closing ): `(`'],
  ])('%j', async (action, problem) => {
    expect(await problems(action)).toEqual(problem === undefined ? [] : [`actions::0: ${problem}`]);
  });
});

describe('traces', () => {
  const secret: TracedAttribute = { name: 's', treatments: [] };
  const other: TracedAttribute = { name: 'o', treatments: ['cut'], origins: ['column'] };
  const set = { treatments: ['set by the configuration'], hidden: 'values' };
  const copied = { name: 'k', treatments: ['copied from s'], origins: ['s'] };

  test.each<[Actions, readonly TracedAttribute[], readonly object[]]>([
    [[{ key: 's', action: 'delete' }], [secret, other], [other]],
    [[{ pattern: '.', action: 'delete' }], [secret, other], []],
    [
      [{ key: 'o', action: 'hash' }],
      [secret, other],
      [secret, { ...other, treatments: ['cut', 'hashed'], hidden: 'values' }],
    ],
    [[{ key: 'k', value: 1, action: 'insert' }], [secret], [secret, { name: 'k', ...set }]],
    [[{ key: 's', value: 1, action: 'insert' }], [secret], [secret, { name: 's', ...set }]],
    [[{ key: 's', value: 1, action: 'upsert' }], [secret, other], [other, { name: 's', ...set }]],
    [[{ key: 's', value: 1, action: 'update' }], [secret, other], [other, { name: 's', ...set }]],
    [[{ key: 'k', value: 1, action: 'update' }], [secret], [secret]],
    [[{ key: 'k', from_attribute: 's', action: 'insert' }], [secret], [secret, copied]],
    [[{ key: 'k', from_attribute: 's', action: 'update' }], [secret], [secret]],
    [
      [{ key: 'k', from_attribute: 's', action: 'upsert' }],
      [secret, { name: 'k', treatments: [] }],
      [secret, { name: 'k', treatments: [] }, copied],
    ],
    [
      [{ key: 'k', from_attribute: 'o', action: 'upsert' }],
      [other],
      [other, { name: 'k', treatments: ['cut', 'copied from o'], origins: ['column', 'o'] }],
    ],
    [[{ key: 'k', from_attribute: 'none', action: 'upsert' }], [secret], [secret]],
  ])('%j', async (actions, before, after) => {
    expect((await create(actions)).traceAttributes?.(before, calls)).toEqual(after);
  });
});

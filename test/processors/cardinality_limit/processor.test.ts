import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cardinalityLimitProcessor } from '../../../processors/cardinality_limit/factory.ts';
import type { Attributes, Metric } from '../../../src/pipeline/signals.ts';
import { filledConfig, processorSuite, testSettings } from '../../component-suite.ts';
import { mergesWhatBecomesEqual } from '../merging.ts';
import { active, batchOf, calls, expectedValues, highest, latest, pointsOf, took, valuesOf } from '../points.ts';

const OVERFLOW = { 'otel.metric.overflow': true };

function create(config: Readonly<Record<string, unknown>>, warned: string[] = []) {
  const quiet = (): void => undefined;
  const logger = { debug: quiet, info: quiet, error: quiet, warn: (message: string) => void warned.push(message) };
  return cardinalityLimitProcessor.create(
    filledConfig(cardinalityLimitProcessor, config),
    testSettings('cardinality_limit', { logger }),
  );
}

const agent = (name: string | number): Attributes => ({ agent: String(name) });
const [a, b, c, d] = [agent('a'), agent('b'), agent('c'), agent('d')];

processorSuite(cardinalityLimitProcessor, {
  config: { limit: 2 },
  changed: batchOf(
    pointsOf(calls, [
      [a, 1],
      [b, 2],
      [c, 3],
    ]),
    pointsOf(took, [
      [a, 2],
      [b, 2],
    ]),
  ),
  unchanged: batchOf(pointsOf(calls, [[a, 1]]), pointsOf(took, [[b, 1]])),
});

test('2 000 series are the default, as in the SDKs, the overflow included', async () => {
  const limit = await create({});
  const batch = batchOf(
    pointsOf(
      calls,
      Array.from({ length: 2_500 }, (_, index) => [agent(index), 1] as const),
    ),
  );
  const values = valuesOf(limit.process(batch));
  expect(Object.keys(values)).toHaveLength(2_000);
  expect(values['calls{otel.metric.overflow=true}']).toEqual([501]);
});

test('each metric has its own limit, and may have another one', async () => {
  const limit = await create({ limit: 3, metrics: { took: 2, constructor: 9 } });
  const list = [a, b, c, d].map((attributes) => [attributes, 2] as const);
  const { name: _, ...like } = calls;
  const values = valuesOf(
    limit.process(batchOf(pointsOf(calls, list), pointsOf(took, list), pointsOf({ ...like, name: 'toString' }, list))),
  );
  expect(values).toEqual({
    'calls{agent="a"}': [2],
    'calls{agent="b"}': [2],
    'calls{otel.metric.overflow=true}': [4],
    'took{agent="a"}': ['1/2/0,1,0'],
    'took{otel.metric.overflow=true}': ['3/6/0,3,0'],
    'toString{agent="a"}': [2],
    'toString{agent="b"}': [2],
    'toString{otel.metric.overflow=true}': [4],
  });
});

test('a limit of one has everything in the overflow', async () => {
  const limit = await create({ limit: 1 });
  expect(
    valuesOf(
      limit.process(
        batchOf(
          pointsOf(highest, [
            [a, 1],
            [b, 5],
            [c, 2],
          ]),
        ),
      ),
    ),
  ).toEqual({
    'highest{otel.metric.overflow=true}': [5],
  });
});

test('who was admitted stays so, who was not is not later', async () => {
  const limit = await create({ limit: 3 });
  limit.process(
    batchOf(
      pointsOf(calls, [
        [a, 1],
        [b, 1],
        [c, 1],
      ]),
    ),
  );
  const values = valuesOf(
    limit.process(
      batchOf(
        pointsOf(calls, [
          [c, 1],
          [d, 1],
          [{ ...b }, 1],
          [a, 1],
        ]),
      ),
    ),
  );
  expect(values).toEqual({
    'calls{otel.metric.overflow=true}': [2],
    'calls{agent="b"}': [1],
    'calls{agent="a"}': [1],
  });
});

describe('of earlier runs', () => {
  test('the same series are admitted, and the overflow takes no place', async () => {
    const limit = await create({ limit: 3 });
    for (const attributes of [c, OVERFLOW, d]) limit.recall?.(calls, attributes);
    const list = [a, b, c, d].map((attributes) => [attributes, 1] as const);
    expect(Object.keys(valuesOf(limit.process(batchOf(pointsOf(calls, list)))))).toEqual([
      'calls{otel.metric.overflow=true}',
      'calls{agent="c"}',
      'calls{agent="d"}',
    ]);
  });

  test('those of one metric take no place of another', async () => {
    const limit = await create({ limit: 2 });
    limit.recall?.(took, a);
    expect(Object.keys(valuesOf(limit.process(batchOf(pointsOf(calls, [[b, 1]])))))).toEqual(['calls{agent="b"}']);
  });
});

test('a snapshot is limited by itself, in its own order', async () => {
  const limit = await create({ limit: 2 });
  const snapshot = (...list: readonly Attributes[]) =>
    Object.keys(
      valuesOf(
        limit.process(
          batchOf(
            pointsOf(
              latest,
              list.map((attributes) => [attributes, 1] as const),
              'snapshot',
            ),
          ),
        ),
      ),
    );
  expect(snapshot(a, b, c)).toEqual(['latest{agent="a"}', 'latest{otel.metric.overflow=true}']);
  expect(snapshot(b, c)).toEqual(['latest{agent="b"}', 'latest{otel.metric.overflow=true}']);
  expect(snapshot(c)).toEqual(['latest{agent="c"}']);
});

test('what rows added to an up-down counter they take back from the same series', async () => {
  const rows = fc.array(fc.tuple(fc.nat(12), fc.integer({ min: 1, max: 9 })), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      rows,
      fc.integer({ min: 1, max: 6 }),
      fc.infiniteStream(fc.boolean()),
      async (list, most, coins) => {
        const limit = await create({ limit: most });
        const sums = new Map<string, number>();
        const add = (metric: Metric, attributes: Attributes, value: number): void => {
          const values = valuesOf(limit.process(batchOf(pointsOf(metric, [[attributes, value]], 'open'))));
          for (const [key, [sum]] of Object.entries(values)) sums.set(key, (sums.get(key) ?? 0) + Number(sum));
        };
        const open: [number, number][] = [];
        for (const [index, value] of list) {
          add(active, agent(index), value);
          open.push([index, value]);
          const leaving = coins.next().value ? open.shift() : undefined;
          if (leaving !== undefined) add(active, agent(leaving[0]), -leaving[1]);
        }
        for (const [index, value] of open) add(active, agent(index), -value);
        expect([...sums.values()].every((sum) => sum === 0)).toBe(true);
        expect(sums.size).toBeLessThanOrEqual(most);
      },
    ),
  );
});

test('the first to come go on as themselves, all others are one: counts, gauges and histograms', () => {
  const observations = fc.uniqueArray(fc.tuple(fc.nat(12).map(agent), fc.integer({ min: 0, max: 30 })), {
    selector: ([attributes]) => attributes['agent'],
  });
  return fc.assert(
    fc.asyncProperty(observations, fc.integer({ min: 1, max: 6 }), async (list, most) => {
      const limit = await create({ limit: most });
      const first = new Set(list.slice(0, most - 1).map(([attributes]) => attributes['agent']));
      const maps = (before: Attributes): Attributes => (first.has(before['agent']) ? before : OVERFLOW);
      for (const metric of [calls, highest, latest, took]) {
        const values = valuesOf(limit.process(batchOf(pointsOf(metric, list))));
        expect(values).toEqual(expectedValues(metric, list, maps));
      }
    }),
  );
});

mergesWhatBecomesEqual(
  () => create({ limit: 1 }),
  () => OVERFLOW,
);

test('counts what it folds, and says so once a metric', async () => {
  const warned: string[] = [];
  const limit = await create({ limit: 2, metrics: { took: 1 } }, warned);
  for (let batch = 0; batch < 3; batch += 1) {
    limit.process(
      batchOf(
        pointsOf(calls, [
          [a, 1],
          [b, 1],
          [c, 1],
        ]),
        pointsOf(took, [[a, 1]]),
        pointsOf(highest, [[a, 1]]),
      ),
    );
  }
  expect(limit.withheld).toEqual(
    new Map([
      ['calls', 6],
      ['took', 3],
    ]),
  );
  expect(warned).toEqual([
    'calls has more than 2 series: what comes later is folded into one',
    'took has more than 1 series: what comes later is folded into one',
  ]);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Processor } from '../../src/component.ts';
import type { Attributes } from '../../src/pipeline/signals.ts';
import { active, batchOf, calls, expectedValues, highest, latest, pointsOf, took, valuesOf } from './points.ts';

/** Few values of few attributes, so that points become equal often. */
const attributes: fc.Arbitrary<Attributes> = fc.dictionary(
  fc.constantFrom('a', 'b', 'c'),
  fc.oneof(fc.constantFrom('x', 'y', '5'), fc.constantFrom(5, true)),
  { maxKeys: 3 },
);
const observations = fc.uniqueArray(fc.tuple(attributes, fc.integer({ min: 0, max: 30 })), {
  selector: ([one]) => JSON.stringify(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))),
  maxLength: 20,
});

/** Points that a processor makes equal are one point, of every kind of metric; `maps` says what it does to attributes. */
export function mergesWhatBecomesEqual(
  create: () => Promise<Processor>,
  maps: (before: Attributes) => Attributes | undefined,
): void {
  test('merges points that become equal: sums, up-downs, gauges and histograms', async () => {
    const processor = await create();
    await processor.start?.();
    fc.assert(
      fc.property(
        observations,
        fc.constantFrom(
          [calls, 'delta'] as const,
          [active, 'open'] as const,
          [highest, 'delta'] as const,
          [latest, 'delta'] as const,
          [latest, 'snapshot'] as const,
          [took, 'delta'] as const,
        ),
        (list, [metric, mode]) => {
          const processed = processor.process(batchOf(pointsOf(metric, list, mode)));
          expect(valuesOf(processed)).toEqual(expectedValues(metric, list, maps));
        },
      ),
    );
  });
}

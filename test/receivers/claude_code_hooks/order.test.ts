import fc from 'fast-check';
import { expect, it } from 'vitest';
import { orders } from './order.ts';

it.each(Object.entries(orders))('comes to the same rows: %s', (_name, property) => {
  // test/heavy/hooks/order.test.ts runs many more.
  const result = fc.check<unknown[]>(property, { numRuns: 10 });
  expect(result.failed ? fc.defaultReportMessage(result) : undefined).toBeUndefined();
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { orders } from '../../receivers/claude_code_hooks/order.ts';

it.each(Object.entries(orders))('comes to the same rows, 500 sessions: %s', (_name, property) => {
  const result = fc.check<unknown[]>(property, { numRuns: 500 });
  expect(result.failed ? fc.defaultReportMessage(result) : undefined).toBeUndefined();
});

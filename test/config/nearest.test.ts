import { expect, test } from 'vitest';
import { didYouMean, nearest } from '../../src/config/nearest.ts';

test.each([
  ['databse', 'database'],
  ['DATABASE', 'database'],
  ['storge', 'storage'],
  ['presets', 'preset'],
])('%s was meant to be %s', (word, meant) => {
  expect(nearest(word, ['storage', 'preset', 'database'])).toBe(meant);
});

test.each(['xyz', '', 'interval', 'x'.repeat(1_000)])('%s was meant to be nothing known', (word) => {
  expect(nearest(word, ['storage', 'preset', 'database', 'y'.repeat(1_000)])).toBeUndefined();
  expect(didYouMean(word, ['database'])).toBe('');
});

test('the fewest changes win', () => {
  expect(nearest('metric', ['metrics/x', 'metrics'])).toBe('metrics');
});

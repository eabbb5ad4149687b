import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linearRegexp } from '../../src/config/linear-regexp.ts';

/** A pattern and what it would be asked about: few characters, so that much matches. */
const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '\\.', '^', '$', '[\\]b]', '\\x61', 'ä', '😀');
const pattern = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    atom,
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => a + b),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(?:${a}|${b})`),
    fc
      .tuple(tie('node'), fc.constantFrom('*', '+', '?', '{2}', '{1,}', '{0,2}', '*?', '{1,3}?'))
      .map(([a, quantifier]) => `(?:${a})${quantifier}`),
    tie('node').map((a) => `(${a})`),
  ),
})).node;
const text = fc.string({ unit: fc.constantFrom('a', 'b', '1', '.', ']', 'ä', '😀', '\n'), maxLength: 8 });

test('finds what the engine finds that can go back', () => {
  fc.assert(
    fc.property(pattern, text, (expression, subject) => {
      expect(linearRegexp(expression)(subject)).toBe(new RegExp(expression, 'su').test(subject));
    }),
    { numRuns: 2_000 },
  );
});

test('(?i) takes upper for lower case', () => {
  expect(linearRegexp('(?i)straße')('STRASSE STRAßE')).toBe(true);
  expect(linearRegexp('(?i)[a-c]x')('BX')).toBe(true);
  expect(linearRegexp('x')('X')).toBe(false);
});

test('takes time in proportion to the text where others take for ever', () => {
  const matches = linearRegexp('^((a*)*|(a|a)*|(.*)(.*)(.*))*$');
  const started = performance.now();
  expect(matches(`${'a'.repeat(2_000)}\u0000`)).toBe(true);
  expect(linearRegexp('^(a+)+$')(`${'a'.repeat(2_000)}!`)).toBe(false);
  expect(performance.now() - started).toBeLessThan(5_000);
});

describe('refuses', () => {
  test.each([
    ['(', 'a ( without a )'],
    ['(a', 'a ( without a )'],
    ['a)', 'a ) without a ('],
    ['[a', 'nothing to repeat, or not closed, at character 1'],
    ['*a', 'nothing to repeat, or not closed, at character 1'],
    ['a|+', 'nothing to repeat, or not closed, at character 3'],
    ['a{x', 'nothing to repeat, or not closed, at character 2'],
    ['\\', 'nothing to repeat, or not closed, at character 1'],
    ['a**', 'two quantifiers in a row'],
    ['a*{2}', 'two quantifiers in a row'],
    ['^*', 'nothing to repeat'],
    ['a{3,2}', 'the numbers of a quantifier are out of order'],
    ['(a{100}){100}', 'too long with its repetitions written out'],
    ['(((){999}){999}){999}', 'too long with its repetitions written out'],
    ['(?=a)', 'no lookaround, named groups or flags but (?i) at the beginning; groups are ( ) or (?: )'],
    ['(?<n>a)', 'no lookaround, named groups or flags but (?i) at the beginning; groups are ( ) or (?: )'],
    ['a(?i)', 'no lookaround, named groups or flags but (?i) at the beginning; groups are ( ) or (?: )'],
    ['(a)\\1', 'neither back references nor \\b'],
    ['\\bword', 'neither back references nor \\b'],
    ['[z-a]', expect.stringContaining('Range out of order')],
  ])('%s', (wrong, message) => {
    expect(() => linearRegexp(wrong)).toThrow(SyntaxError);
    try {
      linearRegexp(wrong);
    } catch (error) {
      expect(error instanceof Error ? error.message : '').toEqual(message);
    }
  });
});

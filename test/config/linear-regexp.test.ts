import { expect, test } from 'vitest';
import { linearRegexp } from '../../src/config/linear-regexp.ts';

test.each([
  ['a.c', 'xabcx', true],
  ['^a.c$', 'xabcx', false],
  ['a.c', 'a\nc', false],
  ['(?i)straße', 'STRAßE', true],
  ['x', 'X', false],
  ['\\bword\\b', 'a word.', true],
  ['^😀.$', '😀ä', true],
  ['^$', '', true],
])('%s in %j: %s', (pattern, text, found) => {
  expect(linearRegexp(pattern)(text)).toBe(found);
});

test('takes time in proportion to the text where others take for ever', () => {
  const started = performance.now();
  expect(linearRegexp('^((a*)*|(a|a)*|(.*)(.*)(.*))*$')(`${'a'.repeat(2_000)}!`)).toBe(true);
  expect(linearRegexp('^(a+)+$')(`${'a'.repeat(20_000)}!`)).toBe(false);
  expect(performance.now() - started).toBeLessThan(5_000);
});

test.each([
  ['(a', 'missing closing ): `(a`'],
  ['a)', 'unexpected ): `a)`'],
  ['*a', 'missing argument to repetition operator: `*`'],
  ['(?=a)', 'invalid or unsupported Perl syntax: `(?=`'],
  ['(a)\\1', 'invalid escape sequence: `\\1`'],
  ['[z-a]', 'invalid character class range: `z-a`'],
  ['(((){999}){999}){999}', 'expression too large'],
])('refuses %s: %s', (pattern, message) => {
  expect(() => linearRegexp(pattern)).toThrow(SyntaxError);
  expect(() => linearRegexp(pattern)).toThrow(message);
});

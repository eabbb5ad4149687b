import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isOneVariable, resolvePath, substitute } from '../../src/config/substitute.ts';
import { Folder } from './loading.ts';

const AROUND = { env: { A: 'one', B: 'two', EMPTY: '', TRICKY: '${env:A} $$ }' }, homeDirectory: '/home/me' };
const expand = (text: string): string => substitute(text, '/etc/agentcol', AROUND);

describe('environment variables', () => {
  test.each([
    ['${env:A}', 'one'],
    ['x-${env:A}-${env:B}-y', 'x-one-two-y'],
    ['${env:NONE:-default}', 'default'],
    ['${env:NONE:-}', ''],
    ['${env:A:-default}', 'one'],
    ['${env:EMPTY}', ''],
    ['${env:EMPTY:-default}', 'default'],
    ['${env:NONE:-a:-b}', 'a:-b'],
    ['${env:NONE:-${env:B}/x}', 'two/x'],
    ['${env:NONE:-${env:NONE:-${env:A}}}', 'one'],
    ['${env:A:-${env:NOT_LOOKED_AT}}', 'one'],
  ])('%s becomes %j', (text, expected) => {
    expect(expand(text)).toBe(expected);
  });

  test('what a variable holds is taken as it is', () => {
    expect(expand('${env:TRICKY}')).toBe(AROUND.env.TRICKY);
  });
});

describe('dollars', () => {
  test.each([
    ['$$', '$'],
    ['$${env:A}', '${env:A}'],
    ['a$', 'a$'],
    ['^x$|$y', '^x$|$y'],
    ['$A', '$A'],
    ['${env:NONE:-$$}', '$'],
    ['$$$$', '$$'],
  ])('%s becomes %s', (text, expected) => {
    expect(expand(text)).toBe(expected);
  });

  test('any text comes back when its dollars are doubled', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'env:A', 'x') }), (text) => {
        expect(expand(text.replaceAll('$', '$$$$'))).toBe(text);
      }),
    );
  });
});

describe('files', () => {
  test('are read relative to the folder, without trailing newlines', () => {
    using folder = new Folder();
    folder.write('key.txt', ' secret \r\n\n');
    expect(substitute('<${file:key.txt}>', folder.path, AROUND)).toBe('< secret >');
    expect(substitute('${file:${env:NAME}}', folder.path, { ...AROUND, env: { NAME: 'key.txt' } })).toBe(' secret ');
    expect(substitute('${file:~/key.txt}', '/', { ...AROUND, homeDirectory: folder.path })).toBe(' secret ');
  });

  test('that cannot be read are named with the reason', () => {
    using folder = new Folder();
    const read = (name: string) => () => substitute(`\${file:${name}}`, folder.path, AROUND);
    folder.write('binary', Uint8Array.of(0xff, 0xfe));
    folder.write('large', 'x'.repeat(1024 * 1024 + 1));
    expect(read('none')).toThrow(`read ${folder.path}/none: no such file`);
    expect(read('.')).toThrow(`read ${folder.path}: is a directory`);
    expect(read('binary')).toThrow(`read ${folder.path}/binary: not UTF-8 text`);
    expect(read('large')).toThrow(`read ${folder.path}/large: larger than 256 KiB`);
    expect(read('/dev/zero')).toThrow('read /dev/zero: larger than 256 KiB');
    expect(read('a\0b')).toThrow('ERR_INVALID_ARG_VALUE');
  });
});

describe('what is wrong', () => {
  test.each([
    ['${env:NONE}', 'environment variable NONE is not set; set it, or give a default: ${env:NONE:-default}'],
    ['${env:a b}', '"a b" is no name of an environment variable'],
    ['${HOME}', 'write ${env:HOME} for the environment variable HOME'],
    ['${http://x}', 'only ${env:NAME}, ${env:NAME:-default} and ${file:PATH} are known'],
    ['${env:A', '"${" without "}"'],
    ['${env:NONE:-${env:A}', '"${" without "}"'],
  ])('%s: %s', (text, message) => {
    expect(() => expand(text)).toThrow(message);
  });

  test('nesting has an end', () => {
    const deep = '${env:N:-'.repeat(50) + '}'.repeat(50);
    expect(() => expand(deep)).toThrow('nested deeper than 20');
  });
});

test('one variable is one, whatever its default holds', () => {
  expect(isOneVariable('${env:A}')).toBe(true);
  expect(isOneVariable('${env:A:-${env:B}}')).toBe(true);
  expect(isOneVariable('${env:A}${env:B}')).toBe(false);
  expect(isOneVariable('x${env:A}')).toBe(false);
  expect(isOneVariable('${file:a}')).toBe(false);
});

test('paths are absolute, relative ones from the folder, "~" is the home', () => {
  expect(resolvePath('a/../b.db', '/etc/agentcol', AROUND)).toBe('/etc/agentcol/b.db');
  expect(resolvePath('/x/y', '/etc/agentcol', AROUND)).toBe('/x/y');
  expect(resolvePath('~', '/etc', AROUND)).toBe('/home/me');
  expect(resolvePath('~/b', '/etc', AROUND)).toBe('/home/me/b');
  expect(resolvePath('~b', '/etc', AROUND)).toBe('/etc/~b');
});

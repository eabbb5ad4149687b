import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findPaths } from '../../../processors/strip_paths/paths.ts';
import { strip } from './strip.ts';

const raw = String.raw;

describe("a user's name", () => {
  test.each([
    ['with a blank ends the text', raw`C:\Users\alice smith`, '~'],
    ['of four words', '/home/maria del carmen garcia lopez', '~'],
    ['with an initial', 'in /Users/John D. Smith', 'in ~'],
    ['with an initial, above a folder', '/Users/John D. Smith/x', 'x'],
    ['with an apostrophe', "/Users/Sean O'Brien, he said", '~, he said'],
    ['with a dot is no file', '/home/j.doe smith/top/x', 'x'],
    ['with a no-break space', '/home/alice\u00a0smith/top/x', 'x'],
    ['with a tab', '/home/alice\tsmith/top/x', 'x'],
    ['with an ideographic space ends the text', '/home/alice\u3000smith', '~'],
    ['in brackets', '(/home/alice smith) x', '(~) x'],
    ['in quotes that open before the path', '"cd /home/alice smith" x', '"cd ~" x'],
    ['in an escaped line', raw`/home/alice smith\nx`, raw`~\nx`],
    ['before a flag', 'rm -rf /home/alice -v', 'rm -rf ~ -v'],
    ['before an operator', 'cd /home/alice && ls', 'cd ~ && ls'],
    ['before a variable', '/home/alice PATH=/usr/bin', '~ PATH=bin'],
    ['before a URL', '/home/alice https://host/a', '~ https://host/a'],
    ['before a word that begins as one of prose does', '/home/alice andersson', '~'],
    ['before a home', '/home/alice and /home/bob', '~ and ~'],
    ['before another line', '/home/alice\nsmith', '~\nsmith'],
    ['with its folder closed', '/home/alice/ build', '~ build'],
    ['before a pipe', 'ls /home/alice|wc -l', 'ls ~ -l'],
    ['before the prompt of Windows', raw`C:\Users\alice>dir`, '~>dir'],
  ])('%s', (_, text, expected) => {
    expect(strip(text)).toBe(expected);
  });

  test('does not survive, whatever its words are parted by', () => {
    const word = fc.nat(99_999).map((number) => `zq${String(number)}qz`);
    const blank = fc.constantFrom(' ', '  ', '\u00a0', '\u3000', '\t', ' van ', " O'", ' J. ', '-', '.');
    const name = fc.tuple(word, fc.option(fc.tuple(blank, word))).map(([one, more]) => one + (more ?? []).join(''));
    const home = fc.constantFrom('/home/', '/Users/', 'C:\\Users\\', '/mnt/c/Users/', '/var/home/');
    const around = fc.constantFrom(
      ...([
        ['', ''],
        ['"', '"'],
        ["open '", "'"],
        ['"cd ', '"'],
        ['(', ')'],
        ['in ', ': denied'],
        ['', ' is not writable'],
        ['a ', '\nb'],
        ['mcp__', ''],
      ] as const),
    );
    const below = fc.constantFrom('', '/x', '/top/x.ts');
    fc.assert(
      fc.property(around, home, name, below, ([before, after], folder, user, rest) => {
        const path = folder + user + (folder.includes('\\') ? rest.replaceAll('/', '\\') : rest);
        expect(strip(before + path + after)).not.toMatch(/zq\d+qz/);
      }),
      { numRuns: 800, examples: [[['mcp__', ''], '/home/', 'zq1qz', '/x']] },
    );
  });
});

describe('characters that seldom are in names', () => {
  test.each([
    ['a bracket of the path', '/home/a(b) c/secret/x', 'x'],
    ['brackets within brackets', '/home/a(b(c)) d/secret/x', 'x'],
    ['a bracket that ends the path', '/home/a(b)', '~'],
    ['a bracket around the path', 'x (/srv/a (copy)) b', 'x (a (copy)) b'],
    ['a quote', '/home/a"b/alice/x', 'x'],
    ['a quote before the end', '/home/a"b', '~'],
    ['an encoded quote', '%2Fhome%2Fa%22b%2Falice%2Fx', 'x'],
    ['a pipe', '/home/a|alice/x', 'x'],
    ['a backtick', '/home/a`b/alice/x', 'x'],
    ['a pipe to a command', 'cat /srv/shop/a.txt|grep x', 'cat a.txt|grep x'],
    ['a pipe to a path', 'cat /srv/a|/usr/bin/wc', 'cat a|wc'],
    ['a redirection', 'cat /srv/a>/tmp/b', 'cat a>b'],
    ['an element of HTML', '<b>/srv/shop</b> <p>/srv/x<br/>/srv/y', '<b>shop</b> <p>x<br/>y'],
    ['brackets of a user', '/home/a<alice>/shop/x', '~>x'],
  ])('%s', (_, text, expected) => {
    expect(strip(text)).toBe(expected);
  });
});

describe('beginnings', () => {
  test.each([
    ['a folder on a drive', raw`D:alice\x\y`, 'y'],
    ['a home on a drive', raw`D:Users\alice`, '~'],
    ['an encoded drive', 'd%3Aalice%5Cx', 'x'],
    ['a drive and an escape', raw`A:yes\nB:no "a:b\"`, raw`A:yes\nB:no "a:b\"`],
    ['an underscore', '_/home/alice/x, mcp__/tmp/y, a_/b', '_x, mcp__y, a_/b'],
    ['a full stop', 'done./home/alice/x', 'done.x'],
    ['this folder', './home/alice/x ../home/alice/x', './home/alice/x ../home/alice/x'],
  ])('%s', (_, text, expected) => {
    expect(strip(text)).toBe(expected);
  });
});

describe('routes, regular expressions and commands', () => {
  test.each([
    '^/api/v1/.*$',
    raw`^\/api\/v1\/\w+$`,
    '"GET /a/b HTTP/1.1" 200',
    'curl -X DELETE /orders/17?x=a/b',
    '/regex/ and (/x/)',
    '/clear',
    '/my-plugin:review',
  ])('%s stays', (text) => {
    expect(strip(text)).toBe(text);
  });

  test.each([
    ['a home behind an anchor', '^/home/alice/.*$', '^.*$'],
    ['homes behind an anchor', '^/(?:home|Users)/alice/.*$', '^.*$'],
    ['a home behind a method', 'PUT /c/Users/alice/x', 'PUT x'],
    ['a drive behind a method', 'GET /C:/alice/x', 'GET x'],
    ['an encoded path behind a method', 'GET /open/%2Fhome%2Falice', 'GET ~'],
    ['a path in a query', 'GET /open?file=/srv/alice/x', 'GET /open?file=x'],
    ['a word that ends as a method does', 'WIDGET /orders/17', 'WIDGET 17'],
    ['a well-known folder', '/tmp', 'tmp'],
    ['a well-known folder with its slash', '/srv/', 'srv'],
    ['a file at the root', '/cart.ts', 'cart.ts'],
    ['a word among others', 'use /compact', 'use compact'],
    ['a folder of an agent', '/C--Users-alice-shop', '~'],
  ])('%s', (_, text, expected) => {
    expect(strip(text)).toBe(expected);
  });

  test('are paths to those who drop and hash when they are one word', () => {
    expect(findPaths('/compact').map(({ path }) => path)).toEqual(['/compact']);
    expect(findPaths('/regex/').map(({ path }) => path)).toEqual(['/regex']);
  });
});

test.each(['/home/a b c ', '/a"b', '/a|a', '/(a) b', '/a) b/', 'a:b\\', '^/a.', 'GET /a ', '/a\u3000', '/a<b>'])(
  'a megabyte of "%s" takes time in proportion',
  (piece) => {
    const text = piece.repeat(1_000_000 / piece.length);
    findPaths(text.slice(0, 10_000));
    const started = performance.now();
    findPaths(text);
    // Quadratic time would be minutes.
    expect(performance.now() - started).toBeLessThan(10_000);
  },
  30_000,
);

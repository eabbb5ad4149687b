import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashProcessor } from '../../../processors/hash/factory.ts';
import { findPaths } from '../../../processors/strip_paths/paths.ts';
import { stripPathsProcessor } from '../../../processors/strip_paths/factory.ts';
import type { Attributes, Batch, Metric, MetricsBatch, NumberPoint } from '../../../src/pipeline/signals.ts';
import { metricsIn } from '../points.ts';
import { sumValue } from '../../../src/pipeline/sum.ts';
import { filledConfig, testSettings } from '../../component-suite.ts';
import { strip } from './strip.ts';

/** Nothing that a text around a path holds. */
const SECRET = /zq\d+qz/i;
const secret = fc.integer({ min: 0, max: 99_999 }).map((number) => `zq${String(number)}qz`);

/** A path: its separator, what comes before its elements, whether its name may have blanks where it stands unquoted. */
const root = secret.chain((user) =>
  fc
    .constantFrom(
      ...[
        '/',
        '/home/§/',
        '/Users/§/',
        '/var/home/§/',
        '/mnt/c/Users/§/',
        '/c/Users/§/',
        '/Volumes/§/',
        '/private/tmp/§/',
      ],
      ...[
        '~/',
        '~§/',
        '//§/share/',
        'file:///home/§/',
        'file://localhost/Users/§/',
        'file:///C:/Users/§/',
        'c:/Users/§/',
      ],
      ...[
        'C:\\',
        'C:\\Users\\§\\',
        'd:\\§\\',
        '\\\\§\\share\\',
        '\\\\?\\C:\\Users\\§\\',
        '\\\\wsl$\\Ubuntu\\home\\§\\',
      ],
      '/home/§/.claude/projects/-home-§-shop/',
    )
    .map((text) => text.replaceAll('§', user)),
);
const folder = secret.chain((name) =>
  fc.constantFrom(
    ...[name, `.${name}`, `${name}.d`, `My ${name} Folder`, `${name} ${name}`, `(${name})`, `[${name}]`, `@${name}`],
    ...[
      `данные-${name}`,
      `日本${name}`,
      `${name}+1`,
      `c++${name}`,
      `${name}_v1.2`,
      `Application ${name}`,
      `it's-${name}`,
      `${name}é`,
    ],
  ),
);
const name = fc.constantFrom('cart.ts', 'README', '.env', 'файл.txt', 'Makefile', 'a-b_c.tar.gz', 'x', 'archive.7z');
const plainPath = fc
  .tuple(root, fc.array(folder, { minLength: 1, maxLength: 4 }), name)
  .map(([start, folders, last]) => {
    const separator = start.includes('\\') ? '\\' : '/';
    return start + [...folders, last].join(separator);
  });
const anyPath = fc.oneof(
  { weight: 6, arbitrary: plainPath },
  plainPath.map((text) => encodeURIComponent(text)),
  plainPath.map((text) => JSON.stringify(text).slice(1, -1)),
  plainPath.map((text) => text.replaceAll('/', '\\/')),
  plainPath.map((text) => `${text}/`),
);

const around = fc.constantFrom<readonly [string, string]>(
  ['', ''],
  ["ENOENT: no such file or directory, open '", "'"],
  ['"', '"'],
  ['`', '`'],
  ['“', '”'],
  ['at total (', ':12:5)'],
  ['cwd=', ''],
  ['--out=', ' -v'],
  ['-I', ''],
  ['[', '](https://host/a/b)'],
  ['see <', '>'],
  ['Error in ', ': 3/4 of it failed'],
  ['{"cwd":"', '","n":1}'],
  ['{\\"cwd\\":\\"', '\\"}'],
  ['line\\n', '\\nand/or'],
  ['line\n', '\nmore'],
  ['\u001b[31m', '\u001b[0m'],
  ['https://host/open?file=', '&line=3'],
  ['目录：', '，完'],
  ['@', ' please'],
  ['+', ''],
  ['cat ', '|wc -l'],
  ['x;', ';y'],
);
const embedded = fc
  .array(fc.tuple(around, anyPath), { minLength: 1, maxLength: 3 })
  .chain((parts) =>
    fc
      .constantFrom(' ', ', ', '\n', '; ')
      .map((joint) => parts.map(([[before, after], path]) => before + path + after).join(joint)),
  );

describe('privacy', () => {
  test('no folder and no user of an absolute path survives, wherever it stands', () => {
    fc.assert(
      fc.property(embedded, (text) => {
        expect(strip(text)).not.toMatch(SECRET);
      }),
      { numRuns: 1_500 },
    );
  });

  test('the user of a home folder does not survive', () => {
    const homes = [
      '/home/§',
      '/Users/§/',
      '~§',
      'C:\\Users\\§',
      'file:///home/§',
      '%2Fhome%2F§',
      '-home-§-shop',
      '/mnt/c/Users/§',
    ];
    const home = secret.chain((user) => fc.constantFrom(...homes).map((text) => text.replaceAll('§', user)));
    fc.assert(
      fc.property(around, home, ([before, after], text) => {
        expect(strip(before + text + after)).not.toMatch(SECRET);
      }),
      { numRuns: 800 },
    );
  });

  test('no raw session id and no absolute path survives hash and strip_paths', async () => {
    const settings = testSettings('hash');
    const hash = await hashProcessor.create(filledConfig(hashProcessor, { key: 'sixteen or more!' }), settings);
    const stripPaths = await stripPathsProcessor.create(filledConfig(stripPathsProcessor, {}), settings);
    const attributes = fc.record({
      session_id: fc.uuid(),
      'gen_ai.conversation.id': fc.uuid(),
      cwd: embedded,
      tool: name,
    });
    fc.assert(
      fc.property(fc.array(attributes, { minLength: 1, maxLength: 5 }), (all) => {
        const hashed = hash.process(batchOf(all.map((one) => ({ attributes: one, value: [1] }))));
        const text = JSON.stringify(hashed && stripPaths.process(hashed));
        expect(text).not.toMatch(SECRET);
        for (const one of all) {
          expect(text).not.toContain(one.session_id);
          expect(text).not.toContain(one['gen_ai.conversation.id']);
        }
      }),
    );
  });
});

const pieces = fc.constantFrom(
  ...[
    '/',
    '\\',
    '//',
    '\\\\',
    '%2F',
    '%5C',
    '~',
    '.',
    '..',
    ':',
    '"',
    "'",
    ' ',
    '\n',
    '\\n',
    '-',
    '--',
    '=',
    '(',
    ')',
    '[',
    ']',
  ],
  ...[
    '*',
    '%',
    '+',
    '?',
    '&',
    '<',
    '>',
    '|',
    '“',
    '”',
    ',',
    '1',
    'a',
    'é',
    'b.c',
    'home',
    'Users',
    'Bob',
    'C:',
    'c:\\',
    'file:',
    'http://h',
    '-home-',
  ],
);
const noise = fc.array(pieces, { maxLength: 14 }).map((parts) => parts.join(''));

describe('any text', () => {
  test('what was stripped is not changed by stripping it again', () => {
    fc.assert(
      fc.property(fc.oneof(noise, embedded, fc.string({ unit: 'binary' })), (text) => {
        const once = strip(text);
        expect(strip(once)).toBe(once);
      }),
      { numRuns: 3_000 },
    );
  });

  test('paths are found in order, apart, and never empty', () => {
    fc.assert(
      fc.property(noise, (text) => {
        let end = 0;
        for (const path of findPaths(text)) {
          expect(path.start).toBeGreaterThanOrEqual(end);
          expect(path.end).toBeGreaterThan(path.start);
          end = path.end;
        }
        expect(end).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 1_500 },
    );
  });

  test('text without a slash, backslash, tilde or percent sign stays, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const safe = text.replace(/[/\\~%]/g, '') + 'mcp__github__get_issue my-plugin:reviewer';
        expect(strip(safe)).toBe(safe);
      }),
    );
  });

  test('URLs, dates, ratios, relative paths and media types stay, in any order', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
    const relative = fc.array(word, { minLength: 2, maxLength: 4 }).map((words) => words.join('/'));
    const safe = fc.oneof(
      relative,
      relative.map((text) => `https://${text}`),
      relative.map((text) => `./${text}`),
      relative.map((text) => `--${text.replace('/', '=')}`),
      fc.tuple(fc.nat(9999), fc.nat(99)).map(([a, b]) => `${String(a)}/${String(b)}`),
      fc.constantFrom(
        '2026/11/22',
        'text/html',
        'application/vnd.api+json',
        'and/or',
        'n/a',
        '/^a.*b$/gi',
        '</div>',
        's/a/b/',
      ),
    );
    fc.assert(
      fc.property(fc.array(safe, { maxLength: 6 }), (parts) => {
        expect(strip(parts.join(' '))).toBe(parts.join(' '));
      }),
      { numRuns: 400 },
    );
  });
});

test('sums of merged points are exact, and no point is lost', async () => {
  const processor = await stripPathsProcessor.create(
    filledConfig(stripPathsProcessor, {}),
    testSettings('strip_paths'),
  );
  const point = fc.record({
    attributes: fc.record({ cwd: fc.constantFrom('/a/x', '/b/x', 'x', '/b/y', 'y') }),
    value: fc.integer({ min: -1_000_000, max: 1_000_000 }).map((number) => [number / 1024]),
  });
  fc.assert(
    fc.property(fc.array(point, { maxLength: 30 }), (points) => {
      const before = structuredClone(points);
      const after = pointsOf(processor.process(batchOf(points)));
      const expected = new Map<string, number>();
      for (const { attributes, value } of points) {
        const last = attributes.cwd.slice(-1);
        expected.set(last, (expected.get(last) ?? 0) + value[0]!);
      }
      const total = (last: string): number[] =>
        after.filter(({ attributes }) => String(attributes.cwd) === last).map(({ value }) => sumValue(value));
      const merged = points.some(({ attributes }) => attributes.cwd.length > 1);
      for (const [last, sum] of expected) {
        if (merged) expect(total(last)).toEqual([sum]);
        else expect(total(last).reduce((a, b) => a + b, 0)).toBe(sum);
      }
      expect(points).toEqual(before);
    }),
  );
});

test.each([
  '/',
  '/a ',
  '"/a ',
  '“/a',
  '/[',
  '\\\\aa\\',
  '~a ',
  '%2F',
  '--home-',
  'C:\\a ',
  'ssh://h/home/',
  'file:/',
  '/a b c d e/',
  '(((/',
  'https://',
])(
  '400 kB of "%s" take time in proportion',
  (piece) => {
    const millisecondsFor = (size: number): number => {
      const text = piece.repeat(size / piece.length);
      const started = performance.now();
      findPaths(text);
      return performance.now() - started;
    };
    millisecondsFor(10_000);
    // Quadratic time would be 1 600 times that of the first fortieth.
    expect(millisecondsFor(400_000)).toBeLessThan(10_000);
  },
  30_000,
);

const metric: Metric = { name: 'm', type: 'counter', unit: '', description: '', aggregation: 'sum' };

function batchOf(
  points: readonly { readonly attributes: Attributes; readonly value: readonly number[] }[],
): MetricsBatch {
  return { signal: 'metrics', metrics: [{ metric, mode: 'delta', points }] };
}

function pointsOf(batch: Batch | undefined): readonly NumberPoint[] {
  const points = metricsIn(batch)[0];
  return points !== undefined && 'points' in points ? points.points : [];
}

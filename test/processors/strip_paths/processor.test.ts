import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { stripPathsProcessor } from '../../../processors/strip_paths/factory.ts';
import type { TracedAttribute } from '../../../src/component.ts';
import { ConfigError } from '../../../src/errors.ts';
import type { Attributes, Metric, MetricsBatch } from '../../../src/pipeline/signals.ts';
import { metricsIn } from '../points.ts';
import { filledConfig, processorSuite, testSettings } from '../../component-suite.ts';
import { strip } from './strip.ts';

const KEY = 'sixteen or more!';
const calls: Metric = { name: 'calls', type: 'counter', unit: '{call}', description: '', aggregation: 'sum' };
const took: Metric = {
  name: 'took',
  type: 'histogram',
  unit: 's',
  description: '',
  aggregation: 'sum',
  boundaries: [1],
};

function numbers(...points: readonly (readonly [Attributes, number])[]): MetricsBatch {
  const asPoints = points.map(([attributes, value]) => ({ attributes, value: [value] }));
  return { signal: 'metrics', metrics: [{ metric: calls, mode: 'delta', points: asPoints }] };
}

async function stripped(config: Readonly<Record<string, unknown>>, attributes: Attributes): Promise<Attributes> {
  const settings = testSettings('strip_paths');
  const processor = await stripPathsProcessor.create(filledConfig(stripPathsProcessor, config), settings);
  await processor.start?.();
  const points = metricsIn(processor.process(numbers([attributes, 1])))[0];
  if (points === undefined || !('points' in points)) throw new Error('no points');
  return points.points[0]!.attributes;
}

test.each([
  ['basename', 'paths stripped'],
  ['drop', 'left out where it holds a path'],
  ['hash', 'paths hashed'],
])('says of the attributes that it looks into what mode %s does', async (mode, treatment) => {
  const config = filledConfig(stripPathsProcessor, { mode, key: KEY, attributes: ['c*'] });
  const processor = await stripPathsProcessor.create(config, testSettings('strip_paths'));
  const before: readonly TracedAttribute[] = [
    { name: 'cwd', treatments: [] },
    { name: 'command', treatments: ['hashed'], hidden: 'values' },
    { name: 'tool', treatments: [] },
  ];
  const { metric } = numbers([{}, 1]).metrics[0]!;
  expect(processor.traceAttributes?.(before, metric)).toEqual([
    { name: 'cwd', treatments: [treatment], hidden: 'folders' },
    { name: 'command', treatments: ['hashed', treatment], hidden: 'values' },
    { name: 'tool', treatments: [] },
  ]);
});

processorSuite(stripPathsProcessor, {
  config: {},
  changed: {
    signal: 'metrics',
    metrics: [
      ...numbers([{ cwd: '/srv/shop', tool: 'Bash' }, 1], [{ cwd: '/srv/x' }, 2]).metrics,
      {
        metric: took,
        mode: 'delta',
        histograms: [{ attributes: { cwd: '/srv/shop' }, count: 1, sum: [2], bucketCounts: [0, 1] }],
      },
    ],
  },
  unchanged: numbers([{ 'gen_ai.tool.name': 'mcp__github__get_issue', n: 1, ok: true }, 1], [{}, 2]),
});

describe('the README', () => {
  const readme = readFileSync(
    path.join(import.meta.dirname, '..', '..', '..', 'processors', 'strip_paths', 'README.md'),
    'utf8',
  );
  /** The code spans of the table with these column heads, a row each. */
  const rows = (...heads: readonly string[]): string[][] => {
    const lines = readme.split('\n');
    const cells = (line: string): string[] =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
    const head = lines.findIndex((line) => cells(line).join() === heads.join());
    const table = lines.slice(head + 2);
    return table.slice(0, table.indexOf('')).map((line) => [...line.matchAll(/`([^`]*)`/g)].map((match) => match[1]!));
  };

  test.each(rows('Text', '`basename` makes of it'))('%s becomes %s', async (text, expected) => {
    expect(await stripped({}, { text })).toEqual({ text: expected });
  });

  test.each(rows('Text'))('%s stays', async (text) => {
    expect(await stripped({}, { text: text })).toEqual({ text });
  });

  test('has both tables', () => {
    expect(rows('Text', '`basename` makes of it').length).toBeGreaterThan(35);
    expect(rows('Text').length).toBeGreaterThan(15);
  });
});

describe('modes', () => {
  const text = 'cp /srv/shop/a.txt "/srv/my shop/"';

  test('drop leaves out the attributes that hold a path, and only these', async () => {
    expect(await stripped({ mode: 'drop' }, { text, other: 'and/or', n: 1 })).toEqual({ other: 'and/or', n: 1 });
  });

  test('hash replaces each path by its HMAC-SHA-256, with or without a slash at its end', async () => {
    const hash = (of: string): string => createHmac('sha256', KEY).update(of).digest('hex').slice(0, 12);
    expect(await stripped({ mode: 'hash', key: KEY, length: 12 }, { text })).toEqual({
      text: `cp ${hash('/srv/shop/a.txt')} "${hash('/srv/my shop')}"`,
    });
  });

  test('hash uses the key that the storage keeps for all who hash', async () => {
    const settings = testSettings('strip_paths', {
      storage: () => ({
        directory: '/nowhere',
        secret: (name) => Buffer.from(name === 'hash' ? KEY : ''),
        reclaim: () => undefined,
      }),
    });
    const config = filledConfig(stripPathsProcessor, { mode: 'hash' });
    const processor = await stripPathsProcessor.create(config, settings);
    const after = processor.process(numbers([{ cwd: '/srv/shop' }, 1]));
    expect(after).toEqual(numbers([await stripped({ mode: 'hash', key: KEY }, { cwd: '/srv/shop' }), 1]));
  });

  test('hash without a key and a storage does not start; the other modes need none', async () => {
    await expect(stripped({ mode: 'hash' }, {})).rejects.toThrow(ConfigError);
    expect(await stripped({ mode: 'drop' }, { cwd: '/srv/shop' })).toEqual({});
  });
});

test('only the named attributes are looked into', async () => {
  const attributes = { cwd: '/srv/a', 'file.path': '/srv/b', text: '/srv/c' };
  expect(await stripped({ attributes: ['cwd', '*.path'] }, attributes)).toEqual({
    cwd: 'a',
    'file.path': 'b',
    text: '/srv/c',
  });
});

test('points that become equal are merged, sums exactly', async () => {
  const processor = await stripPathsProcessor.create(
    filledConfig(stripPathsProcessor, {}),
    testSettings('strip_paths'),
  );
  const batch = processor.process(
    numbers([{ cwd: '/a/x' }, 0.1], [{ cwd: '/b/x' }, 0.2], [{ cwd: 'x' }, -0.1], [{}, 1]),
  );
  expect(batch).toEqual(numbers([{ cwd: 'x' }, 0.2], [{}, 1]));
});

describe('texts of every day', () => {
  const raw = String.raw;
  test.each([
    ['a Windows path in JSON', raw`{"cwd":"C:\\Users\\alice\\shop"}`, '{"cwd":"shop"}'],
    ['a path in JSON that escapes slashes', raw`{"cwd":"\/home\/alice\/shop"}`, '{"cwd":"shop"}'],
    ['escaped lines', raw`a\n/srv/shop/x\nb/c`, raw`a\nx\nb/c`],
    ['a home at the end of an escaped line', raw`/home/alice\nb`, raw`~\nb`],
    ['terminal colours', '\u001b[31m/srv/shop/x\u001b[0m', '\u001b[31mx\u001b[0m'],
    ['a Markdown link', '[/srv/a/x](/srv/b/y)', '[x](y)'],
    ['an HTML attribute', '<a href="/srv/a b/x y">q</a>', '<a href="x y">q</a>'],
    ['Python names', "['/srv/a/x', '/srv/b/y']", "['x', 'y']"],
    ['an apostrophe', `"/srv/it's here/x"`, '"x"'],
    ['typographic quotes', '“/srv/my shop/x” and “/srv/y', '“x” and “y'],
    ['a quote that never closes', "it's '/srv/shop/x", "it's 'x"],
    ['several lines', '/srv/a/x\n/srv/b/y\ttext', 'x\ny\ttext'],
    ['another script without blanks', '打开/home/alice/文件', '打开文件'],
    ['an emoji before a path', '📁/srv/shop/x', '📁x'],
    ['a file name that ends the path', 'node /srv/shop/x.js src/y.ts', 'node x.js src/y.ts'],
    ['a clause that ends the path', '/srv/shop: see docs/faq.md', 'shop: see docs/faq.md'],
    ['brackets that end the path', '(in /srv/shop) see docs/faq.md', '(in shop) see docs/faq.md'],
    ['prose with slashes', '/srv/shop and/or 3/4 of text/html', 'shop and/or 3/4 of text/html'],
    ['a flag behind a path', '/srv/shop -v a/b', 'shop -v a/b'],
    ['words without any path', '/srv/shop is not the one', 'shop is not the one'],
    ['too many words', '/srv/shop was made a long time ago by a/b', 'shop was made a long time ago by a/b'],
    ['a clause among the words', '/srv/shop is, they say, a/b', 'shop is, they say, a/b'],
    ['a URL behind a path', '/srv/shop https://host/a/b', 'shop https://host/a/b'],
    ['a path in a query', 'https://host/a?x=/srv/shop/y&b=c/d', 'https://host/a?x=y&b=c/d'],
    ['a URL with an encoded scheme', 'https%3A%2F%2Fhost%2Fa', 'https%3A%2F%2Fhost%2Fa'],
    ['a path after an encoded character', 'x%3D%2Fsrv%2Fshop%2Fy%22%2C', 'x%3Dy%22%2C'],
    ['a twice encoded path', '%252Fsrv%252Fshop%252Fy', 'y'],
    ['an encoded drive', 'C%3A%5CUsers%5Calice%5Cy', 'y'],
    ['a relative encoded path', 'group%2Fshop a%5Cb', 'group%2Fshop a%5Cb'],
    ['a folder of all users', '/home and C:\\Users', 'home and Users'],
    ['dots', '/srv/a/../b/./', 'b'],
    ['the parent of the root', '/.. is /', '/.. is /'],
    ['a user in capitals followed by prose', raw`in C:\Users\Alice and so on`, 'in ~ and so on'],
    ['a home on a share', raw`\\nas\home\alice`, '~'],
    ['a home on a shared drive', raw`\\wsl$\Ubuntu\home\alice`, '~'],
    ['a home below another folder', '/var/home/alice', '~'],
    ['users of a route', '/api/users/17', '17'],
    ['a home without a drive', raw`cd \Users\alice\x`, 'cd x'],
    ['a program folder', raw`C:\Program Files (x86)\My App\app.exe -v`, 'app.exe -v'],
    ['a drive among words', raw`on C:\ there is /srv/x`, 'on C: there is x'],
    ['a folder of an agent on Windows', 'C--Users-alice-shop', '~'],
    ['a folder of an agent as a path', '-home-alice-shop/7.jsonl', '7.jsonl'],
    ['a folder of an agent as the last element', '/tmp/-home-alice-shop', '~'],
    ['a user as the last element', '/srv/x/~alice', '~'],
    ['long flags', '-isystem/usr/include --home-dir', '-isysteminclude --home-dir'],
    ['a regular expression with a home', raw`/^\/home\/alice\/x/`, 'x'],
    ['a regular expression with a class', '/[/x]+/i', '/[/x]+/i'],
    ['what only begins like one', '/ab(c\n/srv/x', 'ab(c\nx'],
    ['escaped regular expressions', raw`\\d+\\.\\d \d+\w`, raw`\\d+\\.\\d \d+\w`],
    ['a repository on a host', 'ssh://git@host/home/alice/shop.git', 'ssh://git@host/shop.git'],
    ['a bucket', 's3://bucket/a/b.txt', 's3://bucket/a/b.txt'],
    ['a URL without anything', 'sqlite:/// file:///', 'sqlite:/// file:///'],
    ['matching operators', 'x =~foo && y !~foo', 'x =~foo && y !~foo'],
    ['a path that another one hides', 'C:/C:/xy', 'C:xy'],
    ['a user of another script', '~алиса/x, ~алиса и -home-алиса-shop', 'x, ~ и ~'],
    ['lone surrogates', '\ud83d/srv/x/\udc00', '\ud83d\udc00'],
  ])('%s', (_, text, expected) => {
    expect(strip(text)).toBe(expected);
  });
});

import { describe, expect, test } from 'vitest';
import { load, loadIn, Folder, problems, receiverSettings, receiving } from './loading.ts';

describe('a file that is no configuration', () => {
  test.each([
    ['nothing', '', 'a.yaml: the file is empty'],
    ['a comment', '# x\n', 'a.yaml: the file is empty'],
    ['text', 'receivers', 'a.yaml: expected a map with receivers, exporters and service'],
    ['a list', '- receivers\n', 'a.yaml: expected a map with receivers, exporters and service'],
    ['a tab', 'receivers:\n\tsqlite:\n', 'a.yaml:2:1: YAML: a tab as indentation; YAML wants spaces'],
    ['an open quote', 'a: "x\n', 'a.yaml:2:1: YAML: missing closing "quote'],
    ['a missing colon', 'receivers:\n  sqlite\n    database: x\n', 'a.yaml:2:3: YAML: a key must stand on one line'],
    ['a nested value', 'a: b\n  c: d\n', 'a.yaml:1:4: YAML: a "key: value" within a value'],
    [
      'two documents',
      'a: 1\n---\nb: 2\n',
      'a.yaml:2:1: YAML: a second document ("---") in the file; use one file each',
    ],
    [
      'an unknown tag',
      'a: !js x\n',
      'a.yaml:1:4: YAML: a tag that is not known; a text that begins with "!" wants quotes',
    ],
    ['binary', 'a: !!binary aGVsbG8=\n', 'a.yaml:1:13: a: expected text, a number, true or false'],
    ['a key twice', 'a: 1\nb: 2\na: 3\n', 'a.yaml:3:1: key "a" stands here twice; first at a.yaml:1:1'],
    ['a nested key twice', 'a:\n  b: 1\n  b: 2\n', 'a.yaml:3:3: a: key "b" stands here twice; first at a.yaml:2:3'],
    ['a list as key', '? [a]\n: 1\n', 'a.yaml:1:3: a key must be plain text'],
    [
      'an alias of nothing',
      'a: *x\n',
      'a.yaml:1:4: a: an alias that names nothing above it; a text that begins with "*" wants quotes',
    ],
    [
      'an alias of itself',
      'a: &x [*x]\n',
      'a.yaml:1:8: a::0: an alias that names nothing above it; a text that begins with "*" wants quotes',
    ],
    ['a merge of text', 'a: {<<: x}\n', 'a.yaml:1:5: a: "<<" takes maps'],
  ])('%s', async (_, text, message) => {
    expect(await problems(text)).toEqual([expect.stringContaining(message)]);
  });

  test('deep nesting', async () => {
    expect(await problems('['.repeat(50_000))).toEqual(['a.yaml:1:101: YAML: nested too deeply']);
    expect(await problems('- '.repeat(50_000))).toEqual(['a.yaml:1:201: YAML: nested too deeply']);
    expect(await problems(`a: ${'['.repeat(98)}${']'.repeat(98)}`)).not.toContainEqual(
      expect.stringContaining('deeply'),
    );
  });

  test.each(['[', '{', '- ', 'a: {'])('as much of %j as a file may hold is refused at once', async (unit) => {
    const startMs = performance.now();
    expect(await problems(unit.repeat((255 * 1024) / unit.length))).toEqual([
      expect.stringContaining('YAML: nested too deeply'),
    ]);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  test('an alias bomb is refused at once', async () => {
    const lines = Array.from('bcdefghij').map((key, index) => {
      const before = 'abcdefghi'[index]!;
      return `${key}: &${key} [${Array(9).fill(`*${before}`).join(', ')}]`;
    });
    const startMs = performance.now();
    expect(await problems(['a: &a [1, 1]', ...lines].join('\n'))).toEqual([
      'a.yaml:5:16: e::2: aliases repeat more than 10000 values',
    ]);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  test('ten megabytes are refused at once', async () => {
    const startMs = performance.now();
    expect(await problems('a: 1 # ' + 'x'.repeat(10 * 1024 * 1024))).toEqual(['a.yaml: larger than 256 KiB']);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  test('a missing one is named as the user named it', async () => {
    using folder = new Folder();
    await expect(loadIn(folder, [], { factories: [] })).rejects.toThrow('no configuration file is given');
    expect(await problems([receiving('database: x'), ''])).toEqual(['b.yaml: the file is empty']);
  });
});

describe('YAML as it comes', () => {
  const settings = { database: '/d.db', collection_interval: '5s' };
  const text = receiving('database: /d.db', 'collection_interval: 5s');

  test.each([
    ['CRLF', text.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\uFEFF${text}`],
    ['a directive and a document start', `%YAML 1.2\n---\n${text}`],
  ])('%s', async (_, variant) => {
    expect(receiverSettings(await load(variant))).toMatchObject(settings);
  });

  test('places are right after a byte order mark and with CRLF', async () => {
    const wrong = receiving('database: x', 'limit: no').replaceAll('\n', '\r\n');
    expect(await problems(`\uFEFF${wrong}`)).toEqual([
      'a.yaml:4:12: receivers::sqlite/agents::limit: expected a whole number, not "no"',
    ]);
    expect(await problems('\uFEFFreceiver: {}')).toContainEqual(
      'a.yaml:1:1: unknown key "receiver"; did you mean "receivers"?',
    );
  });

  test('a plain text on several lines is one text', async () => {
    const config = await load(receiving('database: /d.db', 'preset: one', '  two', '', '  three'));
    expect(receiverSettings(config)).toMatchObject({ preset: 'one two\nthree' });
  });

  test('aliases and merge keys share settings; what is written wins', async () => {
    const shared = receiving('<<: &shared {limit: 7, preset: a}', 'database: /d.db', 'preset: b');
    expect(receiverSettings(await load(shared))).toMatchObject({ limit: 7, preset: 'b' });
    const list = receiving('<<: [{limit: 7}, {limit: 8, preset: a}]', 'database: /d.db');
    expect(receiverSettings(await load(list))).toMatchObject({ limit: 7, preset: 'a' });
    const alias = receiving('database: &d /d.db', 'preset: *d');
    expect(receiverSettings(await load(alias))).toMatchObject({ preset: '/d.db' });
  });

  test('keys are text, whatever they look like', async () => {
    const config = await load(receiving('database: /d.db', 'tables: {5: {metrics: [a]}, true: {metrics: [b]}}'));
    expect(receiverSettings(config)).toMatchObject({ tables: { '5': { metrics: ['a'] }, true: { metrics: ['b'] } } });
  });

  test('"__proto__" is a key like any other', async () => {
    expect(await problems(receiving('database: x', '__proto__: {limit: 1}'))).toEqual([
      expect.stringContaining('a.yaml:4:5: receivers::sqlite/agents: unknown key "__proto__"'),
    ]);
  });
});

describe('several sources', () => {
  const base = receiving('database: /a.db', 'limit: 5', 'labels: {a: x, b: y}');

  test('maps merge, lists replace, the later wins, --set is last', async () => {
    using folder = new Folder();
    const over = [
      'receivers: {sqlite/agents: {database: [/b.db], labels: {b: z}}}',
      'service: {telemetry: {logs: {level: warn}}}',
    ].join('\n');
    const sets = ['receivers::sqlite/agents::limit=9', 'service::telemetry::logs::level=debug'];
    const config = await loadIn(folder, [base, over], { sets });
    expect(receiverSettings(config)).toMatchObject({ database: ['/b.db'], labels: { a: 'x', b: 'z' }, limit: 9 });
    expect(config.service.telemetry.logs.level).toBe('debug');
  });

  test('places name the file that a value came from', async () => {
    expect(await problems([base, 'receivers: {sqlite/agents: {limit: 0, x: 1}}'])).toEqual([
      'b.yaml:1:36: receivers::sqlite/agents::limit: expected a number of at least 1, not 0',
      expect.stringContaining('b.yaml:1:39: receivers::sqlite/agents: unknown key "x"'),
    ]);
  });

  test('a value of --set is YAML', async () => {
    const set = (value: string) => load(base, { sets: [`receivers::sqlite/agents::${value}`], env: { L: '3' } });
    expect(receiverSettings(await set('database=[/x.db, /y.db]'))).toMatchObject({ database: ['/x.db', '/y.db'] });
    expect(receiverSettings(await set('limit=${env:L}'))).toMatchObject({ limit: 3 });
    expect(receiverSettings(await set('preset=a=b'))).toMatchObject({ preset: 'a=b' });
    expect(receiverSettings(await set('tables::t::metrics=[a]'))).toMatchObject({ tables: { t: { metrics: ['a'] } } });
    expect((await load(base, { sets: ['exporters::prometheus='] })).exporters.get('prometheus')?.settings).toEqual({
      endpoint: '127.0.0.1:9465',
    });
  });

  test('mistakes of --set are told as such', async () => {
    const sets = ['receivers::sqlite/agents::collection_interval=2', 'receivers::sqlite/agents::limi=2'];
    expect(await problems(base, { sets })).toEqual([
      expect.stringContaining('--set receivers::sqlite/agents::collection_interval: expected a duration'),
      '--set receivers::sqlite/agents::limi: receivers::sqlite/agents: unknown key "limi"; did you mean "limit"?',
    ]);
    expect(await problems(base, { sets: ['a::b', '=x', 'a::=x', 'a=['] })).toEqual([
      '--set a::b: write a::b::c=value, with keys from the top of the configuration',
      '--set =x: write a::b::c=value, with keys from the top of the configuration',
      '--set a::=x: write a::b::c=value, with keys from the top of the configuration',
      '--set a: YAML: flow sequence must end with a ]',
    ]);
  });
});

import { describe, expect, test } from 'vitest';
import type { ReceiverFactory } from '../../src/component.ts';
import { ConfigError } from '../../src/errors.ts';
import { FACTORIES, Folder, load, loadIn, problems, receiverSettings, receiving, sqlite } from './loading.ts';

const AGENTS = 'receivers::sqlite/agents';

describe('a setting that is wrong', () => {
  test.each([
    ['databse: x', `3:5: ${AGENTS}: unknown key "databse"; did you mean "database"?`],
    ['limit: many', `4:12: ${AGENTS}::limit: expected a whole number, not "many"`],
    ['limit: 1.5', `4:12: ${AGENTS}::limit: expected a whole number, not 1.5`],
    ['limit: 0', `4:12: ${AGENTS}::limit: expected a number of at least 1, not 0`],
    ['limit:', `4:5: ${AGENTS}::limit: expected a whole number, not nothing`],
    ['limit: [1]', `4:5: ${AGENTS}::limit: expected a whole number, not a list`],
    ['limit: .inf', `4:12: ${AGENTS}::limit: expected a whole number, not Infinity`],
    ['preset: 5', `4:13: ${AGENTS}::preset: expected text, not 5; quotes make it text`],
    ['preset: {}', `4:5: ${AGENTS}::preset: expected text, not a map`],
    [`preset: [${'x'.repeat(100)}]`, `4:5: ${AGENTS}::preset: expected text, not a list`],
    ['optional: yes', `4:15: ${AGENTS}::optional: expected true or false, not "yes"`],
    [`optional: ${'y'.repeat(100)}`, `4:15: ${AGENTS}::optional: expected true or false, not "${'y'.repeat(59)}...`],
    [
      'collection_interval: 5',
      `4:26: ${AGENTS}::collection_interval: expected a duration such as "250ms", "1s", "5m", "24h" or "90d", not 5`,
    ],
    [
      'collection_interval: 0s',
      `4:26: ${AGENTS}::collection_interval: expected a duration such as "250ms", "1s", "5m", "24h" or "90d", not "0s"`,
    ],
    [
      'start_at: begining',
      `4:15: ${AGENTS}::start_at: expected "beginning" or "end", not "begining"; did you mean "beginning"?`,
    ],
    ['labels: {A-b: x}', `4:14: ${AGENTS}::labels: key "A-b" is not allowed here: expected text that matches ^[a-z]+$`],
    ['labels: {a: [x]}', `4:14: ${AGENTS}::labels::a: expected text, not a list`],
    ['tables: {t: {metrics: []}}', `4:18: ${AGENTS}::tables::t::metrics: expected at least 1 entry, not 0`],
    ['tables: {t: {from: x}}', `4:14: ${AGENTS}::tables::t: missing key "metrics"`],
    [
      'tables: {t: {metrics: [x, 1]}}',
      `4:31: ${AGENTS}::tables::t::metrics::1: expected text, not 1; quotes make it text`,
    ],
    ['tables: {t: {metrics: [x], buckets: 5}}', `4:41: ${AGENTS}::tables::t::buckets: expected a list or a map, not 5`],
    ['tables: {t: {metrics: [x], buckets: [x]}}', `4:42: ${AGENTS}::tables::t::buckets::0: expected a number, not "x"`],
    ['tables: {t: {metrics: [x], buckets: {begin: 1}}}', `4:32: ${AGENTS}::tables::t::buckets: missing key "start"`],
    ['initial_delay: 1s', `4:5: ${AGENTS}: initial_delay has no place here: reading starts at once; remove it`],
    [
      'constructor: 1',
      `4:5: ${AGENTS}: unknown key "constructor" (known: database, collection_interval, preset, storage, limit, optional, start_at, labels, tables)`,
    ],
  ])('%s', async (line, message) => {
    const lines = line.startsWith('databse') ? [line] : ['database: x', line];
    expect(await problems(receiving(...lines))).toContain(`a.yaml:${message}`);
  });

  test('all are told at once, in the order of the file', async () => {
    const found = await problems(
      receiving('databse: x', 'limit: 0', 'preset: nope', 'labels: {a: 5}', 'storage: file'),
    );
    expect(found.map((message) => /^a\.yaml:(\d+)/.exec(message)?.[1])).toEqual(['3', '4', '6', '7']);
  });

  test('missing is told at the component, unless a misspelt key explains it', async () => {
    expect(await problems(receiving('limit: 5'))).toEqual([`a.yaml:2:3: ${AGENTS}: missing key "database"`]);
    expect(await problems(receiving('databse: x'))).toHaveLength(1);
  });

  test('what came from a variable or a file is not shown', async () => {
    const env = { SECRET: 'hunter2', PIN: '4711', YES: 'true' };
    const text = receiving(
      'database: x',
      'limit: ${env:SECRET}',
      'preset: ${env:PIN}',
      'start_at: "${env:SECRET}"',
      'storage: ${env:YES}',
    );
    const found = await problems(text, { env });
    expect(found).toEqual([
      `a.yaml:4:12: ${AGENTS}::limit: expected a whole number, not the text that was substituted`,
      `a.yaml:5:13: ${AGENTS}::preset: expected text, not the number that was substituted; quotes make it text`,
      `a.yaml:6:15: ${AGENTS}::start_at: expected "beginning" or "end", not the text that was substituted`,
      `a.yaml:7:14: ${AGENTS}::storage: expected a component id such as "sqlite" or "sqlite/agents", not the true or false that was substituted`,
    ]);
    expect(found.join()).not.toMatch(/hunter2|4711/);
  });

  test('a substitution that fails is one mistake, and hides no other', async () => {
    expect(await problems(receiving('database: ${env:NONE}', 'limit: ${env:NONE}', 'start_at: x'))).toEqual([
      `a.yaml:3:15: ${AGENTS}::database: environment variable NONE is not set; set it, or give a default: \${env:NONE:-default}`,
      `a.yaml:4:12: ${AGENTS}::limit: environment variable NONE is not set; set it, or give a default: \${env:NONE:-default}`,
      `a.yaml:5:15: ${AGENTS}::start_at: expected "beginning" or "end", not "x"`,
    ]);
  });
});

describe('values', () => {
  test('a plain text that is one variable is read again for a number, true, false and null', async () => {
    const env = { N: '5', T: 'true', S: '1s', HASH: 'a #b', QUOTED: '"x"' };
    const settings = async (...lines: readonly string[]) =>
      receiverSettings(await load(receiving('database: /d', ...lines), { env }));
    expect(await settings('limit: ${env:N}', 'optional: ${env:T}', 'collection_interval: ${env:S}')).toMatchObject({
      limit: 5,
      optional: true,
      collection_interval: '1s',
    });
    expect(await settings('preset: "${env:N}"')).toMatchObject({ preset: '5' });
    expect(await settings('preset: ${env:N}x')).toMatchObject({ preset: '5x' });
    expect(await settings('preset: ${env:HASH}')).toMatchObject({ preset: 'a #b' });
    expect(await settings('preset: ${env:QUOTED}')).toMatchObject({ preset: '"x"' });
    expect(await settings(`preset: \${env:NONE:-${'9'.repeat(100)}}`)).toMatchObject({ preset: '9'.repeat(100) });
    expect(await settings('limit: ${env:NONE:-7}')).toMatchObject({ limit: 7 });
  });

  test('defaults are filled in', async () => {
    expect(receiverSettings(await load(receiving('database: /d')))).toEqual({
      database: '/d',
      collection_interval: '1s',
      limit: 50,
      start_at: 'beginning',
    });
  });

  test('paths are relative to the file that they stand in; in lists too; "~" is the home', async () => {
    using folder = new Folder();
    const config = await loadIn(folder, [receiving('database: [a.db, ~/b.db, /c.db]')]);
    expect(receiverSettings(config)).toMatchObject({ database: [`${folder.path}/a.db`, '/home/me/b.db', '/c.db'] });
    const elsewhere = await loadIn(folder, [receiving('database: a.db')], { directory: '/elsewhere' });
    expect(receiverSettings(elsewhere)).toMatchObject({ database: '/elsewhere/a.db' });
    const set = await loadIn(folder, [receiving('database: a.db')], {
      sets: ['receivers::sqlite/agents::database=b.db'],
    });
    expect(receiverSettings(set)).toMatchObject({ database: `${process.cwd()}/b.db` });
  });

  test('the default of a path may hold variables and "~"', async () => {
    const directory = async (env: Record<string, string>) =>
      (await load(receiving('database: /d'), { env })).extensions.get('file_storage')?.settings;
    expect(await directory({})).toEqual({ directory: '/home/me/.local/state/agentcol' });
    expect(await directory({ XDG_STATE_HOME: '/state' })).toEqual({ directory: '/state/agentcol' });
  });

  test('a default that cannot be had is told at the component', async () => {
    const factories = FACTORIES.map((factory) =>
      factory.type === 'file_storage'
        ? {
            ...factory,
            schema: {
              type: 'object',
              additionalProperties: false,
              properties: { directory: { type: 'string', path: true, default: '${env:NONE}' } },
            },
          }
        : factory,
    );
    expect(await problems(receiving('database: /d'), { factories })).toEqual([
      'a.yaml:7:3: extensions::file_storage::directory: environment variable NONE is not set; set it, or give a default: ${env:NONE:-default}',
    ]);
  });
});

describe("a factory's own check", () => {
  function checkedBy(check: ReceiverFactory['check'] & {}) {
    return { factories: FACTORIES.map((factory) => (factory === sqlite ? { ...sqlite, check } : factory)) };
  }

  test('is asked once the schema is content, and told with the place', async () => {
    expect(await problems(receiving('database: x', 'preset: nope'))).toEqual([
      `a.yaml:4:13: ${AGENTS}::preset: there is no preset "nope"`,
    ]);
    expect(await problems(receiving('database: x', 'preset: nope', 'limit: 0'))).toEqual([
      `a.yaml:5:12: ${AGENTS}::limit: expected a number of at least 1, not 0`,
    ]);
  });

  test('may reject with ConfigError; a path that was not written is told at the nearest key that was', async () => {
    const problem = { path: ['tables', 't', 'metrics', 7, 'value'], message: 'no such column' };
    const text = receiving('database: x', 'tables:', '  t:', '    metrics: [a]');
    expect(
      await problems(
        text,
        checkedBy(() => Promise.reject(new ConfigError([problem]))),
      ),
    ).toEqual([`a.yaml:6:9: ${AGENTS}::tables::t::metrics::7::value: no such column`]);
    expect(
      await problems(
        text,
        checkedBy(async () => [{ path: ['start_at'], message: 'm' }]),
      ),
    ).toEqual([`a.yaml:2:3: ${AGENTS}::start_at: m`]);
    expect(
      await problems(
        text,
        checkedBy(async () => [{ path: ['database', 'x'], message: 'm' }]),
      ),
    ).toEqual([`a.yaml:3:5: ${AGENTS}::database::x: m`]);
  });

  test('that fails otherwise is not a mistake of the user', async () => {
    const broken = checkedBy(() => Promise.reject(new TypeError('broken')));
    await expect(load(receiving('database: x'), broken)).rejects.toThrow(TypeError);
  });

  test('later problems get their place too', async () => {
    using folder = new Folder();
    const config = await loadIn(folder, [receiving('database: x')]);
    const place = config.receivers.get('sqlite/agents')?.place({ path: ['database'], message: 'is locked' });
    expect(place).toBe(`${folder.path}/a.yaml:3:15: ${AGENTS}::database: is locked`);
    expect(config.exporters.get('prometheus')?.place({ path: ['endpoint'], message: 'in use' })).toBe(
      `${folder.path}/a.yaml:5:3: exporters::prometheus::endpoint: in use`,
    );
  });
});

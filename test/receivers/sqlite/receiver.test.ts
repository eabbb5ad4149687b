import fs from 'node:fs';
import { pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { presetSchema } from '../../../receivers/sqlite/config.ts';
import { sqliteReceiver } from '../../../receivers/sqlite/factory.ts';
import { digestOf } from '../../../receivers/sqlite/mapping.ts';
import { loadPreset, presetIn, presetNames } from '../../../receivers/sqlite/presets.ts';
import { SchemaCheck } from '../../../src/config/schema.ts';
import { factories } from '../../../src/components.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { ConfigError, type Problem } from '../../../src/errors.ts';
import { componentSuite, filledConfig } from '../../component-suite.ts';
import { Clock, Collector, Workspace } from '../../main-job/harness.ts';

componentSuite(sqliteReceiver, { config: { database: '/nowhere/agent_workflow.db', preset: 'agent_workflow' } });

async function problems(config: Readonly<Record<string, unknown>>): Promise<readonly Problem[]> {
  return (await sqliteReceiver.check?.(filledConfig(sqliteReceiver, { database: '/x.db', ...config }))) ?? [];
}

async function metricProblems(metric: object, table: object = {}): Promise<readonly Problem[]> {
  return problems({ tables: { jobs: { metrics: [{ name: 'jobs', type: 'counter', ...metric }], ...table } } });
}

describe('presets', () => {
  // Where the YAML was changed: npx vitest run test/receivers/sqlite/receiver.test.ts -u
  it.each(presetNames())('%s fits the schema of a mapping, and is what was generated', async (name) => {
    const folder = '../../../receivers/sqlite/presets';
    const yaml = fs.readFileSync(new URL(`${folder}/${name}.yaml`, import.meta.url), 'utf8');
    const { value, errors } = new SchemaCheck().check(presetSchema, parse(yaml));
    expect(errors).toEqual([]);
    const prepared = { digest: digestOf(yaml), mapping: value };
    await expect(`${JSON.stringify(prepared, undefined, 1)}\n`).toMatchFileSnapshot(`${folder}/${name}.generated.json`);
    expect(loadPreset(name)).toEqual(value);
  });

  it.each(presetNames())('%s has no problem', async (name) => {
    expect(await problems({ preset: name })).toEqual([]);
  });

  it('are read from their YAML where nothing was prepared of it', () => {
    using workspace = new Workspace();
    const folder = pathToFileURL(`${workspace.folder}/`);
    const name = 'agent_workflow_sessions';
    const yaml = fs.readFileSync(`receivers/sqlite/presets/${name}.yaml`, 'utf8');
    fs.writeFileSync(workspace.file('own.yaml'), yaml);
    expect(presetIn(folder, 'own')).toEqual(loadPreset(name));
    const prepare = (digest: string): void =>
      fs.writeFileSync(workspace.file('own.generated.json'), JSON.stringify({ digest, mapping: {} }));
    prepare(digestOf(`${yaml} `));
    expect(presetIn(folder, 'own')).toEqual(loadPreset(name));
    prepare(digestOf(yaml));
    expect(presetIn(folder, 'own')).toEqual({});
  });

  it('are listed when an unknown one is named', async () => {
    expect(await problems({ preset: 'agent_workflows' })).toEqual([
      { path: ['preset'], message: 'no preset "agent_workflows"; there are: agent_workflow, agent_workflow_sessions' },
    ]);
  });

  it('give way to a table of the same id that the user defines', async () => {
    const invocations = { metrics: [{ name: 'agent_workflow.invocations', type: 'histogram' }] };
    const [first] = await problems({ preset: 'agent_workflow', tables: { invocations } });
    expect(first?.path.slice(0, 4)).toEqual(['tables', 'invocations', 'metrics', 0]);
  });
});

describe('a mapping', () => {
  it('is needed', async () => {
    expect(await problems({})).toEqual([
      { path: [], message: 'nothing to read: name a preset, or tables, distinct or queries' },
    ]);
  });

  it.each([
    ['a typing error', 'coalesce(a', /incomplete input|syntax error/],
    ['an unknown function', 'secnds(a)', /no such function: secnds/],
    ['a sub-query', '(SELECT 1)', /subqueries/],
    ['an aggregate', 'count(*)', /misuse of aggregate/],
    ['a window', 'row_number() OVER ()', /misuse of window/],
    ['a second statement', '1; DROP TABLE jobs', /";"/],
    ['a comment', '1 -- no', /comment/],
    ['a closed parenthesis', '1) OR (1', /parenthesis/],
    ['an open quote', "'abc", /quote/],
    ['an unknown parameter', ':nwo', /:nwo, which is not known here/],
    ['nothing', ' ', /is empty/],
  ])('refuses %s as an expression, and says where', async (_, value, message) => {
    const [problem, ...others] = await metricProblems({ value });
    expect(others).toEqual([]);
    expect(problem?.path).toEqual(['tables', 'jobs', 'metrics', 0, 'value']);
    expect(problem?.message).toMatch(message);
  });

  it.each([
    ['quoted names', '"a""b" + [c d] + `e`'],
    ['strings with what looks like SQL', "'; -- /* (' || a"],
    ['blobs and numbers', "x'00ff' || 0x1f || 1e-3 || .5 || 1_000"],
    ['keywords as names', 'each + key + value + type'],
    ['the time functions', 'seconds(a) - seconds(b)'],
    ['the file', ':database'],
  ])('accepts %s', async (_, value) => {
    expect(await metricProblems({ value })).toEqual([]);
  });

  it('knows :abandoned and :now only where rows are settled or looked at again', async () => {
    const table = {
      complete_when: ':abandoned',
      where: 'late',
      columns: { late: 'a > 1 AND :abandoned' },
      metrics: [{ name: 'jobs', type: 'counter', value: ':now' }],
    };
    const found = await problems({ tables: { jobs: table } });
    expect(found.map(({ path }) => path.slice(2).join('::')).sort()).toEqual([
      'complete_when',
      'metrics::0::value',
      'where',
    ]);
  });

  it.each([
    ['a histogram without buckets', { type: 'histogram', value: 'a' }, 'buckets'],
    ['a histogram without a value', { type: 'histogram', buckets: [1] }, 'value'],
    ['buckets that do not ascend', { type: 'histogram', value: 'a', buckets: [1, 1] }, 'buckets'],
    ['buckets of a counter', { buckets: [1] }, 'buckets'],
    ['an aggregation of a counter', { aggregation: 'max' }, 'aggregation'],
    ['a gauge of open rows', { type: 'gauge', value: 'a', of: 'open' }, 'of'],
    ['a running total without a value', { of: 'open' }, 'value'],
    ['zeros of a gauge', { type: 'gauge', value: 'a', set: { s: 's' }, values: { s: ['x'] } }, 'values'],
    ['values of no attribute', { values: { s: ['x'] } }, 'values'],
    ['an attribute that the table has not', { attributes: ['nope'] }, 'attributes'],
    ['a name that is none', { name: 'a b' }, 'name'],
  ])('refuses %s', async (_, metric, key) => {
    const found = await metricProblems(metric, { complete_when: 'done' });
    expect(found.map(({ path }) => path[4])).toContain(key);
  });

  it('refuses metrics of open rows where no row is ever open', async () => {
    const found = await metricProblems({ type: 'updowncounter', of: 'open' });
    expect(found).toEqual([expect.objectContaining({ message: 'no row is open: the table has no complete_when' })]);
  });

  it('refuses a running total of array elements, which nothing tells apart', async () => {
    const found = await metricProblems({ of: 'open', value: 'a' }, { complete_when: 'done', each: 'parts' });
    expect(found).toEqual([expect.objectContaining({ path: ['tables', 'jobs', 'metrics', 0, 'of'] })]);
  });

  it('refuses entries of one name that do not agree', async () => {
    const found = await problems({
      tables: { jobs: { metrics: [{ name: 'jobs', type: 'counter' }] } },
      distinct: { jobs: { of: ['jobs.a'], unit: '{x}' } },
    });
    expect(found).toEqual([expect.objectContaining({ path: ['distinct', 'jobs'] })]);
  });

  it('refuses what is no SELECT, a glob in a folder and an unknown time zone', async () => {
    const queries = { q: { sql: 'DELETE FROM jobs', metrics: [{ name: 'q', type: 'gauge', value: 'a' }] } };
    const found = await problems({ queries, database: ['/a/*/b.db'], timezone: 'Mars/Olympus' });
    expect(found.map(({ path }) => path.join('::'))).toEqual(['database', 'timezone', 'queries::q::sql']);
  });
});

describe('a configuration with a misspelt key', () => {
  it('shows what else is wrong in the same component all the same', async () => {
    using workspace = new Workspace();
    const file = workspace.file('otel-config.yaml');
    const text = `receivers:
  sqlite:
    database: x.db
    presett: agent_workflow
    timezone: Mars/Base
    tables: { jobs: { metrics: [{ name: jobs, type: counter, value: sum(x) }] } }
exporters: { prometheus: }
service: { pipelines: { metrics: { receivers: [sqlite], exporters: [prometheus] } } }
`;
    fs.writeFileSync(file, text);
    const error: unknown = await loadConfig({ files: [file] }, factories).catch((thrown: unknown) => thrown);
    const found = error instanceof ConfigError ? error.problems.map(({ message }) => message) : [];
    expect(found).toHaveLength(3);
    expect(found[0]).toContain('4:5: receivers::sqlite: unknown key "presett"; did you mean "preset"?');
    expect(found[1]).toContain('5:15: receivers::sqlite::timezone: no time zone "Mars/Base"');
    expect(found[2]).toContain('receivers::sqlite::tables::jobs::metrics::0::value: SQL expression "sum(x)"');
  });
});

describe('the example of the README', () => {
  it('runs as it stands', async () => {
    const readme = fs.readFileSync(new URL('../../../receivers/sqlite/README.md', import.meta.url), 'utf8');
    const block = (language: string): string[] =>
      [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map((match) => match[1]!);
    const mapping = block('yaml').find((text) => text.includes('sqlite/print'));
    const receiver = (parse(mapping!) as { receivers: Record<string, Record<string, unknown>> }).receivers[
      'sqlite/print'
    ]!;
    delete receiver.database;
    delete receiver.storage;
    using workspace = new Workspace();
    const database = new Database(workspace.file('jobs.db'));
    database.exec(block('sql')[0]!);
    database.exec(`INSERT INTO jobs (queued_at, printer, pages, finished_at, failure, events) VALUES
      ('2026-11-22 11:00:00', 'a', 3, '2026-11-22 11:00:30', NULL, '[{"kind":"jam","seconds":40},{"kind":"paper"}]'),
      ('2026-11-22 11:00:00', 'a', 9, '2026-11-22 11:10:00', 'no toner', '[]'),
      ('2026-11-22 12:59:00', 'b', 1, NULL, NULL, NULL),
      ('2026-11-19 12:59:00', 'b', 1, NULL, NULL, NULL)`);
    await using collector = await Collector.start(workspace.file('jobs.db'), {
      receiver: { preset: [], ...receiver },
      clock: new Clock(),
    });
    const samples = collector.samples();
    const expected = {
      'print_jobs_total{outcome="printed",printer="a"}': 1,
      'print_jobs_total{outcome="failed",printer="a"}': 1,
      'print_jobs_total{outcome="abandoned",printer="a"}': 0,
      'print_jobs_total{outcome="abandoned",printer="b"}': 1,
      'print_job_duration_seconds_sum{printer="a"}': 630,
      'print_job_duration_seconds_bucket{le="32",printer="a"}': 1,
      'print_pages_total{printer="a"}': 3,
      'print_jobs_queued{printer="b"}': 1,
      print_jam_time_seconds_total: 40,
      print_printers_total: 2,
      'print_queue_length{printer="b"}': 2,
    };
    for (const [key, value] of Object.entries(expected)) expect([key, samples.get(key)]).toEqual([key, value]);
    database.close();
  });
});

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { once } from '../../src/commands/once.ts';
import { run } from '../../src/commands/run.ts';
import { validate } from '../../src/commands/validate.ts';
import { ConfigError } from '../../src/errors.ts';
import { capture } from './capture.ts';
import { jobsConfig, jobsDatabase } from './jobs.ts';

let folder: string;
let out: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-validate-'));
  out = '';
  capture(process.stdout, (text) => (out += text));
});

afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(folder, { recursive: true, force: true });
});

function check(sets: readonly string[] = [], options = {}): Promise<number> {
  const files = [path.join(folder, 'jobs.yaml')];
  return validate({ files, sets, strict: false, json: false, ...options });
}

/** jobs.yaml with totals that are kept, and what else is set. */
function stored(receiver: string): readonly string[] {
  return [
    `extensions::file_storage::directory=${folder}/state`,
    'service::extensions=[file_storage]',
    `receivers::${receiver}::storage=file_storage`,
  ];
}

test('when all is well, it says so, how sure the counts are, and what leaves', async () => {
  jobsDatabase(folder);
  jobsConfig(folder);
  expect(await check(['processors::strip_paths=', 'service::pipelines::metrics::processors=[strip_paths]'])).toBe(0);
  expect(out).toBe(`${folder}/jobs.yaml: OK

sqlite:
  without storage, all is read again at every start, and what was deleted at the source is forgotten
  table jobs: each row is counted once, row ids never come again; without identity, a replaced database may go unnoticed

attributes that prometheus gets from pipeline metrics:
  paths stripped: kind
`);
});

test('a database that is not there yet is no mistake', async () => {
  jobsConfig(folder);
  expect(await check([], { strict: true })).toBe(0);
  expect(out).toContain(`waiting for ${folder}/jobs.db`);
});

test('an SQL error is told with its place', async () => {
  jobsDatabase(folder);
  jobsConfig(folder);
  const config = path.join(folder, 'jobs.yaml');
  fs.writeFileSync(config, fs.readFileSync(config, 'utf8').replace('{kind: kind}', '{kind: knd}'));
  expect(await check()).toBe(1);
  expect(out).toContain(
    `${config}: 1 error\nerror: ${config}:4:40: receivers::sqlite::tables::jobs::attributes::kind: table jobs: no such column: knd\n`,
  );
});

test('a warning fails only if it shall', async () => {
  jobsConfig(folder);
  const sets = ['exporters::prometheus/b='];
  expect(await check(sets)).toBe(0);
  expect(out).toContain(
    'warning: --set exporters::prometheus/b: exporters: "prometheus/b" is configured, but used in no pipeline\n',
  );
  expect(await check(sets, { strict: true })).toBe(1);
});

describe('--json', () => {
  test('holds findings and attributes', async () => {
    jobsDatabase(folder);
    jobsConfig(folder);
    expect(await check([], { json: true })).toBe(0);
    expect(JSON.parse(out)).toEqual({
      valid: true,
      findings: [
        expect.objectContaining({ severity: 'note', component: 'sqlite' }),
        {
          severity: 'note',
          component: 'sqlite',
          message: expect.stringMatching(/^table jobs: each row/) as unknown,
          text: expect.stringMatching(
            /jobs.yaml:4:14: receivers::sqlite::tables::jobs: table jobs: each row/,
          ) as unknown,
        },
      ],
      exporters: [
        {
          exporter: 'prometheus',
          pipeline: 'metrics',
          attributes: [{ name: 'kind', treatments: [], metrics: ['jobs'] }],
          resource: [],
        },
      ],
    });
  });

  test('holds the mistakes of a configuration that is wrong', async () => {
    jobsConfig(folder, 'typo: 1');
    expect(await check([], { json: true })).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      valid: false,
      findings: [{ severity: 'error', text: expect.stringContaining('jobs.yaml:5:5') as unknown }],
    });
    await expect(check()).rejects.toThrow(ConfigError);
  });
});

describe('attributes', () => {
  const session = 'receivers::sqlite::tables::jobs::attributes={session_id: kind, other: kind}';

  test('a sensitive one that nothing hides is a mistake, for run as for validate', async () => {
    const file = jobsConfig(folder);
    const message = `${file}:7:23: service::pipelines::metrics::processors: attribute session_id of metric jobs would reach prometheus as it is; session_id is sensitive`;
    await expect(check([session])).rejects.toThrow(message);
    await expect(run([file], [session], new AbortController().signal)).rejects.toThrow(message);
    await expect(once([file], [session], new AbortController().signal)).rejects.toThrow(message);
  });

  test('what is sensitive tells why it leaves', async () => {
    jobsConfig(folder);
    expect(await check([session, 'service::privacy::allow=[session.id]'])).toBe(0);
    expect(out).toMatch(
      /\n {2}as they are: kind, other\n {2}as they are \(sensitive as \*session_id, allowed as session\.id\): session_id\n$/,
    );
    out = '';
    const hashed = [
      ...stored('sqlite'),
      session,
      'processors={hash: , strip_paths: , resource: {attributes: [{key: host.name, value: h, action: insert}]}}',
      'service::pipelines::metrics::processors=[hash, strip_paths, resource]',
    ];
    expect(await check(hashed)).toBe(0);
    expect(out).toMatch(
      /\n {2}paths stripped: kind, other\n {2}hashed, paths stripped \(sensitive as \*session_id, hidden\): session_id\n {2}of the resource: host\.name\n$/,
    );
  });

  test('none is none', async () => {
    jobsConfig(folder);
    await check(['receivers::sqlite::tables::jobs::metrics=[{name: jobs, type: counter, attributes: []}]']);
    expect(out).toMatch(/attributes that prometheus gets from pipeline metrics:\n {2}none\n$/);
  });
});

describe('state', () => {
  const renamed = [
    'receivers::sqlite/new={database: jobs.db, tables: {jobs: {metrics: [{name: jobs, type: counter}]}}}',
    'service::pipelines::metrics::receivers=[sqlite/new]',
  ];

  test('that nothing continues after a rename is told', async () => {
    jobsDatabase(folder);
    const config = jobsConfig(folder);
    const signal = new AbortController().signal;
    await once([config], stored('sqlite'), signal);
    out = '';
    expect(await check(stored('sqlite'))).toBe(0);
    expect(out).not.toContain('warning');
    expect(await check([...renamed, ...stored('sqlite/new')])).toBe(0);
    expect(out).toContain(
      'keeps the totals of jobs of sqlite in pipeline metrics, which the configuration does not name: what was renamed is counted anew',
    );
  });

  test('that cannot be looked into is a warning', async () => {
    jobsConfig(folder);
    fs.mkdirSync(path.join(folder, 'state'));
    fs.writeFileSync(path.join(folder, 'state', 'state.db'), 'no database, whatever its name says');
    expect(await check(stored('sqlite'))).toBe(0);
    expect(out).toMatch(/warning: .*extensions::file_storage: the state cannot be looked into: file is not a database/);
  });
});

import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { factories } from '../../src/components.ts';
import { ConfigError } from '../../src/errors.ts';
import { assemble } from '../../src/pipeline/assembly.ts';
import { Folder, loadIn } from '../config/loading.ts';
import { recorder } from './ledger.ts';

type Settings = Readonly<Record<string, unknown>>;

let folder: Folder;

beforeEach(() => {
  folder = new Folder();
});

afterEach(() => {
  folder[Symbol.dispose]();
});

interface Setup {
  readonly receivers: Readonly<Record<string, Settings>>;
  /** By pipeline; default: one of all receivers and the exporter `debug/1`. */
  readonly pipelines?: Readonly<Record<string, Settings>>;
  readonly processors?: Readonly<Record<string, Settings | null>>;
}

/** What an assembly refuses, without the folder. */
async function refusals({ receivers, pipelines, processors = {} }: Setup): Promise<readonly string[]> {
  const all = { receivers: Object.keys(receivers), exporters: ['debug/1'] };
  const written = {
    receivers,
    processors: { hash: { key: 'k'.repeat(32) }, strip_paths: null, ...processors },
    exporters: { 'debug/1': null, 'debug/2': null },
    extensions: { file_storage: { directory: folder.path } },
    service: {
      extensions: ['file_storage'],
      pipelines: Object.fromEntries(
        Object.entries(pipelines ?? { metrics: all }).map(([id, plan]) => [
          id,
          { processors: ['hash', 'strip_paths'], ...plan },
        ]),
      ),
    },
  };
  const config = await loadIn(folder, [stringify(written)], { factories });
  try {
    await assemble(config, { logger: recorder(), now: Date.now });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ message }) => message.replaceAll(folder.path, ''));
  }
}

const counts = (database: string | readonly string[]): Settings => ({
  ...rows('rows', 'one'),
  database: typeof database === 'string' ? path.join(folder.path, database) : database,
});
const hooks = (database: string): Settings => ({ database: path.join(folder.path, database), storage: 'file_storage' });
const rows = (metric: string, from: string, more: Settings = {}): Settings => ({
  database: path.join(folder.path, 'a.db'),
  tables: { rows: { from, metrics: [{ name: metric, type: 'counter', ...more }] } },
});

/** The first one loads every component, from its sources. */
const SLOW = { timeout: 120_000 };

describe('the same metric of the same table', SLOW, () => {
  test('is refused where two receivers read it for one exporter, there or not: named are both, the file and what to do', async () => {
    const agents = { database: path.join(folder.path, 'a.db'), preset: 'agent_workflow' };
    const found = await refusals({ receivers: { 'sqlite/agents': agents, claude_code_hooks: hooks('a.db') } });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(
      /^\/a\.yaml:\d+:\d+: receivers::claude_code_hooks::database: \/a\.db is read by receiver "sqlite\/agents", too: exporter "debug\/1" would count .* and \d+ more of .*agent_invocations.* twice; take one of the two receivers out, /,
    );
  });

  test('is refused through two pipelines of one exporter, and not of two', async () => {
    const receivers = { 'sqlite/1': counts('a.db'), 'sqlite/2': counts('a.db') };
    const pipelines = (second: string) => ({
      'metrics/1': { receivers: ['sqlite/1'], exporters: ['debug/1'] },
      'metrics/2': { receivers: ['sqlite/2'], exporters: [second] },
    });
    expect(await refusals({ receivers, pipelines: pipelines('debug/1') })).toHaveLength(1);
    expect(await refusals({ receivers, pipelines: pipelines('debug/2') })).toEqual([]);
  });

  test('is found out through symbolic links, of files and folders', async () => {
    fs.mkdirSync(path.join(folder.path, 'data'));
    fs.symlinkSync('data', path.join(folder.path, 'link'));
    const there = { 'sqlite/1': counts('data/a.db'), 'sqlite/2': counts('link/a.db') };
    expect(await refusals({ receivers: there })).toHaveLength(1);
    folder.write('data/a.db', '');
    fs.symlinkSync('data/a.db', path.join(folder.path, 'b.db'));
    const [found] = await refusals({ receivers: { 'sqlite/1': counts('link/a.db'), 'sqlite/2': counts('b.db') } });
    expect(found).toContain('/b.db is the same file as /link/a.db, which receiver "sqlite/1" reads: exporter');
  });

  test('is found out in lists and globs, and of a file that one receiver names twice', async () => {
    folder.write('a.db', '');
    fs.symlinkSync('a.db', path.join(folder.path, 'b.db'));
    const glob = counts('a*.db');
    expect(await refusals({ receivers: { 'sqlite/1': glob, 'sqlite/2': counts('a.db') } })).toHaveLength(1);
    const list = counts(['a.db', 'b.db'].map((name) => path.join(folder.path, name)));
    const [found] = await refusals({ receivers: { sqlite: list } });
    expect(found).toContain('/b.db is the same file as /a.db, which it names, too: exporter');
    expect(found).toMatch(/twice; name the file once$/);
  });
});

describe('one file is for two receivers', () => {
  test.each([
    ['other tables', () => rows('rows', 'two')],
    ['other metrics of a table', () => rows('other', 'one')],
    ['a gauge, which is the same twice', () => rows('rows', 'one', { type: 'gauge', value: 'x' })],
  ])('of %s', async (_, second) => {
    const first = second()['tables'];
    const isGauge = JSON.stringify(first).includes('gauge');
    const receivers = { 'sqlite/1': isGauge ? second() : rows('rows', 'one'), 'sqlite/2': second() };
    expect(await refusals({ receivers })).toEqual([]);
  });

  test('of a metric that the processors of one drop', async () => {
    const plan = (id: string, processors: readonly string[]) => ({
      receivers: [id],
      processors,
      exporters: ['debug/1'],
    });
    const setup = (processors: readonly string[]): Setup => ({
      receivers: { 'sqlite/1': rows('rows', 'one'), 'sqlite/2': rows('rows', 'ONE') },
      processors: { filter: { exclude: [{ metric_names: ['rows'] }] } },
      pipelines: { 'metrics/1': plan('sqlite/1', []), 'metrics/2': plan('sqlite/2', processors) },
    });
    expect(await refusals(setup([]))).toHaveLength(1);
    expect(await refusals(setup(['filter']))).toEqual([]);
  });

  test('of one table that a mapping lets one receiver read for several entries of a metric', async () => {
    const counter = { metrics: [{ name: 'rows', type: 'counter' }] };
    const tables = { a: { from: 'one', where: 'x', ...counter }, b: { from: 'one', where: 'NOT x', ...counter } };
    expect(await refusals({ receivers: { sqlite: { ...rows('rows', 'one'), tables } } })).toEqual([]);
  });
});

describe('records of one table', SLOW, () => {
  const records: Readonly<Record<string, Settings>> = {
    traces: { spans: [{ name: "'job'", trace: 'id', id: 'id', start: 'at' }] },
    logs: { logs: [{ event_name: "'job'", time: 'at' }] },
  };
  const setup = (signal: string, exporters: readonly string[]): Setup => ({
    receivers: Object.fromEntries(
      ['sqlite/1', 'sqlite/2'].map((id) => [
        id,
        { database: path.join(folder.path, 'a.db'), storage: 'file_storage', tables: { jobs: records[signal] } },
      ]),
    ),
    pipelines: {
      [`${signal}/1`]: { receivers: ['sqlite/1'], exporters: ['debug/1'] },
      [`${signal}/2`]: { receivers: ['sqlite/2'], exporters },
    },
  });

  test.each([
    ['traces', 'spans'],
    ['logs', 'log records'],
  ])('are refused where two receivers of %s read it for one exporter', async (signal, kind) => {
    const [found, ...more] = await refusals(setup(signal, ['debug/1', 'debug/2']));
    expect(found).toContain(
      `exporter "debug/1" would be sent ${kind} of jobs twice; take one of the two receivers out`,
    );
    expect(more).toEqual([]);
    expect(await refusals(setup(signal, ['debug/2']))).toEqual([]);
    const { receivers, ...plan } = setup(signal, ['debug/1']);
    const others = { ...records[signal], from: 'jobs', where: 'x' };
    const second = { ...receivers['sqlite/2'], tables: { jobs: others } };
    expect(await refusals({ receivers: { ...receivers, 'sqlite/2': second }, ...plan })).toEqual([]);
  });
});

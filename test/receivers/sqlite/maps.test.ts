import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { sqliteReceiver } from '../../../receivers/sqlite/factory.ts';
import { expandMaps, mapNames } from '../../../receivers/sqlite/maps.ts';
import type { Problem } from '../../../src/errors.ts';
import { createAgentWorkflow, HookLogger } from '../../fixtures/agent-workflow.ts';
import { filledConfig } from '../../component-suite.ts';
import { Collector, HOUR, NOON, Workspace, ZONE } from '../../main-job/harness.ts';

async function problems(config: Readonly<Record<string, unknown>>): Promise<readonly Problem[]> {
  return (await sqliteReceiver.check?.(filledConfig(sqliteReceiver, { database: '/x.db', ...config }))) ?? [];
}

const maps = { sizes: { a4: 'small', "d'oh": "it's" }, none: {} };

describe('map()', () => {
  const database = new Database(':memory:');
  const valueOf = (expression: string): unknown =>
    database
      .prepare(`SELECT ${expandMaps(expression, maps)} FROM (SELECT 'a4' AS x, NULL AS y)`)
      .pluck()
      .get();

  it.each([
    ["map('sizes', x)", 'small'],
    ["MAP ( 'sizes' , lower(x || '') )", 'small'],
    ["map('sizes', 'd''oh')", "it's"],
    ["map('sizes', 'a5')", null],
    ["map('sizes', y)", null],
    ["map('none', x)", null],
    ["coalesce(map('sizes', y), map('sizes', x), 'unknown')", 'small'],
    ["map('sizes', CASE WHEN map('sizes', x) = 'small' THEN 'd''oh' END)", "it's"],
    ["'map(''sizes'', x)'", "map('sizes', x)"],
    ["length(map('sizes', substr('xa4', 2)))", 5],
  ])('%s is %j', (expression, value) => {
    expect(valueOf(expression)).toBe(value);
  });

  it.each(["map('other', x)", 'map(sizes, x)', "map('sizes'", 'map + 1', '"map"(\'sizes\', x)', "map(x'00', x)"])(
    'leaves %s to SQLite',
    (expression) => {
      expect(expandMaps(expression, maps)).toBe(expression);
    },
  );

  it('is found wherever it is called', () => {
    expect(mapNames("coalesce(map('a', map('b', x)), map('c', y), 'map(''d'', z)')")).toEqual(new Set(['a', 'b', 'c']));
  });
});

describe('maps', () => {
  it('that an expression looks into must be there', async () => {
    const jobs = { metrics: [{ name: 'jobs', type: 'counter', set: { size: "map('size', x)" } }] };
    const [problem, ...others] = await problems({ maps: { sizes: {} }, tables: { jobs } });
    expect(problem?.path).toEqual(['tables', 'jobs', 'metrics', 0, 'set', 'size']);
    expect(problem?.message).toMatch(/looks into a map "size" that is not there; did you mean "sizes"\?/);
    expect(others.map(({ message }) => message)).toEqual([
      'no expression looks into a map "sizes"; did you mean "size"?',
    ]);
  });

  it('that nothing looks into are misspelt', async () => {
    expect(await problems({ preset: 'agent_workflow', maps: { phase: { architect: 'planning' } } })).toEqual([
      { path: ['maps', 'phase'], message: 'no expression looks into a map "phase"; did you mean "phases"?' },
    ]);
  });

  it('of the user fill those of the preset, and a change counts anew what they decide, and nothing else', async () => {
    using workspace = new Workspace();
    const file = workspace.file('agent_workflow.db');
    const logger = new HookLogger(createAgentWorkflow(file), ZONE);
    const finish = (agent: string, phase: string | null): void => {
      const id = logger.invocationStart({ session: 'a', agent, phase, at: NOON - HOUR });
      logger.invocationEnd(id, { at: NOON, durationSeconds: 2, rawOutput: '{"usage":{"output_tokens":5}}' });
    };
    finish('architect', null);
    finish('reviewer', 'unknown');
    finish('developer', 'building');
    const start = (phases: Readonly<Record<string, string>>): Promise<Collector> =>
      Collector.start(file, { storage: workspace.file('state'), receiver: { maps: { phases } } });
    const phases = (collector: Collector): string[] =>
      [...collector.samples().keys()].flatMap((key) => {
        const match = /invocations_total\{.*phase="(.*)",agent_workflow_status="completed",.*name="(.*)"/.exec(key);
        return match === null ? [] : [`${match[2]!} ${match[1]!}`];
      });
    const before = await start({ architect: 'planning', developer: 'development' });
    expect(phases(before).sort()).toEqual(['architect planning', 'developer building', 'reviewer unknown']);
    await before.stop();
    logger.db.exec("DELETE FROM agent_invocations WHERE agent_name = 'reviewer'");
    await using after = await start({ architect: 'design' });
    expect(phases(after).sort()).toEqual(['architect design', 'developer building']);
    expect(
      after.samples().get('agent_workflow_tokens_total{gen_ai_agent_name="reviewer",gen_ai_token_type="output"}'),
    ).toBe(5);
    logger.close();
  });
});

describe('optional attributes', () => {
  const jobs = {
    attributes: { kind: 'kind' },
    optional_attributes: { place: 'place', owner: 'owner' },
    metrics: [
      { name: 'all', type: 'counter' },
      { name: 'few', type: 'counter', attributes: ['owner'] },
      { name: 'none', type: 'counter', attributes: [] },
    ],
  };

  it('are published only where the receiver names them, by metrics that list them or list none', async () => {
    using workspace = new Workspace();
    const database = new Database(workspace.file('jobs.db'));
    database.exec(
      "CREATE TABLE jobs (id INTEGER PRIMARY KEY, kind, place, owner); INSERT INTO jobs VALUES (1, 'k', 'p', 'o')",
    );
    database.close();
    const published = async (optional_attributes: readonly string[]): Promise<string[]> => {
      await using collector = await Collector.start(workspace.file('jobs.db'), {
        receiver: { preset: [], tables: { jobs }, optional_attributes },
      });
      return [...collector.samples().keys()].sort();
    };
    expect(await published([])).toEqual(['all_total{kind="k"}', 'few_total', 'none_total']);
    expect(await published(['owner'])).toEqual(['all_total{kind="k",owner="o"}', 'few_total{owner="o"}', 'none_total']);
  });

  it('that no table has are refused, with those that there are', async () => {
    expect(await problems({ tables: { jobs }, optional_attributes: ['ower'] })).toEqual([
      {
        path: ['optional_attributes', 0],
        message: 'no table has an optional attribute "ower"; did you mean "owner"? (there are: place, owner)',
      },
    ]);
    const plain = { metrics: [{ name: 'jobs', type: 'counter' }] };
    const [problem] = await problems({ tables: { plain }, optional_attributes: ['owner'] });
    expect(problem?.message).toMatch(/\(there are: none\)$/);
  });

  it('are checked whether they are published or not', async () => {
    const wrong = { ...jobs, optional_attributes: { kind: 'kind', owner: 'own(er' } };
    const found = await problems({ tables: { jobs: wrong } });
    expect(found.map(({ path, message }) => [path.join('.'), message])).toEqual([
      ['tables.jobs.optional_attributes.kind', '"kind" is an attribute of the table already'],
      ['tables.jobs.optional_attributes.owner', expect.stringMatching(/SQL expression "own\(er"/)],
    ]);
  });

  it('of the preset are the project and the model', async () => {
    const wanted = ['agent_workflow.project', 'gen_ai.request.model'];
    expect(await problems({ preset: 'agent_workflow', optional_attributes: wanted })).toEqual([]);
  });
});

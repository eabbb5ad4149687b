import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createAgentWorkflow, HookLogger } from '../../fixtures/agent-workflow.ts';
import { Collector, NOON, Workspace, ZONE } from '../../main-job/harness.ts';
import { recount } from '../../oracle/recount.ts';
import { add, differences, type Samples } from '../../oracle/samples.ts';
import { requirement } from '../requirement.ts';

const promtool = requirement('promtool (Debian package prometheus)', spawnSync('promtool', ['--version']).status === 0);

/** What a label must not break. No path among them: strip_paths would change it. */
const VALUES: readonly string[] = [
  'two\nlines',
  'carriage\rreturn, tab\t, bell\u0007, escape\u001b[31m',
  '"quoted"',
  "'",
  'back\\slash, back\\nslash, \\',
  'nul\0in the middle',
  '\0',
  '\ufffd',
  '} 1\nagent_workflow_sessions_total 99',
  '# HELP x y\n# TYPE x counter\nx 1',
  '{a="b"}',
  'a,b=c',
  '\u2028 and \u0085',
  '\ufeffbyte order mark',
  'right \u202e to left',
  'emoji \u{1f600}\u200d\u{1f680}',
  'combining e\u0301',
  "'; DROP TABLE agent_invocations; --",
  '${env:HOME} $$ %s %00',
  '__proto__',
  'constructor',
  '1e309',
  ' spaces ',
];

/** Text that is no UTF-8: what a writer with other ideas of text leaves. SQLite stores it as it stands. */
const BROKEN: readonly string[] = ['eda080', 'edb080', 'ff', 'c3', '61ff62', 'f4908080', 'e282'];

const ACTIVE = 'agent_workflow_invocations_active';
const LONGEST = 1024;

/** As labels can hold it: OpenMetrics knows no NUL. */
function withoutNul(samples: Samples): Samples {
  const shown: Samples = new Map();
  for (const [key, value] of samples) {
    const label = key.replaceAll('\\u0000', '\ufffd');
    const before = shown.get(label);
    const both = before === undefined ? value : key.includes('_timestamp_') ? Math.max(before, value) : before + value;
    shown.set(label, both);
  }
  return shown;
}

/** Totals that the broken texts may be published under, whatever became of them. */
function totalOf(samples: Samples, name: string): number {
  return [...samples].filter(([key]) => key.startsWith(`${name}{`)).reduce((sum, [, value]) => sum + value, 0);
}

function readable(text: string): void {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect(`${stdout}${stderr}`).not.toMatch(/error|duplicate/i);
  expect(status === 0 || status === 3).toBe(true); // 3: remarks of style
}

describe.skipIf(!promtool.met)(`values that were never meant to be labels${promtool.reason}`, () => {
  it('are published as they stand, and Prometheus reads them', async () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    const logger = new HookLogger(createAgentWorkflow(database), ZONE);
    for (const value of VALUES) {
      const id = logger.invocationStart({ session: value, agent: value, phase: value, at: NOON });
      logger.invocationEnd(id, { at: NOON, durationSeconds: 1, rawOutput: value, status: value });
      logger.invocationStart({ session: value, agent: value, phase: value, at: NOON });
      const tool = logger.toolStart({ session: value, agent: value, tool: value, at: NOON });
      logger.toolEnd(tool, { at: NOON, durationSeconds: 1, status: 'error' });
    }
    const storage = workspace.file('state');
    {
      await using collector = await Collector.start(database, { storage });
      expect(differences(withoutNul(recount(database, NOON, ZONE)), collector.samples())).toEqual([]);
      readable(collector.exposition());
    }
    await using again = await Collector.start(database, { storage });
    expect(differences(withoutNul(recount(database, NOON, ZONE)), again.samples())).toEqual([]);
    logger.close();
  });

  it('that are no UTF-8 are counted all the same, and each series is there once', async () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    const logger = new HookLogger(createAgentWorkflow(database), ZONE);
    for (const hex of BROKEN) {
      const id = logger.invocationStart({ session: 'a', agent: 'to be broken', at: NOON });
      logger.db.exec(`UPDATE agent_invocations SET agent_name = CAST(x'${hex}' AS TEXT) WHERE id = ${id}`);
    }
    await using collector = await Collector.start(database, { storage: workspace.file('state') });
    expect(totalOf(collector.samples(), ACTIVE)).toBe(BROKEN.length);
    readable(collector.exposition());
    logger.db.exec(`UPDATE agent_invocations SET status = 'completed'`);
    await collector.equals(
      () => new Map([...collector.samples()].map(([key, value]) => [key, key.startsWith(ACTIVE) ? 0 : value])),
    );
    expect(totalOf(collector.samples(), 'agent_workflow_invocations_total')).toBe(BROKEN.length);
    logger.close();
  });

  it('of 1 MB are cut, and rows whose values are cut alike add up', async () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    const logger = new HookLogger(createAgentWorkflow(database), ZONE);
    const long = 'x'.repeat(1_048_576);
    for (const end of ['a', 'b', 'c']) {
      logger.invocationStart({ session: long + end, agent: long + end, at: NOON });
    }
    // The cut falls behind a character of two units, not into it.
    for (const end of ['a', 'b']) {
      logger.invocationStart({ session: 'a', agent: `${'y'.repeat(LONGEST - 1)}\u{1f600}${end}`, at: NOON });
    }
    await using collector = await Collector.start(database, { storage: workspace.file('state') });
    const expected: Samples = new Map();
    const phase = { agent_workflow_phase: 'development' };
    add(expected, ACTIVE, { ...phase, gen_ai_agent_name: 'x'.repeat(LONGEST) }, 3);
    add(expected, ACTIVE, { ...phase, gen_ai_agent_name: `${'y'.repeat(LONGEST - 1)}\u{1f600}` }, 2);
    const published = collector.samples();
    expect(new Map([...published].filter(([key]) => key.startsWith(ACTIVE)))).toEqual(expected);
    expect(published.get('agent_workflow_sessions_total')).toBe(4);
    readable(collector.exposition());
    expect(collector.exposition().length).toBeLessThan(100_000);
    logger.close();
  });

  it('as the name of the file: a database called anything is read', async () => {
    using workspace = new Workspace();
    for (const name of ["it's.db", 'two\nlines.db', 'per%20cent.db', 'ques?tion#.db', ' .db', 'ünï\u{1f600}.db']) {
      const database = workspace.file(name);
      const logger = new HookLogger(createAgentWorkflow(database), ZONE);
      logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
      logger.close();
      const config = { database: name.includes('?') ? workspace.file('ques?tion#.d?') : database };
      await using collector = await Collector.start(database, { receiver: config });
      expect(differences(recount(database, NOON, ZONE), collector.samples())).toEqual([]);
      fs.rmSync(database);
    }
  });
});

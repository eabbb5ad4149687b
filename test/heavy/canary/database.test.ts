import { describe, expect, it } from 'vitest';
import { prepareHookDatabase } from '../../../receivers/claude_code_hooks/prepare.ts';
import { Marks } from '../../canary/marks.ts';
import { OPTIONAL, PUBLISHED } from '../../canary/published.ts';
import { seedEveryColumn } from '../../canary/rows.ts';
import { SHAPES } from '../../canary/shapes.ts';
import { createAgentWorkflow } from '../../fixtures/agent-workflow.ts';
import { expectPublishedOnly } from './search.ts';
import { Stage, type StageOptions } from './stage.ts';

/** A mapping of a user's own, which publishes what nobody should without saying so. */
const OWN_MAPPING = {
  tables: {
    calls: {
      from: 'agent_tool_uses',
      identity: ['session_id'],
      attributes: { session_id: 'session_id', note: 'tool_input' },
      metrics: [{ name: 'calls', type: 'counter', description: 'Calls by session', of: 'all' }],
    },
  },
};

describe.each([
  {
    of: 'the older hook logger',
    create: (file: string) => createAgentWorkflow(file, { journalMode: 'wal' }),
    optional: [],
  },
  { of: "agentcol's own hooks", create: (file: string) => prepareHookDatabase(file), optional: OPTIONAL },
])('a secret of every shape in every column of a database of $of', ({ create, optional }) => {
  it.each<[string, StageOptions, readonly string[]]>([
    ['by default', {}, PUBLISHED],
    [
      'where the user publishes more: what is listed, and nothing else',
      {
        receiver: { optional_attributes: ['agent_workflow.project', 'gen_ai.request.model'], ...OWN_MAPPING },
        privacy: { allow: ['note'] },
      },
      [...PUBLISHED, ...optional, 'agent_tool_uses.tool_input'],
    ],
  ])('is in no output of the running program, %s', async (_, options, published) => {
    await using stage = new Stage(options);
    const marks = new Marks();
    const db = create(stage.database);
    const seeded = seedEveryColumn(db, marks, Object.keys(SHAPES));
    const shown = published.filter((column) => seeded.includes(column)).toSorted();
    stage.start();
    await stage.shows(() => true);
    expect(expectPublishedOnly(published, await stage.outputs(), marks)).toEqual(shown);
    db.close();
    const last = await stage.stop();
    last.set('--once', stage.command(['--allow-root', '--once', '--config', stage.config]));
    expect(expectPublishedOnly(published, last, marks)).toEqual(shown);
  });
});

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { prepareHookDatabase } from '../../../receivers/claude_code_hooks/prepare.ts';
import { Marks } from '../../canary/marks.ts';
import { columnsOf, OPTIONAL, PUBLISHED, RECORDED } from '../../canary/published.ts';
import { seedEveryColumn } from '../../canary/rows.ts';
import { SHAPES } from '../../canary/shapes.ts';
import { Endpoint } from '../../exporters/otlp_http/endpoint.ts';
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

  it('is in no metric, span or log record that is sent, written to a file or printed, but where it is published', async () => {
    await using endpoint = await Endpoint.open();
    await using stage = new Stage({ otlp: endpoint.url });
    const marks = new Marks();
    const db = create(stage.database);
    const seeded = seedEveryColumn(db, marks, Object.keys(SHAPES));
    db.close();
    const published = [...PUBLISHED, ...RECORDED];
    const shown = published.filter((column) => seeded.includes(column)).toSorted();
    const sent = (): string => endpoint.received.map(({ path, body }) => `${path} ${body.toString()}`).join('\n');
    let searched = 0;
    stage.start();
    await stage.shows(() => {
      if (endpoint.received.length === searched) return false;
      searched = endpoint.received.length;
      return columnsOf(marks.found(sent())).length === shown.length;
    });
    const status = (await stage.ask('health', '/status')).body;
    const own = (await stage.ask('own', '/metrics')).body;
    const outputs = await stage.stop();
    outputs.set('status', status).set('own metrics', own).set('OTLP', sent()).set('file', fs.readFileSync(stage.sent));
    for (const file of fs.readdirSync(stage.storage)) {
      outputs.set(`state: ${file}`, fs.readFileSync(path.join(stage.storage, file)));
    }
    expectPublishedOnly(published, outputs, marks);
    for (const signal of ['metrics', 'traces', 'logs']) expect(sent()).toContain(`/v1/${signal} `);
    for (const name of ['OTLP', 'file', 'standard output']) {
      expect([name, columnsOf(marks.found(outputs.get(name)!))]).toEqual([name, shown]);
    }
  });
});

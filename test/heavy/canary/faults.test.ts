import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Marks } from '../../canary/marks.ts';
import { columnsOf, PUBLISHED } from '../../canary/published.ts';
import { seedEveryColumn } from '../../canary/rows.ts';
import { SHAPES } from '../../canary/shapes.ts';
import { createAgentWorkflow } from '../../fixtures/agent-workflow.ts';
import { expectPublishedOnly } from './search.ts';
import { Stage } from './stage.ts';

/** Expressions that fail on what a row holds; SQLite quotes some of it. */
const FAILING = [
  "json_extract('{}', tool_input)",
  "json_extract(tool_input, '$.a')",
  "json_set('{}', tool_input, 1)",
  "'x' LIKE tool_input ESCAPE tool_input",
  "tool_input -> '$['",
  'zeroblob(9e18) || tool_input',
];

/** What the log says of it. */
const FAILED = /expression of the mapping fails on a row|malformed JSON|too big/;

/** A timer that throws, as a fault in one part of the program would. */
function fault(mark: string, kind: 'thrown' | 'rejected', delayMs: number): string {
  const error = `new SyntaxError('Unexpected token in ' + ['${mark}'].join())`;
  const act = kind === 'thrown' ? `throw ${error}` : `Promise.reject(${error})`;
  return `data:text/javascript,setTimeout(()=>{${act}},${delayMs})`;
}

describe('nothing of a row is told', () => {
  it.each(FAILING)('by the failure of %s', async (expression) => {
    const tables = {
      failing: {
        from: 'agent_tool_uses',
        identity: ['session_id'],
        attributes: { note: expression },
        metrics: [{ name: 'failing', type: 'counter', description: 'Fails', of: 'all' }],
      },
    };
    await using stage = new Stage({ receiver: { tables }, privacy: { allow: ['note'] } });
    const marks = new Marks();
    const db = createAgentWorkflow(stage.database);
    seedEveryColumn(db, marks, Object.keys(SHAPES));
    stage.start();
    await stage.shows((metrics, log) => metrics.includes('tool_calls') && FAILED.test(log));
    expectPublishedOnly([...PUBLISHED, 'agent_tool_uses.tool_input'], await stage.outputs(), marks);
    db.close();
    expectPublishedOnly([...PUBLISHED, 'agent_tool_uses.tool_input'], await stage.stop(), marks);
  });

  it('by a database whose pages are overwritten while it is read', async () => {
    await using stage = new Stage();
    const marks = new Marks();
    const db = createAgentWorkflow(stage.database);
    seedEveryColumn(db, marks, Object.keys(SHAPES));
    db.close();
    stage.start();
    await stage.shows(() => true);
    const pages = fs.readFileSync(stage.database);
    // All but the header, and the counter in it that tells of a change.
    pages.fill(Buffer.from(marks.at('a page')), 100);
    pages.writeUInt32BE(pages.readUInt32BE(24) + 1, 24);
    fs.writeFileSync(stage.database, pages);
    await stage.shows((_, log) => /corrupt|malformed|not an SQLite database/.test(log));
    expectPublishedOnly(PUBLISHED, await stage.outputs(), marks);
    expectPublishedOnly(PUBLISHED, await stage.stop(), marks);
  });

  it('by a file that is no database', async () => {
    await using stage = new Stage();
    const marks = new Marks();
    fs.writeFileSync(stage.database, `${marks.at('a file')}\n`.repeat(1000));
    stage.start();
    await stage.shows((_, log) => log.includes('not an SQLite database'));
    expect(expectPublishedOnly([], await stage.outputs(), marks)).toEqual([]);
    expectPublishedOnly([], await stage.stop(), marks);
  });
});

describe('a fault of the program itself', () => {
  it.each(['thrown', 'rejected'] as const)('%s while it runs tells where, not what', async (kind) => {
    const marks = new Marks();
    await using stage = new Stage({ node: ['--import', fault(marks.at('the message of a fault'), kind, 3000)] });
    stage.start();
    await stage.shows((_, log) => log.includes('unexpected error (SyntaxError)'));
    const { log } = stage;
    // Frames of the fault itself are of this test's own making, and hold its text.
    const frames = log.split('\n').map((line) => line.replaceAll(/at [^"]*data:[^"]*/g, ''));
    expect(columnsOf(marks.found(frames.join('\n')))).toEqual([]);
  });
});

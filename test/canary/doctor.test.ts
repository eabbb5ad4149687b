import { expect, it } from 'vitest';
import { prepareHookDatabase } from '../../receivers/claude_code_hooks/prepare.ts';
import { checkDatabase } from '../../src/commands/doctor-database.ts';
import { Workspace } from '../main-job/harness.ts';
import { Marks } from './marks.ts';
import { seedEveryColumn } from './rows.ts';
import { SHAPES } from './shapes.ts';

// Each alone: doctor shows greatest values, and one of them would hide the others.
it.each(Object.keys(SHAPES))('doctor shows nothing of what a row holds: a %s in every column', async (shape) => {
  using workspace = new Workspace();
  const marks = new Marks();
  const database = workspace.file('agent_workflow.db');
  const db = prepareHookDatabase(database);
  seedEveryColumn(db, marks, [shape]);
  db.close();
  const findings = await checkDatabase(database);
  expect(findings.map(({ check }) => check)).toContain('refusals');
  expect(marks.found(JSON.stringify(findings))).toEqual([]);
});

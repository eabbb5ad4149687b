import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAgentWorkflow, HookLogger } from '../fixtures/agent-workflow.ts';
import { recount } from '../oracle/recount.ts';
import { differences, type Samples } from '../oracle/samples.ts';
import { Collector, NOON, Workspace, ZONE } from './harness.ts';

interface Row {
  readonly agent: string;
  readonly seconds: number;
  readonly status: string;
  readonly open: boolean;
}

const row: fc.Arbitrary<Row> = fc.record({
  agent: fc.constantFrom('architect', 'task-planner'),
  seconds: fc.double({ min: 0, max: 1e7, noNaN: true }),
  status: fc.constantFrom('completed', 'failed'),
  open: fc.boolean(),
});

/** The rows in this order, in commits of this size, followed while they come. */
async function follow(rows: readonly Row[], rowsPerCommit: number): Promise<Samples> {
  using workspace = new Workspace();
  const database = workspace.file('agent_workflow.db');
  const logger = new HookLogger(createAgentWorkflow(database), ZONE);
  await using collector = await Collector.start(database);
  for (let from = 0; from < rows.length; from += rowsPerCommit) {
    logger.transaction(() => {
      for (const { agent, seconds, status, open } of rows.slice(from, from + rowsPerCommit)) {
        const id = logger.invocationStart({ session: 'a', agent, at: NOON });
        if (!open) logger.invocationEnd(id, { at: NOON, durationSeconds: seconds, status });
      }
    });
    await collector.equals(recount(database, NOON, ZONE));
  }
  logger.db.exec(`UPDATE agent_invocations SET status = 'completed' WHERE status = 'started'`);
  await collector.equals(recount(database, NOON, ZONE));
  logger.close();
  return collector.samples();
}

describe('totals', () => {
  it('are the same in any order of rows and any size of pages, to the last bit', { timeout: 60_000 }, async () => {
    const shuffled = fc
      .array(row, { minLength: 1, maxLength: 60 })
      .chain((rows) => fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length })));
    await fc.assert(
      fc.asyncProperty(shuffled, fc.integer({ min: 3, max: 60 }), async ([rows, other], rowsPerCommit) => {
        const one = await follow(rows, rows.length);
        const many = await follow(other, rowsPerCommit);
        expect(differences(one, many, { ignore: ['agent_workflow_database_size_bytes'] })).toEqual([]);
        const sums = [...one].filter(([key]) => key.includes('_sum'));
        expect(sums.map(([key]) => [key, many.get(key)])).toEqual(sums);
        const active = [...many].filter(([key]) => key.startsWith('agent_workflow_invocations_active'));
        expect(active.every(([, value]) => value === 0)).toBe(true);
      }),
      { numRuns: 6 },
    );
  });
});

import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exposition } from '../../exporters/prometheus/exposition.ts';
import { describeChanges } from '../../exporters/debug/text.ts';
import { reportOf } from '../../extensions/health_check/report.ts';
import { prepareHookDatabase } from '../../receivers/claude_code_hooks/prepare.ts';
import { createAgentWorkflow } from '../fixtures/agent-workflow.ts';
import { Collector, Workspace } from '../main-job/harness.ts';
import { Marks } from './marks.ts';
import { columnsOf, expectNoneBut, OPTIONAL, PUBLISHED } from './published.ts';
import { seedEveryColumn } from './rows.ts';
import { SHAPES } from './shapes.ts';

/** Only our own rows have optional attributes: what the older logger calls a model is a service tier. */
const DATABASES = [
  { of: 'the older hook logger', create: (file: string) => createAgentWorkflow(file), optional: [] },
  { of: "agentcol's own hooks", create: (file: string) => prepareHookDatabase(file), optional: OPTIONAL },
];
const ATTRIBUTES = ['agent_workflow.project', 'gen_ai.request.model'];

/** Everything that a collector shows of its sources, and the files that it keeps. */
function outputsOf(collector: Collector, storage: string): ReadonlyMap<string, string | Buffer> {
  const { service, logged } = collector;
  const outputs = new Map<string, string | Buffer>();
  for (const format of ['text', 'openmetrics'] as const) outputs.set(format, exposition(service.sources, format));
  for (const verbosity of ['basic', 'normal', 'detailed'] as const) {
    const texts = service.sources.map((source) => {
      const families = [...source.families.values()];
      const changes = families.flatMap((family) =>
        [...family.series.values()].map((series) => ({ family, series, removed: false })),
      );
      return describeChanges(source, changes, verbosity);
    });
    outputs.set(`debug, ${verbosity}`, texts.join('\n'));
  }
  outputs.set('log', logged.join('\n'));
  outputs.set('status', JSON.stringify([service.status, reportOf(service.status)]));
  for (const file of fs.readdirSync(storage)) outputs.set(file, fs.readFileSync(path.join(storage, file)));
  return outputs;
}

describe.each(DATABASES)('a secret in every column of the database of $of', ({ create, optional }) => {
  it.each([
    ['by default', [], PUBLISHED],
    ['with all optional attributes', ATTRIBUTES, [...PUBLISHED, ...optional]],
  ])('is shown nowhere but where it is published, %s', { timeout: 60_000 }, async (_, attributes, published) => {
    await fc.assert(
      fc.asyncProperty(fc.subarray(Object.keys(SHAPES), { minLength: 3 }), async (shapes) => {
        using workspace = new Workspace();
        const marks = new Marks();
        const database = workspace.file('agent_workflow.db');
        const db = create(database);
        const seeded = seedEveryColumn(db, marks, ['word', ...shapes]);
        db.close();
        const storage = workspace.file('state');
        await using collector = await Collector.start(database, {
          storage,
          receiver: { optional_attributes: attributes },
        });
        const found = new Map(
          [...outputsOf(collector, storage)].map(([output, content]) => [output, marks.found(content)]),
        );
        expectNoneBut(published, found);
        // What is published is there: the marks were read, and the search sees them.
        const shown = columnsOf(found.get('text')!);
        expect(shown).toEqual(published.filter((column) => seeded.includes(column)).toSorted());
      }),
      { numRuns: 4 },
    );
  });
});

import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Clock, Collector, HOUR, MINUTE, Workspace } from '../../main-job/harness.ts';
import * as family from '../../oracle/families.ts';
import { databaseFacts, databaseTexts } from './database-facts.ts';
import { expectedMetrics, publishedMetrics } from './expected-metrics.ts';
import { inParallel, runHook, type HookRun } from './hook-process.ts';
import { bytesOf, contentTexts, leaks } from './leaks.ts';
import { factDifferences, PayloadRecount } from './payload-recount.ts';
import { bySession, parse, recorded, recordedFiles } from './payloads.ts';
import { allowedValues, refusals, rowsOf } from './stored.ts';

const WORKERS = 3;

/** Every recorded line through a hook process of its own, in order within each session. */
describe.skipIf(!recorded.met)(`the recorded payloads${recorded.reason}`, () => {
  const workspace = new Workspace();
  const databases = new Map<string, string>();
  const runs: HookRun[] = [];

  beforeAll(async () => {
    const sessions: { readonly database: string; readonly lines: readonly string[] }[] = [];
    for (const [name, lines] of recordedFiles()) {
      const database = workspace.file(name, 'agent_workflow.db');
      databases.set(name, database);
      sessions.push(...bySession(lines).map((session) => ({ database, lines: session })));
    }
    sessions.sort((a, b) => b.lines.length - a.lines.length);
    await inParallel(sessions, WORKERS, async ({ database, lines }) => {
      for (const line of lines) runs.push(await runHook(database, line));
    });
  }, 2_400_000);

  afterAll(() => {
    workspace[Symbol.dispose]();
  });

  it('never trouble the agent: exit code 0, and not a byte of output', () => {
    expect(runs.length).toBeGreaterThan(3000);
    expect(runs.filter(({ code, stdout, stderr }) => code !== 0 || stdout !== '' || stderr !== '')).toEqual([]);
    const sorted = runs.map(({ elapsedMs }) => elapsedMs).sort((a, b) => a - b);
    console.log(
      `${runs.length} hook processes, ${WORKERS} at a time: p50 ${at(sorted, 0.5)} ms, p99 ${at(sorted, 0.99)} ms`,
    );
  });

  describe.each([...recordedFiles().keys()])('of %s', (name) => {
    const lines = recordedFiles().get(name) ?? [];

    function database(): string {
      return databases.get(name)!;
    }

    it('are refused in no case', () => {
      expect(refusals(database())).toEqual([]);
    });

    it('are stored as a recount of the payloads says', () => {
      const recount = new PayloadRecount();
      for (const line of lines) recount.add(line);
      expect(factDifferences(recount.facts(), databaseFacts(database()))).toEqual([]);
    });

    it.each([
      // Rows count as complete when late parts can no longer come.
      ['a minute after it', MINUTE, 'open'],
      ['a day later, when what has not ended counts as abandoned', 25 * HOUR, 'abandoned'],
    ] as const)('are published as a recount of the payloads says, %s', async (_, afterMs, unended) => {
      const recount = new PayloadRecount();
      for (const line of lines) recount.add(line);
      const clock = new Clock(Date.now() + afterMs);
      await using collector = await Collector.start(database(), { clock, zone: 'UTC' });
      const published = publishedMetrics(collector.samples());
      expect(factDifferences(expectedMetrics(recount.facts(), unended), published)).toEqual([]);
    });

    it('leave nothing of what was said, read, written or run in the database, the log and the metrics', async () => {
      const contents = new Set(lines.flatMap((line) => [...contentTexts(parse(line))]));
      const outputs = await outputsOf(database());
      const harmless = [...(await unrelatedTexts()), ...allowedValues(database())];
      expect(leaks(contents, outputs, harmless)).toEqual([]);
      // A search that finds nothing must be able to find something.
      const planted = [...contents].find((content) => bytesOf(content).length > 100)!;
      expect(leaks(contents, [...outputs, bytesOf(planted).slice(20, 60)], harmless)).not.toEqual([]);
    });
  });

  it('of home-assistant-green-button give 7 invocations, 6 of them complete', () => {
    const statuses = rowsOf(
      databases.get('home-assistant-green-button')!,
      'SELECT status, count(*) AS rows FROM agent_invocations GROUP BY status ORDER BY status',
    );
    expect(statuses).toEqual([
      { status: 'completed', rows: 6 },
      { status: 'started', rows: 1 },
    ]);
  });

  it('leave private files: nobody else can read them', () => {
    for (const database of databases.values()) {
      expect(fs.statSync(path.dirname(database)).mode & 0o777).toBe(0o700);
      for (const file of fs.readdirSync(path.dirname(database))) {
        expect([file, fs.statSync(path.join(path.dirname(database), file)).mode & 0o777]).toEqual([file, 0o600]);
      }
    }
  });
});

/** What an empty database, its collector, and the names of metrics say. */
async function unrelatedTexts(): Promise<readonly string[]> {
  using workspace = new Workspace();
  const database = workspace.file('hooks', 'agent_workflow.db');
  await runHook(database, '{}');
  const empty = (await outputsOf(database)).map((bytes) => Buffer.from(bytes, 'latin1').toString('utf8'));
  return [
    ...empty,
    ...Object.values(family).flatMap((name) => (typeof name === 'string' ? [`${name}_bucket`, `${name}_count`] : [])),
  ];
}

/** All that can be read afterwards, as bytes: columns, the files of the database and beside it, what is published. */
async function outputsOf(database: string): Promise<readonly string[]> {
  const folder = path.dirname(database);
  // The files first: a reader may tidy up the write-ahead log.
  const files = fs.readdirSync(folder).map((file) => fs.readFileSync(path.join(folder, file), 'latin1'));
  const texts = [...databaseTexts(database)].map(bytesOf);
  await using collector = await Collector.start(database, { clock: new Clock(Date.now() + 60_000), zone: 'UTC' });
  return [...files, texts.join('\0'), bytesOf(collector.exposition())];
}

function at(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
}

import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { HookLogger, openAgentWorkflow } from '../../fixtures/agent-workflow.ts';
import { Workspace } from '../../main-job/harness.ts';
import { migrationTable } from '../../project/migration-table.ts';
import { DefaultAgentcol } from '../default-agentcol.ts';
import { Variant } from '../alerting/variant.ts';
import { prometheus, PrometheusServer } from '../prometheus-server.ts';
import { requirement } from '../requirement.ts';
import { differencesOf, expected, RECOUNTS } from './recounts.ts';

const corpus = path.join(process.env.AGENTCOL_CORPUS ?? '', 'data/origin-db/attio.db');
const recorded = requirement('the recorded database ($AGENTCOL_CORPUS/data/origin-db/attio.db)', fs.existsSync(corpus));

const KEY = 'a key that only this test knows';
const MINUTE = 60_000;
const TIMES: Readonly<Record<string, readonly string[]>> = {
  agent_invocations: ['timestamp', 'start_time', 'end_time'],
  agent_tool_uses: ['timestamp', 'start_time', 'end_time'],
  sessions: ['start_time', 'end_time'],
};

/** The recorded database as if it had been written just now: its newest invocation started five minutes ago, UTC. */
function copyToNow(file: string): void {
  fs.copyFileSync(corpus, file);
  fs.chmodSync(file, 0o600);
  const db = openAgentWorkflow(file);
  const newest = db.prepare<[], number>(`SELECT max(unixepoch(start_time)) FROM agent_invocations`).pluck().get() ?? 0;
  const seconds = Math.round((Date.now() - 5 * MINUTE) / 1000) - newest;
  for (const [table, columns] of Object.entries(TIMES)) {
    const set = columns.map((column) => `${column} = strftime('%Y-%m-%dT%H:%M:%f', ${column}, '+${seconds} seconds')`);
    db.exec(`UPDATE ${table} SET ${set.join(', ')}`);
  }
  db.close();
}

/** Takes the newer half of the invocations and tool calls away; returns what writes them again. */
function halved(file: string, whole: string): () => void {
  const tables = ['agent_invocations', 'agent_tool_uses'];
  fs.copyFileSync(file, whole);
  const db = openAgentWorkflow(file);
  for (const table of tables) db.exec(`DELETE FROM ${table} WHERE id > (SELECT max(id) / 2 FROM ${table})`);
  db.close();
  return () => {
    const writer = openAgentWorkflow(file);
    writer.prepare('ATTACH ? AS whole').run(whole);
    for (const table of tables) {
      writer.exec(`INSERT INTO ${table} SELECT * FROM whole.${table} WHERE id > (SELECT max(id) FROM ${table})`);
    }
    writer.close();
  };
}

/** What the recording has not: failures, calls outside of agents, a session that has ended. */
function writeFailures(file: string): void {
  const nowMs = Date.now();
  const logger = new HookLogger(openAgentWorkflow(file), 'UTC');
  logger.sessionStart('ended', nowMs - 120 * MINUTE);
  for (const [agent, status] of [
    ['architect', 'completed'],
    ['architect', 'failed'],
    ['tester', 'error'],
  ] as const) {
    const id = logger.invocationStart({ session: 'ended', agent, phase: 'review', at: nowMs - 110 * MINUTE });
    logger.invocationEnd(id, { at: nowMs - 100 * MINUTE, durationSeconds: 600.5, status });
    const call = logger.toolStart({ session: 'ended', agent, tool: 'Bash', at: nowMs - 109 * MINUTE });
    logger.toolEnd(call, { at: nowMs - 108 * MINUTE, durationSeconds: 60.25, status });
  }
  logger.toolStart({ session: 'ended', agent: 'direct', tool: 'Read', at: nowMs - 108 * MINUTE });
  logger.stop('ended', nowMs - 90 * MINUTE);
  logger.close();
}

describe.skipIf(!prometheus.met || !recorded.met)(
  `docs/migration.md, on recorded data${prometheus.reason}${recorded.reason}`,
  () => {
    const workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    let agentcol: DefaultAgentcol;
    let server: PrometheusServer;

    beforeAll(async () => {
      copyToNow(database);
      const writeRest = halved(database, workspace.file('whole.db'));
      const extra = stringify({
        receivers: { 'sqlite/agents': { preset: ['agent_workflow', 'agent_workflow_sessions'], timezone: 'UTC' } },
        processors: { hash: { key: KEY } },
      });
      agentcol = await DefaultAgentcol.start(workspace, { extra });
      const [metrics, own] = agentcol.ports;
      new Variant('prometheus.yml').install(workspace.folder, {
        "'127.0.0.1:9465'": `'127.0.0.1:${metrics}'`,
        "'127.0.0.1:9466'": `'127.0.0.1:${own}'`,
      });
      server = await PrometheusServer.start(workspace.folder);
      // What was there before Prometheus asked, and what comes while it does.
      await vi.waitFor(async () => expect(await server.query('agent_workflow_invocations_total')).not.toEqual([]), {
        timeout: 60_000,
        interval: 100,
      });
      writeRest();
      writeFailures(database);
    });

    afterAll(async () => {
      await server.stop();
      await agentcol[Symbol.asyncDispose]();
      workspace[Symbol.dispose]();
    });

    it('has a recount, or none that is possible, for every expression', () => {
      const counts = (table: readonly (readonly [string, number])[]): unknown => Object.fromEntries(table);
      expect(counts(Object.entries(RECOUNTS).map(([family, recounts]) => [family, recounts.length]))).toEqual(
        counts(migrationTable().map(({ family, expressions }) => [family, expressions.length])),
      );
    });

    it('finds an answer that is wrong, one that is missing, and one too many', () => {
      const recount = RECOUNTS.agent_last_execution_timestamp?.[0];
      if (recount === undefined) throw new Error('there is no recount');
      const right = expected(database, KEY, recount);
      expect(differencesOf(right, right, recount)).toEqual([]);
      const wrong = right.map((sample, index) => (index === 0 ? { ...sample, value: sample.value + 10 } : sample));
      for (const answer of [wrong, right.slice(1), [...right, { labels: { more: 'than' }, value: 0 }]]) {
        expect(differencesOf(answer, right, recount)).toHaveLength(1);
      }
    });

    const expressions = migrationTable().flatMap(({ family, expressions: all }) =>
      all.map((expression, index) => [family, expression, RECOUNTS[family]?.[index]] as const),
    );

    it.each(expressions)('%s: %s', async (_, expression, recount) => {
      // What is written reaches Prometheus within a second; snapshots within 15.
      await vi.waitFor(
        async () => {
          const answer = await server.query(expression);
          if (recount === undefined) {
            expect(answer.filter(({ value }) => Number.isFinite(value) && value > 0)).not.toEqual([]);
          } else {
            expect(answer).not.toEqual([]);
            expect(differencesOf(answer, expected(database, KEY, recount), recount)).toEqual([]);
          }
        },
        { timeout: 90_000, interval: 500 },
      );
    });
  },
);

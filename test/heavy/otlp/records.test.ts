import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { generateAgentWorkflow } from '../../fixtures/generate.ts';
import { OpenTelemetryCollector } from '../../interop/collector.ts';
import type { ReceivedSpan } from '../../interop/received.ts';
import { describeInterop } from '../../interop/suite.ts';
import { HOUR, Workspace } from '../../main-job/harness.ts';
import { recount } from '../../oracle/recount.ts';
import { logRecordDifferences, recountRecords, spanDifferences } from '../../oracle/records.ts';
import { differences } from '../../oracle/samples.ts';
import { parse, recorded, recordedFiles, text } from '../hooks/payloads.ts';
import { MAIN } from '../../program.ts';
import { Agentcol, none, PATIENCE } from './agentcol.ts';

const IGNORE = { ignore: ['agent_workflow_database_size_bytes'] };
const RETRY = { initial_interval: '100ms', max_interval: '500ms' };

describeInterop('spans and log records', () => {
  let workspace: Workspace;
  let database: string;

  beforeEach(() => {
    workspace = new Workspace();
    database = workspace.file('agent_workflow.db');
  });
  afterEach(() => workspace[Symbol.dispose]());

  /** Everything of the database has arrived, as a recount says, and nothing else; what arrived twice was twice the same. */
  async function arrive(agentcol: Agentcol, collector: OpenTelemetryCollector): Promise<void> {
    await vi.waitFor(() => {
      const expected = recountRecords(database, Date.now(), 'UTC', agentcol.secret('digest'));
      expect(expected.spans.length).toBeGreaterThan(0);
      const { spans, records } = collector.received();
      none(spanDifferences(expected.spans, spans));
      none(logRecordDifferences(expected.records, records));
    }, PATIENCE);
  }

  describe.each([
    ['otlp_http', { encoding: 'proto' }],
    ['otlp_http', { encoding: 'json', compression: 'none' }],
    ['otlp_grpc', {}],
  ])('by %s %o', (exporter, settings) => {
    it('arrive as a recount of the rows says: number, ids, parents, times, status', async () => {
      generateAgentWorkflow(database, { invocations: 500, endMs: Date.now() - 2 * HOUR });
      await using collector = await OpenTelemetryCollector.start(workspace.file('collector'));
      const endpoint =
        exporter === 'otlp_http' ? `http://127.0.0.1:${collector.httpPort}` : `127.0.0.1:${collector.grpcPort}`;
      const tls = exporter === 'otlp_http' ? {} : { tls: { insecure: true } };
      await using agentcol = new Agentcol(workspace.folder, {
        database,
        exporters: { [exporter]: { endpoint, ...tls, ...settings, retry_on_failure: RETRY, export_interval: '500ms' } },
        pipelines: { metrics: ['prometheus', exporter], traces: [exporter], logs: [exporter] },
      });
      await agentcol.start();
      await arrive(agentcol, collector);
      await vi.waitFor(async () => {
        expect(differences(recount(database, Date.now(), 'UTC'), await collector.samples(), IGNORE)).toEqual([]);
      }, PATIENCE);
      const { spans } = collector.received();
      // A restart sends nothing anew.
      await agentcol.restart();
      await agentcol.stop();
      expect(collector.received().spans.length).toBe(spans.length);
      // No text of a session id, which both have a hash of.
      expect(fs.readFileSync(collector.file, 'utf8')).not.toContain(sessionOf(database));
    });
  });

  it('go to a file that the otlpjsonfile receiver of a Collector arrives at the same totals with', async () => {
    generateAgentWorkflow(database, { invocations: 2000, endMs: Date.now() - 2 * HOUR });
    await using agentcol = new Agentcol(workspace.folder, {
      database,
      exporters: { file: { path: workspace.file('telemetry.jsonl'), rotation: { max_megabytes: 1 } } },
      pipelines: { metrics: ['prometheus', 'file'], traces: ['file'], logs: ['file'] },
    });
    await agentcol.start();
    await using collector = await OpenTelemetryCollector.start(workspace.file('collector'), {
      include: workspace.file('telemetry*.jsonl'),
    });
    await arrive(agentcol, collector);
    await vi.waitFor(async () => {
      expect(differences(recount(database, Date.now(), 'UTC'), await collector.samples(), IGNORE)).toEqual([]);
    }, PATIENCE);
    expect(collector.log).not.toContain('line refused');
  });

  describe.skipIf(!recorded.met)(`of recorded sub-agents${recorded.reason}`, () => {
    it('nest as they were recorded', async () => {
      const lines = recordedFiles().get('home-assistant-green-button') ?? [];
      const file = workspace.file('recorded.jsonl');
      fs.writeFileSync(file, lines.join('\n'));
      // Their ends were not recorded: what is open for more than a day is abandoned. Times are the file's.
      const then = (Date.now() - 48 * HOUR) / 1000;
      fs.utimesSync(file, then, then);
      const imported = spawnSync(process.execPath, [MAIN, 'import', file, '--database', database], {
        encoding: 'utf8',
      });
      expect(imported.stderr + imported.stdout).not.toMatch(/error/i);
      expect(imported.status).toBe(0);
      await using collector = await OpenTelemetryCollector.start(workspace.file('collector'));
      await using agentcol = new Agentcol(workspace.folder, {
        database,
        exporters: { otlp_http: { endpoint: `http://127.0.0.1:${collector.httpPort}`, retry_on_failure: RETRY } },
        pipelines: { traces: ['otlp_http'], logs: ['otlp_http'] },
      });
      await agentcol.start();
      await arrive(agentcol, collector);

      const { spans } = collector.received();
      console.log(traceLines(spans).join('\n'));
      // Independent of the database: who called which tool, by the payloads.
      const payloads = lines.map(parse).filter((payload) => text(payload, 'hook_event_name') === 'PreToolUse');
      const calls = payloads.map((payload) =>
        [text(payload, 'agent_type') ?? 'session', text(payload, 'tool_name')].join(' > '),
      );
      const launches = (call: string): boolean => /> (?:Agent|Task)$/.test(call);
      const byId = new Map(spans.map((span) => [span.spanId, span]));
      const nested = spans
        .filter(({ name }) => name.startsWith('execute_tool '))
        .map((span) => {
          const parent = span.parentSpanId === undefined ? undefined : byId.get(span.parentSpanId);
          return `${parent?.name.replace('invoke_agent ', '') ?? 'session'} > ${span.name.replace('execute_tool ', '')}`;
        });
      expect(nested.sort()).toEqual(calls.filter((call) => !launches(call)).sort());
    });
  });
});

function sessionOf(database: string): string {
  const db = new Database(database, { readonly: true });
  const session = db.prepare('SELECT session_id FROM sessions LIMIT 1').pluck().get();
  db.close();
  return String(session);
}

/** A person's view of traces: each span under its parent, in order of start. */
function traceLines(spans: readonly ReceivedSpan[]): string[] {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const lines: string[] = [];
  const show = (span: ReceivedSpan, depth: number): void => {
    const ms = Number(span.endNs - span.startNs) / 1e6;
    lines.push(
      `${'  '.repeat(depth)}${span.name} ${ms.toFixed(1)} ms ${span.status} ${JSON.stringify(span.attributes)}`,
    );
    for (const child of children(span.spanId)) show(child, depth + 1);
  };
  const inOrder = (list: readonly ReceivedSpan[]): ReceivedSpan[] =>
    [...list].sort((a, b) => Number(a.startNs - b.startNs));
  const children = (id: string): ReceivedSpan[] => inOrder(spans.filter(({ parentSpanId }) => parentSpanId === id));
  const tops = spans.filter(({ parentSpanId }) => parentSpanId === undefined || !known.has(parentSpanId));
  let trace: string | undefined;
  for (const root of inOrder(tops).sort((a, b) => a.traceId.localeCompare(b.traceId))) {
    if (root.traceId !== trace) lines.push(`trace ${root.traceId}`);
    trace = root.traceId;
    show(root, 1);
  }
  return lines;
}

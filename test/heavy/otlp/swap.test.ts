import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HookLogger, openAgentWorkflow } from '../../fixtures/agent-workflow.ts';
import { generateAgentWorkflow } from '../../fixtures/generate.ts';
import { OpenTelemetryCollector } from '../../interop/collector.ts';
import { describeInterop } from '../../interop/suite.ts';
import { HOUR, Workspace } from '../../main-job/harness.ts';
import { recount } from '../../oracle/recount.ts';
import { differences, type Samples } from '../../oracle/samples.ts';
import { Agentcol, PATIENCE } from './agentcol.ts';

const IGNORE = { ignore: ['agent_workflow_database_size_bytes'] };
const INVOCATIONS = 100;

describeInterop('exporters of metrics, swapped by one line', () => {
  let workspace: Workspace;
  let database: string;
  let collector: OpenTelemetryCollector;
  let agentcol: Agentcol;

  beforeEach(async () => {
    workspace = new Workspace();
    database = workspace.file('agent_workflow.db');
    generateAgentWorkflow(database, { invocations: INVOCATIONS, endMs: Date.now() - 2 * HOUR });
    collector = await OpenTelemetryCollector.start(workspace.file('collector'));
    agentcol = new Agentcol(workspace.folder, {
      database,
      exporters: {
        otlp_http: { endpoint: `http://127.0.0.1:${collector.httpPort}`, export_interval: '1s' },
        debug: { verbosity: 'basic' },
      },
      pipelines: { metrics: ['prometheus'] },
    });
    await agentcol.start();
  });

  afterEach(async () => {
    await agentcol.stop();
    await collector.stop();
    workspace[Symbol.dispose]();
  });

  /** An agent at work: what is published before is wrong afterwards. */
  function work(): void {
    const logger = new HookLogger(openAgentWorkflow(database));
    const at = Date.now();
    logger.sessionStart('live', at);
    for (const agent of ['architect', 'tester']) {
      const id = logger.invocationStart({ session: 'live', agent, at });
      logger.invocationEnd(id, { at: at + 1500, rawOutput: '{"usage":{"input_tokens":3,"output_tokens":40}}' });
      logger.toolStart({ session: 'live', agent, tool: 'Bash', at });
    }
    logger.close();
  }

  async function equals(samples: () => Samples | undefined | Promise<Samples | undefined>): Promise<void> {
    await vi.waitFor(async () => {
      const published = (await samples()) ?? new Map<string, number>();
      expect(differences(recount(database, Date.now(), 'UTC'), published, IGNORE)).toEqual([]);
    }, PATIENCE);
  }

  const atPrometheus = (): Promise<void> => equals(() => agentcol.scrape());
  const atCollector = async (): Promise<void> => {
    await equals(() => collector.samples());
    await equals(() => collector.received().samples);
  };

  describe.each([
    ['SIGHUP', (): Promise<void> => agentcol.reload()],
    ['a restart', (): Promise<void> => agentcol.restart()],
  ])('and %s', (_, takeOver) => {
    it('publish what a recount of the source says, each where it should', async () => {
      await atPrometheus();
      expect(await collector.samples()).toEqual(new Map());

      agentcol.edit('exporters: [prometheus]', 'exporters: [otlp_http]');
      work();
      await takeOver();
      await atCollector();
      expect(await agentcol.scrape()).toBeUndefined();

      agentcol.edit('exporters: [otlp_http]', 'exporters: [prometheus, otlp_http]');
      work();
      await takeOver();
      await atPrometheus();
      await atCollector();

      agentcol.edit('exporters: [prometheus, otlp_http]', 'exporters: [debug]');
      work();
      await takeOver();
      await vi.waitFor(() => expect(agentcol.log).toMatch(/pipeline metrics: \d+ metrics, \d+ data points/), PATIENCE);
      expect(await agentcol.scrape()).toBeUndefined();

      // Nothing was lost meanwhile, and no total ever fell.
      agentcol.edit('exporters: [debug]', 'exporters: [prometheus, otlp_http]');
      work();
      await takeOver();
      await atPrometheus();
      await atCollector();
      const { fallen, torn } = collector.received();
      expect({ fallen, torn }).toEqual({ fallen: [], torn: 0 });
    });
  });

  it('let no scrape fail while others come and go beside prometheus', async () => {
    for (const [before, after] of [
      ['exporters: [prometheus]', 'exporters: [prometheus, otlp_http]'],
      ['exporters: [prometheus, otlp_http]', 'exporters: [prometheus, debug]'],
      ['exporters: [prometheus, debug]', 'exporters: [otlp_http, prometheus, debug]'],
      ['exporters: [otlp_http, prometheus, debug]', 'exporters: [prometheus]'],
    ] as const) {
      agentcol.edit(before, after);
      work();
      const reloaded = new AbortController();
      const reload = agentcol.reload().finally(() => reloaded.abort());
      for (let afterwards = 0; afterwards < 5; afterwards += Number(reloaded.signal.aborted)) {
        expect(await agentcol.scrape()).toBeDefined();
      }
      await reload;
      await atPrometheus();
    }
  });
});

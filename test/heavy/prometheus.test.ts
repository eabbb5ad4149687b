import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HookLogger, openAgentWorkflow } from '../fixtures/agent-workflow.ts';
import { generateAgentWorkflow } from '../fixtures/generate.ts';
import { Clock, Collector, Workspace, ZONE } from '../main-job/harness.ts';
import { recount } from '../oracle/recount.ts';
import { differences, sampleKey, type Samples } from '../oracle/samples.ts';
import { freePort } from '../pipeline/reloading.ts';
import { prometheus, PrometheusServer } from './prometheus-server.ts';

describe.skipIf(!prometheus.met)(`a real Prometheus${prometheus.reason}`, () => {
  const workspace = new Workspace();
  const clock = new Clock(Date.now());
  const database = workspace.file('agent_workflow.db');
  let collector: Collector;
  let server: PrometheusServer;

  beforeAll(async () => {
    generateAgentWorkflow(database, { invocations: 5000, endMs: clock.nowMs, zone: ZONE, slim: true });
    const port = await freePort();
    collector = await Collector.start(database, {
      clock,
      exporter: { endpoint: `127.0.0.1:${port}` },
      storage: workspace.file('state'),
    });
    fs.writeFileSync(
      workspace.file('prometheus.yml'),
      `global: { scrape_interval: 500ms }\nscrape_configs:\n  - job_name: agentcol\n    static_configs: [{ targets: ['127.0.0.1:${port}'] }]\n`,
    );
    server = await PrometheusServer.start(workspace.folder);
  });

  afterAll(async () => {
    await server.stop();
    await collector.stop();
    workspace[Symbol.dispose]();
  });

  async function stored(): Promise<Samples> {
    const samples: Samples = new Map();
    for (const { labels: metric, value } of await server.query(
      '{job="agentcol", __name__=~"agent_workflow_.+|gen_ai_.+", __name__!~".+_created"}',
    )) {
      const { __name__: name, job, instance, ...labels }: Record<string, string> = metric;
      if (labels.le !== undefined && labels.le !== '+Inf') labels.le = String(Number(labels.le));
      samples.set(sampleKey(name ?? '', labels), value);
    }
    return samples;
  }

  async function answersWithTheRecount(): Promise<void> {
    // Once, not at every look: this process serves the scrapes too.
    const expected = recount(database, clock.nowMs, ZONE);
    const ignore = ['agent_workflow_database_size_bytes'];
    await vi.waitFor(async () => expect(differences(expected, await stored(), { ignore })).toEqual([]), {
      timeout: 60_000,
      interval: 500,
    });
  }

  it('scrapes it and answers with the recounted numbers, before and after new rows', async () => {
    await answersWithTheRecount();
    const logger = new HookLogger(openAgentWorkflow(database), ZONE);
    for (let row = 0; row < 50; row += 1) {
      const id = logger.invocationStart({ session: 'live', agent: 'architect', phase: 'planning', at: clock.nowMs });
      if (row % 2 === 0) logger.invocationEnd(id, { at: clock.nowMs, durationSeconds: row });
    }
    logger.close();
    await answersWithTheRecount();
  });

  it('has no complaint about the target', async () => {
    expect(await server.targets()).toMatchObject([{ health: 'up', lastError: '' }]);
  });

  it('computes quantiles from the histograms', async () => {
    const result = await server.query(
      'histogram_quantile(0.5, sum by (le) (gen_ai_invoke_agent_duration_seconds_bucket))',
    );
    expect(result[0]?.value).toBeGreaterThan(0);
  });
});

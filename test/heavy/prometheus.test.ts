import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HookLogger, openAgentWorkflow } from '../fixtures/agent-workflow.ts';
import { generateAgentWorkflow } from '../fixtures/generate.ts';
import { Clock, Collector, Workspace, ZONE } from '../main-job/harness.ts';
import { recount } from '../oracle/recount.ts';
import { differences, sampleKey, type Samples } from '../oracle/samples.ts';
import { requirement } from './requirement.ts';

const prometheus = requirement(
  'prometheus (Debian package prometheus)',
  spawnSync('prometheus', ['--version']).status === 0,
);

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

interface QueryResult {
  readonly status: string;
  readonly data: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
  };
}

describe.skipIf(!prometheus.met)(`a real Prometheus${prometheus.reason}`, () => {
  const workspace = new Workspace();
  const clock = new Clock(Date.now());
  const database = workspace.file('agent_workflow.db');
  let collector: Collector;
  let server: ChildProcess;
  let api: string;

  beforeAll(async () => {
    generateAgentWorkflow(database, { invocations: 5000, endMs: clock.nowMs, zone: ZONE, slim: true });
    const [port, apiPort] = [await freePort(), await freePort()];
    collector = await Collector.start(database, {
      clock,
      exporter: { endpoint: `127.0.0.1:${port}` },
      storage: workspace.file('state'),
    });
    const config = workspace.file('prometheus.yml');
    fs.writeFileSync(
      config,
      `global: { scrape_interval: 500ms }\nscrape_configs:\n  - job_name: agentcol\n    static_configs: [{ targets: ['127.0.0.1:${port}'] }]\n`,
    );
    api = `http://127.0.0.1:${apiPort}`;
    const args = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${workspace.file('tsdb')}`,
      `--web.listen-address=127.0.0.1:${apiPort}`,
    ];
    server = spawn('prometheus', args, { stdio: 'ignore' });
  });

  afterAll(async () => {
    server.kill();
    await once(server, 'exit');
    await collector.stop();
    workspace[Symbol.dispose]();
  });

  async function query(expression: string): Promise<QueryResult['data']['result']> {
    const response = await fetch(`${api}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const body: unknown = await response.json();
    expect(body).toMatchObject({ status: 'success' });
    return (body as QueryResult).data.result;
  }

  async function stored(): Promise<Samples> {
    const samples: Samples = new Map();
    for (const { metric, value } of await query(
      '{job="agentcol", __name__=~"agent_workflow_.+|gen_ai_.+", __name__!~".+_created"}',
    )) {
      const { __name__: name, job, instance, ...labels } = metric;
      if (labels.le !== undefined && labels.le !== '+Inf') labels.le = String(Number(labels.le));
      samples.set(sampleKey(name ?? '', labels), Number(value[1]));
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
    const response = await fetch(`${api}/api/v1/targets`);
    expect(await response.json()).toMatchObject({ data: { activeTargets: [{ health: 'up', lastError: '' }] } });
  });

  it('computes quantiles from the histograms', async () => {
    const result = await query('histogram_quantile(0.5, sum by (le) (gen_ai_invoke_agent_duration_seconds_bucket))');
    expect(Number(result[0]?.value[1])).toBeGreaterThan(0);
  });
});

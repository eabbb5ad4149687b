import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { HookLogger, openAgentWorkflow } from '../../fixtures/agent-workflow.ts';
import { generateAgentWorkflow } from '../../fixtures/generate.ts';
import { OpenTelemetryCollector } from '../../interop/collector.ts';
import { describeInterop } from '../../interop/suite.ts';
import { HOUR, Workspace } from '../../main-job/harness.ts';
import { recount } from '../../oracle/recount.ts';
import { differences } from '../../oracle/samples.ts';
import { descriptors, residentMiB } from '../../soak/process.ts';
import { Agentcol, PATIENCE } from './agentcol.ts';
import { FlakyProxy, RETRY_AFTER_SECONDS, type Mood } from './flaky-proxy.ts';

const IGNORE = { ignore: ['agent_workflow_database_size_bytes'] };
/** Of the whole suite, with nothing but what waits for an endpoint that does not answer. */
const GROWTH_MIB = 40;

describeInterop('an endpoint that does not take what it is sent', () => {
  const workspace = new Workspace();
  const database = workspace.file('agent_workflow.db');
  let collector: OpenTelemetryCollector;
  let proxy: FlakyProxy;
  let agentcol: Agentcol;
  let atFirst: { readonly mib: number; readonly files: number };

  beforeAll(async () => {
    generateAgentWorkflow(database, { invocations: 100, endMs: Date.now() - 2 * HOUR });
    collector = await OpenTelemetryCollector.start(workspace.file('collector'));
    proxy = await FlakyProxy.start(collector.httpPort);
    agentcol = new Agentcol(workspace.folder, {
      database,
      exporters: {
        otlp_http: {
          endpoint: `http://127.0.0.1:${proxy.port}`,
          export_interval: '1s',
          timeout: '1s',
          retry_on_failure: { initial_interval: '200ms', max_interval: '1s' },
        },
      },
      pipelines: { metrics: ['prometheus', 'otlp_http'] },
    });
    await agentcol.start();
    await settled();
    atFirst = { mib: residentMiB(agentcol.pid), files: descriptors(agentcol.pid) };
  });

  afterAll(async () => {
    await agentcol.stop();
    await proxy.stop();
    await collector.stop();
    workspace[Symbol.dispose]();
  });

  function work(): void {
    const logger = new HookLogger(openAgentWorkflow(database));
    const at = Date.now();
    const id = logger.invocationStart({ session: 'live', agent: 'architect', at });
    logger.invocationEnd(id, { at: at + 1500 });
    logger.close();
  }

  /** Prometheus has what is in the database. */
  async function published(): Promise<void> {
    await vi.waitFor(async () => {
      const found = differences(
        recount(database, Date.now(), 'UTC'),
        (await agentcol.scrape()) ?? new Map<string, number>(),
        IGNORE,
      );
      expect(found).toEqual([]);
    }, PATIENCE);
  }

  /** So has the OpenTelemetry Collector, and nothing stands in the way. */
  async function settled(): Promise<void> {
    await vi.waitFor(async () => {
      expect(differences(recount(database, Date.now(), 'UTC'), await collector.samples(), IGNORE)).toEqual([]);
      expect(await agentcol.errors('otlp_http')).toEqual([]);
    }, PATIENCE);
  }

  it.each<[Mood, RegExp]>([
    ['too many requests', /429/],
    ['unavailable', /503/],
    ['bad request', /400.*not what was asked for/],
    ['garbage', /OTLP/],
    ['hangs', /1 ?s|time/],
    ['slow', /1 ?s|time/],
    ['half an answer', /./],
    ['reset', /./],
  ])('%s: says so, delays no other exporter, and everything arrives afterwards', async (mood, reason) => {
    proxy.mood = mood;
    work();
    await vi.waitFor(async () => expect((await agentcol.errors('otlp_http')).join()).toMatch(reason), PATIENCE);
    work();
    await published();
    expect((await agentcol.errors('otlp_http')).join()).toMatch(reason);
    proxy.mood = 'pass';
    await settled();
  });

  it('waits as long as Retry-After says', async () => {
    proxy.mood = 'unavailable';
    proxy.requests.length = 0;
    work();
    await vi.waitFor(() => expect(proxy.requests.length).toBeGreaterThanOrEqual(3), PATIENCE);
    const pauses = proxy.requests.slice(1).map((at, index) => at - proxy.requests[index]!);
    // The clock that measures is another one than that which waits.
    expect(Math.min(...pauses)).toBeGreaterThan(RETRY_AFTER_SECONDS * 1000 - 100);
    proxy.mood = 'pass';
    await settled();
  });

  it('partial success: counts as failed what was refused, and goes on', async () => {
    proxy.mood = 'partial success';
    work();
    await vi.waitFor(() => expect(agentcol.log).toContain('one of them is of no use'), PATIENCE);
    await published();
    proxy.mood = 'pass';
    await settled();
  });

  it('nothing listens: says so, and everything arrives once something does', async () => {
    const gone = `http://127.0.0.1:${proxy.port}`;
    await proxy.stop();
    work();
    await vi.waitFor(
      async () => expect((await agentcol.errors('otlp_http')).join()).toMatch(/refused|ECONNREFUSED/),
      PATIENCE,
    );
    await published();
    proxy = await FlakyProxy.start(collector.httpPort);
    agentcol.edit(gone, `http://127.0.0.1:${proxy.port}`);
    await agentcol.reload();
    await settled();
  });

  it('costs neither memory nor descriptors', () => {
    expect(residentMiB(agentcol.pid) - atFirst.mib).toBeLessThan(GROWTH_MIB);
    expect(descriptors(agentcol.pid) - atFirst.files).toBeLessThan(10);
    expect(collector.received().fallen).toEqual([]);
  });
});

import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { generateAgentWorkflow } from '../../fixtures/generate.ts';
import { Random } from '../../fixtures/random.ts';
import { OpenTelemetryCollector } from '../../interop/collector.ts';
import { describeInterop } from '../../interop/suite.ts';
import { HOUR, Workspace } from '../../main-job/harness.ts';
import { recount } from '../../oracle/recount.ts';
import { logRecordDifferences, recountRecords, spanDifferences } from '../../oracle/records.ts';
import { differences } from '../../oracle/samples.ts';
import { residentMiB } from '../../soak/process.ts';
import { Agentcol, none, PATIENCE } from './agentcol.ts';

const WRITER = path.join(import.meta.dirname, '../../fixtures/writer-process.ts');
const IGNORE = { ignore: ['agent_workflow_database_size_bytes'] };
const KILLS = 50;
/** So that 50 take some three minutes. */
const LONGEST_LIFE_MS = 4000;
const LONGEST_PAUSE_MS = 1500;
/** Some thirty commits a second. */
const WRITE_MS = 30;
const SCRAPE_MS = 50;
/** Before anything is killed: how long scrapes take on this machine. */
const QUIET_MS = 10_000;
const GROWTH_MIB = 40;

describeInterop('an OpenTelemetry Collector that is killed again and again', () => {
  it('misses nothing, and disturbs neither memory nor scrapes', { timeout: 900_000 }, async () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    generateAgentWorkflow(database, { invocations: 200, endMs: Date.now() - 2 * HOUR, journalMode: 'wal' });
    const seed = Date.now() % 1_000_000;
    const random = new Random(seed);
    const collector = await OpenTelemetryCollector.start(workspace.file('collector'));
    const otlp = {
      endpoint: `http://127.0.0.1:${collector.httpPort}`,
      export_interval: '500ms',
      timeout: '5s',
      retry_on_failure: { initial_interval: '100ms', max_interval: '500ms' },
    };
    await using agentcol = new Agentcol(workspace.folder, {
      database,
      exporters: { otlp_http: otlp },
      pipelines: { metrics: ['prometheus', 'otlp_http'], traces: ['otlp_http'], logs: ['otlp_http'] },
    });
    const writer = fork(WRITER, [database, String(seed), String(WRITE_MS)], { execArgv: ['--import', 'tsx'] });
    const scrapes = new Scrapes(agentcol);
    try {
      await agentcol.start();
      await scrapes.during(() => delay(QUIET_MS));
      const quiet = scrapes.take();
      const before = residentMiB(agentcol.pid);

      const startedMs = Date.now();
      await scrapes.during(async () => {
        for (let kills = 0; kills < KILLS; kills += 1) {
          await delay(random.whole(0, LONGEST_LIFE_MS));
          await (random.next() < 0.8 ? collector.kill() : collector.stop());
          await delay(random.whole(0, LONGEST_PAUSE_MS));
          await collector.start();
        }
      });
      const seconds = Math.round((Date.now() - startedMs) / 1000);
      const harmed = scrapes.take();

      const paused = once(writer, 'message');
      writer.send('pause');
      await paused;
      const key = agentcol.secret('digest');
      await vi.waitFor(async () => {
        const now = Date.now();
        const expected = recountRecords(database, now, 'UTC', key);
        const { spans, records } = collector.received();
        expect(differences(recount(database, now, 'UTC'), await collector.samples(), IGNORE)).toEqual([]);
        none(spanDifferences(expected.spans, spans));
        none(logRecordDifferences(expected.records, records));
      }, PATIENCE);

      const { spans, records, fallen, torn } = collector.received();
      const grownMib = residentMiB(agentcol.pid) - before;
      console.log(
        `${KILLS} kills in ${seconds} s, seed ${seed}: ${spans.length} spans and ${records.length} log records, of which ` +
          `${spans.length - new Set(spans.map(({ spanId }) => spanId)).size} spans twice; ${torn} messages torn; ` +
          `scrape p99 ${quiet.p99.toFixed(1)} ms before, ${harmed.p99.toFixed(1)} ms meanwhile; ` +
          `memory grew by ${grownMib.toFixed(1)} MiB`,
      );
      expect(fallen).toEqual([]);
      expect(harmed.failed).toBe(0);
      expect(harmed.p99).toBeLessThan(3 * quiet.p99 + 100);
      expect(grownMib).toBeLessThan(GROWTH_MIB);
      expect(agentcol.log).not.toContain('unexpected error');
    } finally {
      writer.disconnect();
      writer.kill();
      await once(writer, 'exit');
      await collector.stop();
    }
  });
});

/** How long scrapes take, one after the other. */
class Scrapes {
  readonly #agentcol: Agentcol;
  #took: number[] = [];
  #failed = 0;

  constructor(agentcol: Agentcol) {
    this.#agentcol = agentcol;
  }

  async during(work: () => Promise<void>): Promise<void> {
    const done = new AbortController();
    const scraping = this.#scrape(done.signal);
    try {
      await work();
    } finally {
      done.abort();
      await scraping;
    }
  }

  /** What was seen since the last time. */
  take(): { readonly p99: number; readonly failed: number } {
    const sorted = this.#took.sort((a, b) => a - b);
    const seen = { p99: sorted[Math.floor(sorted.length * 0.99)] ?? NaN, failed: this.#failed };
    this.#took = [];
    this.#failed = 0;
    return seen;
  }

  async #scrape(done: AbortSignal): Promise<void> {
    while (!done.aborted) {
      const startedMs = performance.now();
      if ((await this.#agentcol.scrape()) === undefined) this.#failed += 1;
      this.#took.push(performance.now() - startedMs);
      await delay(SCRAPE_MS);
    }
  }
}

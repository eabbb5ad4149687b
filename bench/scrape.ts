/** The exporter alone, in this process, over a store that changes: what a scrape costs where nothing else competes. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import path from 'node:path';
import type { Family, MetricSource, Series, SeriesChange } from '../src/component.ts';
import type { Metric } from '../src/pipeline/signals.ts';
import { PrometheusExporter } from '../exporters/prometheus/exporter.ts';
import { milliseconds, quantile, type Result } from './result.ts';
import type { Scraped } from './scrape-client.ts';

const LINES = 10_000;
const HISTOGRAMS = 180;
const BOUNDARIES = Array.from({ length: 20 }, (_, index) => 0.01 * 2 ** index);
const COMMITS_PER_SECOND = 100;

interface MutableSeries extends Series {
  value: number | { count: number; sum: number; bucketCounts: number[] };
}

const counter: Metric = {
  name: 'agent_workflow.tool_calls',
  type: 'counter',
  unit: '{call}',
  description: 'Settled tool calls',
  aggregation: 'sum',
};
const histogram: Metric = {
  name: 'gen_ai.execute_tool.duration',
  type: 'histogram',
  unit: 's',
  description: 'Duration of tool calls',
  aggregation: 'sum',
  boundaries: BOUNDARIES,
};

/** A pipeline's store, as far as an exporter sees it. */
class Source implements MetricSource {
  readonly id = 'metrics';
  readonly resource = {};
  readonly families: Map<string, Family>;
  readonly #counters: MutableSeries[];
  readonly #histograms: MutableSeries[];
  readonly #listeners = new Set<(changes: readonly SeriesChange[]) => void>();
  #turn = 0;

  /** `linesPerCounter`: OpenMetrics has `_created` beside each counter and histogram. */
  constructor(linesPerCounter: number) {
    const attributes = (index: number) => ({
      'gen_ai.agent.name': `agent-${index % 40}`,
      'gen_ai.tool.name': `tool-${index}`,
      'agent_workflow.status': 'completed',
    });
    const startTimeMs = Date.UTC(2026, 0, 1);
    const counters = Math.floor((LINES - HISTOGRAMS * (BOUNDARIES.length + 2 + linesPerCounter)) / linesPerCounter);
    this.#counters = Array.from({ length: counters }, (_, index) => ({
      attributes: attributes(index),
      startTimeMs,
      value: index,
    }));
    this.#histograms = Array.from({ length: HISTOGRAMS }, (_, index) => ({
      attributes: attributes(index),
      startTimeMs,
      value: { count: 0, sum: 0, bucketCounts: [...BOUNDARIES, Infinity].map(() => 0) },
    }));
    const family = (metric: Metric, series: readonly Series[]): [string, Family] => [
      metric.name,
      { metric, series: new Map(series.map((one) => [JSON.stringify(one.attributes), one])) },
    ];
    this.families = new Map([family(counter, this.#counters), family(histogram, this.#histograms)]);
  }

  progress(): undefined {
    return undefined;
  }

  onCommit(listener: (changes: readonly SeriesChange[]) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  commit(rows: number): void {
    const changed = new Set<SeriesChange>();
    for (let row = 0; row < rows; row += 1) {
      // A stride that is prime to both numbers: changes are spread as widely as they can be.
      this.#turn += 7_919;
      const one = this.#counters[this.#turn % this.#counters.length]!;
      if (typeof one.value === 'number') one.value += 1;
      changed.add({ family: this.families.get(counter.name)!, series: one, removed: false });
      const other = this.#histograms[this.#turn % this.#histograms.length]!;
      if (typeof other.value !== 'number') {
        const bucket = this.#turn % (BOUNDARIES.length + 1);
        const { count, sum, bucketCounts } = other.value;
        other.value = {
          count: count + 1,
          sum: sum + 0.1,
          bucketCounts: bucketCounts.map((n, at) => (at === bucket ? n + 1 : n)),
        };
      }
      changed.add({ family: this.families.get(histogram.name)!, series: other, removed: false });
    }
    for (const listener of this.#listeners) listener([...changed]);
  }
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: console.error };

interface Scenario {
  readonly format: 'text' | 'openmetrics';
  readonly compression: 'none' | 'gzip';
  readonly rowsPerSecond: number;
}

/** The first of each is what the same bytes take when nothing changes. */
const SCENARIOS: readonly Scenario[] = [
  { format: 'text', compression: 'none', rowsPerSecond: 0 },
  { format: 'text', compression: 'none', rowsPerSecond: 1_000 },
  { format: 'openmetrics', compression: 'none', rowsPerSecond: 0 },
  { format: 'openmetrics', compression: 'none', rowsPerSecond: 1_000 },
  { format: 'text', compression: 'gzip', rowsPerSecond: 1_000 },
];

export async function scrape(seconds: number): Promise<Result[]> {
  const results: Result[] = [];
  for (const scenario of SCENARIOS) results.push(await measure(scenario, seconds));
  return results;
}

async function measure({ format, compression, rowsPerSecond }: Scenario, seconds: number): Promise<Result> {
  const source = new Source(format === 'text' ? 1 : 2);
  const exporter = new PrometheusExporter(
    {
      endpoint: '127.0.0.1:0',
      allow_insecure_bind: false,
      allowed_hosts: [],
      compression,
      namespace: '',
      const_labels: {},
    },
    {
      id: 'prometheus',
      logger: silent,
      now: Date.now,
      storage: () => undefined,
      authenticator: (id) => {
        throw new Error(`no authenticator ${id}`);
      },
      clientAuthenticator: (id) => {
        throw new Error(`no authenticator ${id}`);
      },
    },
  );
  exporter.connect([source]);
  await exporter.start();
  let commitMs: number[] = [];
  let committed = 0;
  const begin = performance.now();
  const writing = setInterval(() => {
    const due = ((performance.now() - begin) / 1_000) * rowsPerSecond - committed;
    if (due < 1) return;
    const before = performance.now();
    source.commit(Math.floor(due));
    commitMs.push(performance.now() - before);
    committed += Math.floor(due);
  }, 1_000 / COMMITS_PER_SECOND);
  const client = fork(path.join(import.meta.dirname, 'scrape-client.ts'), [
    exporter.address ?? '',
    format,
    compression,
    String(seconds),
  ]);
  await once(client, 'message');
  commitMs = [];
  const [{ times }] = (await once(client, 'message')) as [Scraped];
  clearInterval(writing);
  await exporter.shutdown();
  const compressed = compression === 'none' ? '' : ', gzip';
  const commits = rowsPerSecond === 0 ? '' : `, commit p99 ${milliseconds(quantile(commitMs, 0.99))}`;
  return {
    what: `exporter alone: ${format}${compressed}, ${LINES} lines, ${rowsPerSecond} rows/s`,
    measured: `p50 ${milliseconds(quantile(times, 0.5))}, p99 ${milliseconds(quantile(times, 0.99))}${commits}`,
    target: '',
  };
}

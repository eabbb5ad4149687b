/**
 * How long a scrape takes: 10 000 lines, of which 1 000 rows a second change two series each, in 100 commits a second;
 * read by a process of its own over one connection.
 *
 *   npx tsx bench/scrape.ts [seconds]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { Family, MetricSource, Series, SeriesChange } from '../src/component.ts';
import type { Metric } from '../src/pipeline/signals.ts';
import { PrometheusExporter } from '../exporters/prometheus/exporter.ts';

const LINES = 10_000;
const HISTOGRAMS = 180;
const BOUNDARIES = Array.from({ length: 20 }, (_, index) => 0.01 * 2 ** index);
const COMMITS_PER_SECOND = 100;
const SCRAPES_PER_SECOND = 100;

const ACCEPT = {
  text: 'text/plain;version=0.0.4',
  openmetrics: 'application/openmetrics-text;version=1.0.0',
} as const;

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
  readonly format: keyof typeof ACCEPT;
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

interface Scraped {
  readonly times: readonly number[];
  readonly bytes: number;
  readonly lines: number;
}

async function measure({ format, compression, rowsPerSecond }: Scenario, seconds: number) {
  const source = new Source(format === 'text' ? 1 : 2);
  const exporter = new PrometheusExporter(
    { endpoint: '127.0.0.1:0', allow_insecure_bind: false, compression, namespace: '', const_labels: {} },
    { id: 'prometheus', logger: silent, now: Date.now, storage: () => undefined },
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
  const client = fork(fileURLToPath(import.meta.url), [
    'scrape',
    exporter.address ?? '',
    format,
    compression,
    String(seconds),
  ]);
  await once(client, 'message');
  commitMs = [];
  const cpu = process.cpuUsage();
  const [scraped] = (await once(client, 'message')) as [Scraped];
  const used = process.cpuUsage(cpu);
  clearInterval(writing);
  await exporter.shutdown();
  return {
    format,
    compression,
    'rows/s': rowsPerSecond,
    lines: scraped.lines,
    KB: Math.round(scraped.bytes / 1024),
    scrapes: scraped.times.length,
    'p50 ms': quantile(scraped.times, 0.5),
    'p99 ms': quantile(scraped.times, 0.99),
    'max ms': quantile(scraped.times, 1),
    'commit p50 ms': quantile(commitMs, 0.5),
    'commit p99 ms': quantile(commitMs, 0.99),
    'cpu %': Math.round((used.user + used.system) / (seconds * 1e4)),
  };
}

/**
 * The scraping process: warms up for a second, then reports the time of each scrape, from the request to the last byte.
 * A bare socket, because Node's HTTP client takes longer than the exporter.
 */
async function scrape(address: string, format: keyof typeof ACCEPT, compression: string, seconds: number) {
  const url = new URL(`http://${address}`);
  const body = Buffer.alloc(4 * 1024 * 1024);
  let received = 0;
  let expected = Infinity;
  let done = (): void => undefined;
  const socket = connect({
    host: url.hostname,
    port: Number(url.port),
    noDelay: true,
    onread: {
      buffer: Buffer.alloc(512 * 1024),
      callback: (bytes, buffer) => {
        body.set(buffer.subarray(0, bytes), received);
        received += bytes;
        if (expected === Infinity) {
          const head = body.toString('latin1', 0, 1_024);
          expected = head.indexOf('\r\n\r\n') + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1]);
        }
        if (received >= expected) done();
        return true;
      },
    },
  });
  await once(socket, 'connect');
  const request =
    `GET /metrics HTTP/1.1\r\nHost: ${address}\r\nAccept: ${ACCEPT[format]}\r\n` +
    `Accept-Encoding: ${compression === 'gzip' ? 'gzip' : 'identity'}\r\n\r\n`;
  const scrapeOnce = () =>
    new Promise<void>((resolve) => {
      received = 0;
      expected = Infinity;
      done = resolve;
      socket.write(request);
    });
  const run = async (count: number): Promise<number[]> => {
    const times: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const begin = performance.now();
      await scrapeOnce();
      const took = performance.now() - begin;
      times.push(took);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1_000 / SCRAPES_PER_SECOND - took)));
    }
    return times;
  };
  await run(SCRAPES_PER_SECOND);
  process.send!({});
  const times = await run(seconds * SCRAPES_PER_SECOND);
  const reply = body.toString('latin1', 0, received);
  const lines = compression === 'gzip' ? NaN : reply.slice(reply.indexOf('\r\n\r\n') + 4).split('\n').length - 1;
  process.send!({ times, bytes: received, lines });
  socket.destroy();
  process.disconnect();
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN).toFixed(2));
}

const [, , first = '10', address = '', format, compression = 'none', seconds = '10'] = process.argv;
if (first === 'scrape') {
  await scrape(address, format === 'openmetrics' ? format : 'text', compression, Number(seconds));
} else {
  const rows = [];
  for (const scenario of SCENARIOS) rows.push(await measure(scenario, Number(first)));
  console.table(rows);
}

import { once } from 'node:events';
import { request, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from 'node:http';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../../exporters/prometheus/config.ts';
import { exposition } from '../../../exporters/prometheus/exposition.ts';
import { PrometheusExporter } from '../../../exporters/prometheus/exporter.ts';
import { prometheusExporter } from '../../../exporters/prometheus/factory.ts';
import type { MetricSource } from '../../../src/component.ts';
import { componentSuite, testSettings } from '../../component-suite.ts';
import { MemorySource, metric } from './memory-source.ts';

componentSuite(prometheusExporter, { config: { endpoint: '127.0.0.1:0' } });

const DEFAULTS: Config = {
  endpoint: '127.0.0.1:0',
  allow_insecure_bind: false,
  allowed_hosts: [],
  compression: 'none',
  namespace: '',
  const_labels: {},
};

const OPENMETRICS = { accept: 'application/openmetrics-text;version=1.0.0' };
const runs = metric('runs', 'counter');

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function ask(options: RequestOptions): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const asked = request({ agent: false, path: '/metrics', ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

let exporter: PrometheusExporter;
let errors: string[];
let nowMs: number;

async function serve(config: Partial<Config>, ...sources: readonly MetricSource[]): Promise<void> {
  await exporter.shutdown();
  errors = [];
  exporter = create(config);
  exporter.connect(sources);
  await exporter.start();
}

function create(config: Partial<Config>): PrometheusExporter {
  return new PrometheusExporter(
    { ...DEFAULTS, ...config },
    testSettings('prometheus', {
      now: () => nowMs,
      logger: { debug: () => {}, info: () => {}, warn: () => {}, error: (message) => void errors.push(message) },
    }),
  );
}

async function get(headers: RequestOptions['headers'] = {}, options: RequestOptions = {}): Promise<Answer> {
  const url = new URL(`http://${exporter.address ?? ''}`);
  return await ask({ host: url.hostname, port: url.port, headers, ...options });
}

beforeEach(() => {
  nowMs = Date.UTC(2026, 0, 1);
  exporter = create({});
});

afterEach(async () => await exporter.shutdown());

describe('a scrape', () => {
  test('gets the text format with its versioned content type', async () => {
    const source = new MemorySource().set(runs, { a: 'ünï' }, 1);
    await serve({}, source);
    const { status, headers, body } = await get();
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(headers['content-length']).toBe(String(body.byteLength));
    expect(headers.vary).toBe('Accept, Accept-Encoding');
    expect(body.toString()).toBe(exposition([source], 'text'));
  });

  test('gets OpenMetrics when it asks for it', async () => {
    const source = new MemorySource().set(runs, {}, 1);
    await serve({}, source);
    const { headers, body } = await get(OPENMETRICS);
    expect(headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(body.toString()).toBe(exposition([source], 'openmetrics'));
  });

  test('sees what was committed before it, and nothing else', async () => {
    const source = new MemorySource().set(runs, {}, 1);
    await serve({}, source);
    expect((await get()).body.toString()).toContain('runs_total 1\n');
    source.set(runs, {}, 2);
    expect((await get()).body.toString()).toContain('runs_total 1\n');
    source.commit();
    expect((await get()).body.toString()).toContain('runs_total 2\n');
  });

  test('that is read slowly gets what was there when it began', async () => {
    const source = new MemorySource();
    for (let index = 0; index < 20_000; index += 1) source.set(runs, { index, long: 'x'.repeat(500) }, 1);
    await serve({}, source);
    const before = exposition([source], 'text');
    const url = new URL(`http://${exporter.address ?? ''}`);
    const slow = request({ host: url.hostname, port: url.port, path: '/metrics', agent: false }).end();
    const [response] = (await once(slow, 'response')) as [IncomingMessage];
    for (let index = 0; index < 20_000; index += 7) source.set(runs, { index, long: 'x'.repeat(500) }, 2);
    source.commit();
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString() === before).toBe(true);
    expect((await get()).body.toString() === exposition([source], 'text')).toBe(true);
  });

  test('reads neither the series nor the progress of a source once its format is ready', async () => {
    const source = new MemorySource().set(runs, {}, 1);
    await serve({}, source);
    const before = (await get()).body.toString();
    for (const name of ['families', 'progress'] as const) {
      Object.defineProperty(source, name, { get: () => expect.unreachable(`a scrape read ${name}`) });
    }
    expect((await get()).body.toString()).toBe(before);
  });

  test('merges the families of several sources', async () => {
    const sources = [new MemorySource().set(runs, { a: 1 }, 1), new MemorySource('metrics/b').set(runs, { a: 1 }, 2)];
    await serve({}, ...sources);
    expect((await get()).body.toString()).toBe('# TYPE runs_total counter\nruns_total{a="1"} 3\n');
  });

  test('has the namespace and the labels of the configuration', async () => {
    await serve({ namespace: 'lab', const_labels: { team: 'tools' } }, new MemorySource().set(runs, {}, 1));
    expect((await get()).body.toString()).toContain('lab_runs_total{team="tools"} 1\n');
  });

  test('gets no body for HEAD, but the headers', async () => {
    await serve({}, new MemorySource().set(runs, {}, 1));
    const { status, headers, body } = await get({}, { method: 'HEAD' });
    expect([status, headers['content-length'], body.byteLength]).toEqual([200, '39', 0]);
  });

  test('is told apart from other paths and methods', async () => {
    await serve({}, new MemorySource());
    expect((await get({}, { path: '/' })).body.toString()).toContain('/metrics');
    expect((await get({}, { path: '/metrics?name[]=x' })).status).toBe(200);
    expect((await get({}, { path: '/metrics/' })).status).toBe(404);
    const wrong = await get({}, { method: 'POST' });
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'GET, HEAD']);
  });
});

describe('compression', () => {
  test('is used only where it is configured and accepted', async () => {
    const source = new MemorySource().set(runs, {}, 1);
    const gzip = { 'accept-encoding': 'gzip' };
    await serve({}, source);
    expect((await get(gzip)).headers['content-encoding']).toBeUndefined();
    await serve({ compression: 'gzip' }, source);
    expect((await get()).headers['content-encoding']).toBeUndefined();
    for (const value of [1, 2]) {
      source.set(runs, {}, value).commit();
      for (const { headers, body } of [await get(gzip), await get(gzip)]) {
        expect(headers['content-encoding']).toBe('gzip');
        expect(headers['content-length']).toBe(String(body.byteLength));
        expect(gunzipSync(body).toString()).toBe(exposition([source], 'text'));
      }
    }
  });
});

describe('while a source is read for the first time', () => {
  test('says so, with its progress, and never again afterwards', async () => {
    const [one, two] = [new MemorySource().set(runs, {}, 1), new MemorySource('metrics/b').set(runs, {}, 2)];
    one.behind = { read: 12_345, total: 4_000_000 };
    two.behind = { read: 5, total: 10 };
    await serve({}, one, two);
    const { status, headers, body } = await get();
    expect([status, headers['retry-after'], headers['content-type']]).toEqual([503, '5', 'text/plain; charset=utf-8']);
    expect(body.toString()).toBe('catching up: 12350 of 4000010 rows\n');
    one.behind = undefined;
    one.commit();
    expect((await get()).body.toString()).toBe('catching up: 5 of 10 rows\n');
    two.behind = undefined;
    two.commit();
    expect((await get()).body.toString()).toContain('runs_total 3\n');
    two.behind = { read: 0, total: 1 };
    two.set(runs, {}, 3).commit();
    expect((await get()).body.toString()).toContain('runs_total 4\n');
  });

  test('says so before it knows any source', async () => {
    await exporter.start();
    expect((await get()).status).toBe(503);
  });
});

describe('connected again, as at a reload', () => {
  test('serves the sources of before until the new ones have caught up', async () => {
    const [kept, left, come] = [new MemorySource('a'), new MemorySource('b'), new MemorySource('c')];
    kept.set(metric('kept', 'gauge'), {}, 1);
    left.set(metric('left', 'gauge'), {}, 1);
    come.set(metric('come', 'gauge'), {}, 1);
    await serve({}, kept, left);
    come.behind = { read: 1, total: 2 };
    exporter.connect([kept, come]);
    kept.set(metric('kept', 'gauge'), {}, 2).commit();
    expect((await get()).body.toString()).toBe('# TYPE kept gauge\nkept 2\n# TYPE left gauge\nleft 1\n');
    come.behind = undefined;
    come.commit();
    expect((await get()).body.toString()).toBe('# TYPE come gauge\ncome 1\n# TYPE kept gauge\nkept 2\n');
    expect([kept.listeners, left.listeners, come.listeners]).toEqual([1, 0, 1]);
  });

  test('forgets sources that never caught up', async () => {
    const [one, two] = [new MemorySource('a'), new MemorySource('b')];
    one.behind = { read: 0, total: 1 };
    await serve({}, one);
    exporter.connect([two.set(runs, {}, 1)]);
    expect((await get()).body.toString()).toContain('runs_total 1\n');
    expect([one.listeners, two.listeners]).toEqual([0, 1]);
    await exporter.shutdown();
    expect(two.listeners).toBe(0);
  });
});

test('keeps the text ready in a format for ten minutes after it was last asked for', async () => {
  const source = new MemorySource();
  for (let index = 0; index < 1_000; index += 1) source.set(runs, { index }, 1);
  await serve({}, source);
  /** How many series a commit of one change writes. */
  const written = () => {
    let count = 0;
    for (const series of source.families.values().next().value?.series.values() ?? []) {
      const value = series.value;
      Object.defineProperty(series, 'value', { configurable: true, get: () => ((count += 1), value) });
    }
    source.commit();
    return count;
  };
  const change = () => source.set(metric('other', 'gauge'), {}, nowMs);
  expect((await get()).status).toBe(200);
  source.set(metric('other', 'gauge'), {}, 0).commit();
  nowMs += 10 * 60_000;
  change();
  expect(written()).toBe(0);
  expect((await get()).status).toBe(200);
  nowMs += 10 * 60_000 + 1;
  change();
  written();
  expect((await get()).body.toString()).toBe(exposition([source], 'text'));
});

test('says once why a metric is left out', async () => {
  const source = new MemorySource().set(metric('a', 'counter'), {}, 1).set(metric('a', 'gauge'), {}, 1);
  await serve({}, source);
  source.set(metric('a', 'counter'), {}, 2).commit();
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(/^metric a of metrics is left out/);
  expect((await get()).body.toString()).toBe('# TYPE a_total counter\na_total 2\n');
});

test('serves on a Unix socket that only its owner can open', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'agentcol-'));
  try {
    const socketPath = join(folder, 'metrics.sock');
    await serve({ endpoint: `unix:${socketPath}` }, new MemorySource().set(runs, {}, 1));
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    expect((await ask({ socketPath })).body.toString()).toContain('runs_total 1\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('the factory', () => {
  test.each(['127.0.0.1:9465', '[::1]:9465', 'localhost:0', 'unix:/run/agentcol.sock'])(
    'accepts %s',
    async (endpoint) => {
      expect(await prometheusExporter.check?.({ ...DEFAULTS, endpoint })).toEqual([]);
    },
  );

  test.each(['0.0.0.0:9465', '[::]:9465', '192.0.2.1:9465', 'metrics.example.org:9465'])(
    'refuses %s, and says what to write instead',
    async (endpoint) => {
      const problems = await prometheusExporter.check?.({ ...DEFAULTS, endpoint });
      expect(problems).toHaveLength(1);
      expect(problems?.[0]?.path).toEqual(['endpoint']);
      expect(problems?.[0]?.message).toContain('set endpoint to 127.0.0.1:9465');
      expect(problems?.[0]?.message).toContain('allow_insecure_bind: true');
    },
  );

  test('accepts any address once the user has said so', async () => {
    expect(await prometheusExporter.check?.({ ...DEFAULTS, endpoint: '0.0.0.0:1', allow_insecure_bind: true })).toEqual(
      [],
    );
  });

  test('refuses what is no endpoint', async () => {
    const problems = await prometheusExporter.check?.({ ...DEFAULTS, endpoint: '9465' });
    expect(problems?.[0]?.message).toContain('host:port');
    expect(() => create({ endpoint: '9465' })).toThrow('not an endpoint');
  });

  test('creates an exporter', async () => {
    expect(await prometheusExporter.create(DEFAULTS, testSettings('prometheus'))).toBeInstanceOf(PrometheusExporter);
  });
});

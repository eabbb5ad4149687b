import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { ExtensionStatus, ReaderStatus, Status } from '../../src/component.ts';
import { ConfigError } from '../../src/errors.ts';
import { OwnMetrics, type OwnMetricsOptions } from '../../src/telemetry/own-metrics.ts';
import { testSettings } from '../component-suite.ts';
import { recorder } from '../pipeline/ledger.ts';
import { READER, statusOf } from './statuses.ts';

const running: OwnMetrics[] = [];
let log = recorder();

afterEach(async () => {
  for (const one of running.splice(0)) await one.shutdown();
  log = recorder();
});

const server = (endpoint: string) => ({ endpoint, allow_insecure_bind: false, allowed_hosts: [] });
const authenticator = (id: string) => testSettings('own').authenticator(id);

async function serve(status: () => Status, options: Partial<OwnMetricsOptions> = {}): Promise<OwnMetrics> {
  const own = new OwnMetrics({
    level: 'normal',
    server: server('127.0.0.1:0'),
    authenticator,
    addressWritten: true,
    version: '1.2.3',
    logger: log,
    status,
    ...options,
  });
  running.push(own);
  await own.start();
  return own;
}

/** Every sample by name and labels. */
async function scrape(own: OwnMetrics): Promise<Readonly<Record<string, string>>> {
  const text = await (await fetch(`http://${own.address ?? ''}/metrics`)).text();
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), line.split(' ').at(-1)!]));
}

test('is served in the text format', async () => {
  const own = await serve(() => statusOf([READER]));
  const response = await fetch(`http://${own.address ?? ''}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await response.text()).toContain('# TYPE agentcol_sqlite_rows_read_total counter\n');
  expect((await fetch(`http://${own.address ?? ''}/`)).status).toBe(200);
  expect(log.lines.join()).toContain(`http://${own.address ?? ''}/metrics`);
});

describe('the metrics', () => {
  test('of a reader are those that it has counted', async () => {
    expect(await scrape(await serve(() => statusOf([READER])))).toMatchObject({
      'agentcol_sqlite_rows_read_total{receiver="sqlite/agents",reader="invocations"}': '100',
      'agentcol_sqlite_rows_behind{receiver="sqlite/agents",reader="invocations"}': '7',
      'agentcol_sqlite_open_rows{receiver="sqlite/agents",reader="invocations"}': '3',
      'agentcol_sqlite_source_up{receiver="sqlite/agents",reader="invocations",reason=""}': '1',
      'agentcol_sqlite_busy_total{receiver="sqlite/agents"}': '2',
      'agentcol_sqlite_source_changes_total{receiver="sqlite/agents",reason="older_copy"}': '1',
      'agentcol_sqlite_skipped_values_total{receiver="sqlite/agents",reason="negative"}': '5',
      'otelcol_receiver_accepted_metric_points_total{receiver="sqlite/agents"}': '40',
      'agentcol_sqlite_page_duration_seconds_count{receiver="sqlite/agents"}': '3',
      'agentcol_sqlite_page_duration_seconds_sum{receiver="sqlite/agents"}': '0.5',
      'agentcol_sqlite_page_duration_seconds_bucket{receiver="sqlite/agents",le="0.01"}': '1',
      'agentcol_sqlite_page_duration_seconds_bucket{receiver="sqlite/agents",le="1"}': '3',
      'agentcol_sqlite_page_duration_seconds_bucket{receiver="sqlite/agents",le="+Inf"}': '3',
    });
  });

  test('of exporters and of the process are there', async () => {
    const samples = await scrape(await serve(() => statusOf([])));
    expect(samples).toMatchObject({
      'target_info{service_name="agentcol",service_version="1.2.3"}': '1',
      [`agentcol_build_info{version="1.2.3",node_version="${process.version}"}`]: '1',
      agentcol_config_last_reload_successful: '1',
      'otelcol_exporter_sent_metric_points_total{exporter="prometheus"}': '12',
      'otelcol_exporter_send_failed_metric_points_total{exporter="prometheus"}': '1',
    });
    expect(Number(samples['otelcol_process_memory_rss_bytes'])).toBeGreaterThan(1e7);
    expect(Number(samples['otelcol_process_uptime_seconds_total'])).toBeGreaterThan(0);
    expect(Object.keys(samples).join()).not.toContain('page_duration');
  });

  test('of processors say what did not go on as itself', async () => {
    const samples = await scrape(await serve(() => statusOf([])));
    const series = 'agentcol_processor_withheld_points_total{pipeline="metrics",processor="filter",metric="calls"}';
    expect(samples[series]).toBe('6');
  });

  test('are of now, at every scrape', async () => {
    let rowsRead = 1;
    const own = await serve(() => statusOf([{ ...READER, rowsRead }]));
    const series = 'agentcol_sqlite_rows_read_total{receiver="sqlite/agents",reader="invocations"}';
    expect((await scrape(own))[series]).toBe('1');
    rowsRead = 500;
    expect((await scrape(own))[series]).toBe('500');
    own.reloadSucceeded = false;
    expect((await scrape(own))['agentcol_config_last_reload_successful']).toBe('0');
  });

  test('say that a source is down and why, for as long as it is', async () => {
    let failure: ReaderStatus['failure'];
    const own = await serve(() => statusOf([{ ...READER, failure }]));
    const up = async (): Promise<unknown> =>
      Object.entries(await scrape(own)).filter(([series]) => series.startsWith('agentcol_sqlite_source_up'));
    const series = (reason: string): string =>
      `agentcol_sqlite_source_up{receiver="sqlite/agents",reader="invocations",reason="${reason}"}`;
    expect(await up()).toEqual([[series(''), '1']]);
    failure = { reason: 'missing', message: '', sinceMs: 0 };
    expect(await up()).toEqual([[series('missing'), '0']]);
    failure = undefined;
    expect(await up()).toEqual([[series(''), '1']]);
  });

  test('say of extensions and exporters that one does not work and why, for as long as it does not', async () => {
    let failure: ExtensionStatus['failure'];
    const own = await serve(() => ({ ...statusOf([]), extensions: [{ id: 'file_storage', failure }] }));
    const up = async (): Promise<unknown> =>
      Object.entries(await scrape(own)).filter(([series]) => series.startsWith('agentcol_component_up'));
    const exporter = ['agentcol_component_up{kind="exporter",component="prometheus",reason=""}', '1'];
    const series = (reason: string): string =>
      `agentcol_component_up{kind="extension",component="file_storage",reason="${reason}"}`;
    expect(await up()).toEqual([exporter, [series(''), '1']]);
    failure = { reason: 'state', message: '/home/me', sinceMs: 0 };
    expect(await up()).toEqual([exporter, [series('state'), '0']]);
    failure = undefined;
    expect(await up()).toEqual([exporter, [series(''), '1']]);
  });

  test('sum up the databases of one receiver, and tell no path', async () => {
    const readers = ['/home/me/a.db', 'C:\\me\\b.db'].map((path) => ({ ...READER, id: `invocations@${path}` }));
    const down = { ...readers[1]!, failure: { reason: 'corrupt', message: '', sinceMs: 0 } };
    const samples = await scrape(await serve(() => statusOf([readers[0]!, down], [READER])));
    expect(samples).toMatchObject({
      'agentcol_sqlite_rows_read_total{receiver="sqlite/agents",reader="invocations"}': '200',
      'agentcol_sqlite_rows_read_total{receiver="sqlite/others",reader="invocations"}': '100',
      'agentcol_sqlite_source_up{receiver="sqlite/agents",reader="invocations",reason="corrupt"}': '0',
      'agentcol_sqlite_source_changes_total{receiver="sqlite/agents",reason="older_copy"}': '2',
      'agentcol_sqlite_page_duration_seconds_count{receiver="sqlite/agents"}': '6',
      'agentcol_sqlite_page_duration_seconds_bucket{receiver="sqlite/agents",le="1"}': '6',
    });
    expect(JSON.stringify(samples)).not.toMatch(/[/\\](home|me)/);
  });

  test.each([
    ['basic', 'agentcol_sqlite_rows_read_total{receiver="sqlite/agents"}', undefined],
    [
      'detailed',
      'agentcol_sqlite_rows_read_total{receiver="sqlite/agents",reader="invocations"}',
      'agentcol_sqlite_page_duration_seconds_count{receiver="sqlite/agents",reader="invocations"}',
    ],
  ] as const)('at level %s are as fine as that', async (level, rowsRead, pages) => {
    const samples = await scrape(await serve(() => statusOf([READER]), { level }));
    expect(samples[rowsRead]).toBe('100');
    expect(Object.keys(samples).filter((series) => series.includes('page_duration_seconds_count'))).toEqual(
      pages === undefined ? [] : [pages],
    );
  });
});

describe('an address that is in use', () => {
  let occupant: Server;

  async function occupied(): Promise<string> {
    occupant = createServer();
    await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(occupant.address() as AddressInfo).port}`;
  }

  afterEach(() => {
    occupant.close();
  });

  test('is an error where the user wrote it, with the setting to change', async () => {
    const error: unknown = await serve(() => statusOf([]), { server: server(await occupied()) }).catch(
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain('set service::telemetry::metrics::address to another port');
  });

  test('is a warning where it is the default: agentcol runs all the same', async () => {
    const own = await serve(() => statusOf([]), { server: server(await occupied()), addressWritten: false });
    expect(own.address).toBeUndefined();
    expect(log.lines.join()).toContain("agentcol's own metrics are not published: listen on 127.0.0.1:");
    expect(log.lines.join()).toContain('the address is in use');
  });
});

test('refuses an address that is none', () => {
  const options = {
    level: 'normal',
    addressWritten: true,
    version: '',
    logger: log,
    status: () => statusOf([]),
    authenticator,
  } as const;
  expect(() => new OwnMetrics({ ...options, server: server('nowhere') })).toThrow(ConfigError);
});

test('publishes the metrics that docs/telemetry.md describes, each with the type that it says', async () => {
  const own = await serve(() => statusOf([READER]), { level: 'detailed' });
  const text = await (await fetch(`http://${own.address ?? ''}/metrics`)).text();
  const published = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name!} ${type!}`);
  const document = readFileSync(new URL('../../docs/telemetry.md', import.meta.url), 'utf8');
  const described = [...document.matchAll(/^\| `(\w+)` +\| (counter|gauge|histogram) /gm)].map(
    ([, name, type]) => `${name!} ${type!}`,
  );
  expect(described.sort()).toEqual(published.sort());
});

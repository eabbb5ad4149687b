import { afterEach, describe, expect, test } from 'vitest';
import { healthCheck } from '../../../extensions/health_check/factory.ts';
import { HealthCheck } from '../../../extensions/health_check/health-check.ts';
import { withoutFolders } from '../../../extensions/health_check/paths.ts';
import { reportOf } from '../../../extensions/health_check/report.ts';
import type { ReaderStatus, Status } from '../../../src/component.ts';
import { ConfigError } from '../../../src/errors.ts';
import { componentSuite, testSettings } from '../../component-suite.ts';

componentSuite(healthCheck, { config: { endpoint: '127.0.0.1:0' } });

const running: HealthCheck[] = [];

afterEach(async () => {
  for (const one of running.splice(0)) await one.shutdown();
});

const READER: ReaderStatus = {
  id: 'invocations',
  failure: undefined,
  lastFailure: undefined,
  rowsRead: 10,
  rowsBehind: 0,
  openRows: 2,
  points: 4,
  busy: 0,
  changes: new Map(),
  skipped: new Map(),
  pageDuration: { count: 1, sum: 0.1, bucketCounts: [1, 0], boundaries: [1] },
};

const MISSING = {
  reason: 'missing',
  message: 'waiting for /home/me/secret project/a.db: no such file yet',
  sinceMs: 60_000,
};

function statusWith(readers: readonly ReaderStatus[], pipeline: Partial<Status['pipelines'][number]> = {}): Status {
  return {
    startTimeMs: 0,
    extensions: [{ id: 'file_storage', failure: undefined }],
    pipelines: [
      {
        id: 'metrics',
        signal: 'metrics',
        progress: undefined,
        receivers: [{ id: 'sqlite/agents', readers }],
        processors: ['hash'],
        exporters: ['prometheus'],
        withheld: [],
        ...pipeline,
      },
    ],
    exporters: [
      { id: 'prometheus', counts: new Map([['metrics', { sent: 7, failed: 1 }]]) },
      { id: 'debug', counts: new Map([['metrics', { sent: 1, failed: 0 }]]) },
    ],
  };
}

async function ask(path: string, status?: Status): Promise<{ status: number; body: string; headers: Headers }> {
  const extension = new HealthCheck(
    { endpoint: '127.0.0.1:0', allow_insecure_bind: false, allowed_hosts: [] },
    testSettings('health'),
  );
  running.push(extension);
  if (status !== undefined) extension.observe(() => status);
  await extension.start();
  const response = await fetch(`http://${extension.address ?? ''}${path}`);
  return { status: response.status, body: await response.text(), headers: response.headers };
}

test('is alive whatever else goes wrong', async () => {
  const failing = statusWith([{ ...READER, failure: MISSING }], { progress: { read: 0, total: 10 } });
  expect(await ask('/healthz', failing)).toMatchObject({ status: 200, body: 'ok\n' });
});

test('names what it answers', async () => {
  expect((await ask('/')).body).toContain('/healthz, /readyz, /status');
  expect((await ask('/metrics')).status).toBe(404);
});

test('is not ready before every pipeline has caught up, and tells how far they are', async () => {
  const one = statusWith([READER], { progress: { read: 12, total: 400 } });
  const two = { ...one, pipelines: [...one.pipelines, { ...one.pipelines[0]!, id: 'metrics/2', progress: undefined }] };
  const { status, body, headers } = await ask('/readyz', two);
  expect({ status, body }).toEqual({ status: 503, body: 'catching up: 12 of 400 rows\n' });
  expect(headers.get('retry-after')).toBe('5');
});

test('is ready from then on, also while a source cannot be read: a restart would not help', async () => {
  expect(await ask('/readyz', statusWith([{ ...READER, failure: MISSING }]))).toMatchObject({
    status: 200,
    body: 'ready\n',
  });
});

test('knows nothing before it is told', async () => {
  expect((await ask('/readyz')).status).toBe(503);
  expect((await ask('/status')).status).toBe(503);
});

describe('the report', () => {
  async function report(status: Status): Promise<unknown> {
    const { body, headers, status: code } = await ask('/status', status);
    expect(code).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    return JSON.parse(body);
  }

  test('tells of each component how it is doing', async () => {
    expect(await report(statusWith([READER, { ...READER, id: 'tool_calls', rowsBehind: 5 }]))).toEqual({
      status: 'StatusOK',
      ready: true,
      start_time: '1970-01-01T00:00:00.000Z',
      components: {
        'extension:file_storage': { status: 'StatusOK' },
        'pipeline:metrics': {
          status: 'StatusOK',
          ready: true,
          components: {
            'receiver:sqlite/agents': {
              status: 'StatusOK',
              rows_read: 20,
              rows_behind: 5,
              open_rows: 4,
              readers: [
                { reader: 'invocations', status: 'StatusOK', rows_read: 10, rows_behind: 0, open_rows: 2 },
                { reader: 'tool_calls', status: 'StatusOK', rows_read: 10, rows_behind: 5, open_rows: 2 },
              ],
            },
            'processor:hash': { status: 'StatusOK' },
            'exporter:prometheus': { status: 'StatusOK', sent_metric_points: 7, send_failed_metric_points: 1 },
          },
        },
      },
    });
  });

  test('tells an error with its reason and since when, from the reader up to the collector', async () => {
    const error = {
      reason: 'missing',
      message: 'waiting for a.db: no such file yet',
      since: '1970-01-01T00:01:00.000Z',
    };
    expect(await report(statusWith([READER, { ...READER, failure: MISSING }]))).toMatchObject({
      status: 'StatusRecoverableError',
      components: {
        'pipeline:metrics': {
          status: 'StatusRecoverableError',
          components: {
            'receiver:sqlite/agents': {
              status: 'StatusRecoverableError',
              error,
              readers: [{ status: 'StatusOK' }, { status: 'StatusRecoverableError', error }],
            },
          },
        },
      },
    });
  });

  test('tells of an extension that fails', async () => {
    const failure = { reason: 'state', message: 'commit: disk full', sinceMs: 0 };
    const status = { ...statusWith([READER]), extensions: [{ id: 'file_storage', failure }] };
    expect(await report(status)).toMatchObject({
      status: 'StatusRecoverableError',
      components: { 'extension:file_storage': { error: { reason: 'state', message: 'commit: disk full' } } },
    });
  });

  test('remembers the last trouble that is over', async () => {
    const reader = { ...READER, lastFailure: { ...MISSING, untilMs: 120_000 } };
    expect(JSON.stringify(await report(statusWith([reader])))).toContain(
      '"last_error":{"reason":"missing","message":"waiting for a.db: no such file yet","since":"1970-01-01T00:01:00.000Z","until":"1970-01-01T00:02:00.000Z"}',
    );
  });

  test('starts until the pipeline has caught up', async () => {
    expect(await report(statusWith([READER], { progress: { read: 1, total: 2 } }))).toMatchObject({
      status: 'StatusStarting',
      ready: false,
      components: { 'pipeline:metrics': { status: 'StatusStarting', rows_read: 1, rows_total: 2 } },
    });
  });
});

test('refuses an endpoint that other machines can reach, unless it is told to allow it', async () => {
  const open = { endpoint: '0.0.0.0:9467', allow_insecure_bind: false, allowed_hosts: [] };
  expect((await healthCheck.check?.(open))?.[0]?.message).toContain('127.0.0.1:9467');
  expect(await healthCheck.check?.({ ...open, allow_insecure_bind: true })).toEqual([]);
  expect(() => new HealthCheck({ ...open, endpoint: 'nowhere' }, testSettings('health'))).toThrow(ConfigError);
});

test.each([
  ['waiting for /home/me/a.db: no such file yet', 'waiting for a.db: no such file yet'],
  ['/home/me/my project/a b.db is locked', 'a b.db is locked'],
  ["EACCES: permission denied, open '/srv/x/a.db'", "EACCES: permission denied, open 'a.db'"],
  ['waiting for ~/agents/a.db: or ~me/b/c.db', 'waiting for a.db: or c.db'],
  ['read C:\\Users\\me\\a.db: locked', 'read a.db: locked'],
  ['invocations@/srv/projects/x/a.db', 'invocations@a.db'],
  ['/a/b.db: gone; set DB=/c/d.db', 'b.db: gone; set DB=d.db'],
  ['table agents: 2 of 3 rows/s, and/or', 'table agents: 2 of 3 rows/s, and/or'],
])('%s is told as %s', (text, told) => {
  expect(withoutFolders(text)).toBe(told);
});

test('certificates that are not good are told before the start', async () => {
  const tls = { cert_file: '/nowhere/c', key_file: '/nowhere/k', min_version: '1.2', max_version: '1.3' } as const;
  const extension = new HealthCheck(
    { endpoint: '127.0.0.1:0', allow_insecure_bind: false, allowed_hosts: [], tls: { ...tls, reload_interval: '1m' } },
    testSettings('health'),
  );
  expect(await extension.inspect()).toMatchObject([{ severity: 'error', path: ['tls', 'cert_file'] }]);
  await expect(extension.start()).rejects.toThrow('read /nowhere/c: there is no such file');
  expect(extension.failure).toBeUndefined();
});

test('an exporter that goes on with what it had says why', () => {
  const failure = { reason: 'not_reloaded', message: 'tls: read /etc/x/cert.pem: there is no such file', sinceMs: 0 };
  const report = reportOf({
    startTimeMs: 0,
    extensions: [],
    pipelines: [
      {
        id: 'metrics',
        signal: 'metrics',
        progress: undefined,
        receivers: [],
        processors: [],
        exporters: ['prometheus'],
        withheld: [],
      },
    ],
    exporters: [{ id: 'prometheus', counts: new Map([['metrics', { sent: 1, failed: 0 }]]), failure }],
  });
  expect(report).toMatchObject({
    status: 'StatusRecoverableError',
    components: {
      'pipeline:metrics': {
        components: {
          'exporter:prometheus': {
            error: { reason: 'not_reloaded', message: 'tls: read cert.pem: there is no such file' },
          },
        },
      },
    },
  });
});

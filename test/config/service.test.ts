import { describe, expect, test } from 'vitest';
import { load, problems } from './loading.ts';

interface Parts {
  readonly receivers?: string;
  readonly processors?: string;
  readonly exporters?: string;
  readonly extensions?: string;
  readonly service?: string;
  readonly pipelines?: string;
}

/** One line each: 1 receivers, 2 processors, 3 exporters, 4 extensions, 6 service::extensions, 7 pipelines. */
function parts({ service, ...written }: Parts = {}): string {
  return [
    `receivers: ${written.receivers ?? '{sqlite: {database: /d}}'}`,
    `processors: ${written.processors ?? '{hash: }'}`,
    `exporters: ${written.exporters ?? '{prometheus: }'}`,
    `extensions: ${written.extensions ?? '{file_storage: }'}`,
    'service:',
    `  ${service ?? 'extensions: [file_storage]'}`,
    `  pipelines: ${written.pipelines ?? '{metrics: {receivers: [sqlite], processors: [hash], exporters: [prometheus]}}'}`,
  ].join('\n');
}

test('a whole configuration', async () => {
  const config = await load(parts());
  expect(config.service).toEqual({
    extensions: ['file_storage'],
    pipelines: new Map([
      ['metrics', { signal: 'metrics', receivers: ['sqlite'], processors: ['hash'], exporters: ['prometheus'] }],
    ]),
    privacy: { sensitive_attributes: expect.arrayContaining(['*session_id']) as unknown, allow: [] },
    telemetry: {
      logs: { level: 'info' },
      metrics: {
        level: 'normal',
        server: { endpoint: '127.0.0.1:9466', allow_insecure_bind: false, allowed_hosts: [] },
        addressWritten: false,
      },
    },
  });
  expect(config.receivers.get('sqlite')).toMatchObject({ id: 'sqlite', type: 'sqlite' });
  expect(config.processors.get('hash')?.settings).toEqual({ length: 16 });
  expect(config.warnings).toEqual([]);
});

test('processors and extensions may be left out, or left empty', async () => {
  const pipelines = '{metrics/a: {receivers: [sqlite], exporters: [prometheus]}}';
  const config = await load(parts({ processors: '', extensions: '', service: 'telemetry: {}', pipelines }));
  expect(config.service.pipelines.get('metrics/a')).toMatchObject({ signal: 'metrics', processors: [] });
});

describe('types', () => {
  test.each([
    [
      { receivers: '{sqlit: }' },
      '1:13: receivers: unknown receiver type "sqlit"; did you mean "sqlite"? (receivers of this build: sqlite)',
    ],
    [{ receivers: '{mysql: }' }, '1:13: receivers: unknown receiver type "mysql" (receivers of this build: sqlite)'],
    [{ receivers: '{hash: }' }, '1:13: receivers: unknown receiver type "hash": it is a processor'],
    [{ exporters: '{file_storage: }' }, '3:13: exporters: unknown exporter type "file_storage": it is an extension'],
    [
      { receivers: '{SQLite: }' },
      '1:13: receivers: "SQLite" is no component id: write "type" or "type/name", the type in lower case',
    ],
    [{ receivers: '{sqlite: 5}' }, '1:21: receivers::sqlite: expected a map or nothing, not 5'],
    [{ receivers: '[sqlite]' }, '1:1: receivers: expected a map, not a list'],
  ])('%j', async (written, message) => {
    expect(await problems(parts(written))).toContain(`a.yaml:${message}`);
  });

  test('a build without any of a kind says so', async () => {
    expect(await problems(parts(), { factories: [] })).toContain(
      'a.yaml:3:13: exporters: unknown exporter type "prometheus" (this build has no exporters)',
    );
  });
});

describe('habits of the Collector that have no place here get the reason', () => {
  test.each([
    [
      { receivers: '{otlp: }' },
      '1:13: receivers: the otlp receiver has no place here: agentcol reads local databases only',
    ],
    [{ processors: '{batch: }' }, '2:14: processors: the batch processor has no place here: data is read in pages'],
    [
      { processors: '{memory_limiter/x: {}}' },
      '2:14: processors: the memory_limiter processor has no place here: memory is bounded already',
    ],
    [{ exporters: '{logging: }' }, '3:13: exporters: the logging exporter has no place here'],
    [
      { exporters: '{prometheus: {sending_queue: {}}}' },
      '3:26: exporters::prometheus: sending_queue has no place here: the database is the queue',
    ],
    [{ extensions: '{zpages: }' }, '4:14: extensions: the zpages extension has no place here'],
    [
      { service: 'telemetry: {metrics: {readers: []}}' },
      "6:25: service::telemetry::metrics: readers has no place here: agentcol's own metrics are served at service::telemetry::metrics::address",
    ],
    [
      { pipelines: '{metrics: {receivers: [sqlite], processors: [batch], exporters: [prometheus]}}' },
      '7:59: service::pipelines::metrics: the batch processor has no place here: data is read in pages',
    ],
  ])('%j', async (written, message) => {
    expect(await problems(parts(written))).toContainEqual(expect.stringContaining(`a.yaml:${message}`));
  });
});

describe('references', () => {
  const pipeline = (receivers: string, exporters: string) => ({
    pipelines: `{metrics: {receivers: [${receivers}], exporters: [${exporters}]}}`,
  });

  test.each([
    [
      pipeline('sqlite', 'prometeus'),
      '7:58: service::pipelines::metrics: references exporter "prometeus" which is not configured; did you mean "prometheus"?',
    ],
    [pipeline('x', 'prometheus'), '7:37: service::pipelines::metrics: references receiver "x" which is not configured'],
    [
      pipeline('hash', 'prometheus'),
      '7:37: service::pipelines::metrics: references receiver "hash" which is not configured; there is one under processors',
    ],
    [
      pipeline('Sqlite', 'prometheus'),
      '7:37: service::pipelines::metrics::receivers::0: expected a component id such as "sqlite" or "sqlite/agents", not "Sqlite"',
    ],
    [pipeline('', 'prometheus'), '7:25: service::pipelines::metrics::receivers: expected at least 1 entry, not 0'],
    [
      pipeline('sqlite, sqlite', 'prometheus'),
      '7:45: service::pipelines::metrics::receivers::1: stands in the list already',
    ],
    [{ pipelines: '{metrics: {receivers: [sqlite]}}' }, '7:15: service::pipelines::metrics: missing key "exporters"'],
    [{ pipelines: '{}' }, '7:3: service::pipelines: expected at least 1 key, not 0'],
    [{ pipelines: '' }, '7:3: service::pipelines: expected a map, not nothing'],
    [
      { service: 'extensions: [file]' },
      '6:16: service::extensions: references extension "file" which is not configured',
    ],
    [
      { service: 'extensions: [file_storage/x]' },
      '6:16: service::extensions: references extension "file_storage/x" which is not configured; did you mean "file_storage"?',
    ],
    [
      { receivers: '{sqlite: {database: /d, storage: files}}' },
      '1:45: receivers::sqlite::storage: references extension "files" which is not configured',
    ],
    [
      { receivers: '{sqlite: {database: /d, storage: file_storage}}', service: 'extensions: []' },
      '1:45: receivers::sqlite::storage: references extension "file_storage" which is not started: add it to service::extensions',
    ],
  ])('%j', async (written, message) => {
    expect(await problems(parts(written))).toContain(`a.yaml:${message}`);
  });

  test('a component that cannot take the signal', async () => {
    expect(await problems(parts({ exporters: '{spans: }', ...pipeline('sqlite', 'spans') }))).toEqual([
      'a.yaml:7:58: service::pipelines::metrics: exporter "spans" does not take metrics, but traces',
    ]);
  });

  test('a component that is wrong is no missing one', async () => {
    expect(await problems(parts({ exporters: '{prometheus: {endpoint: x}}' }))).toHaveLength(1);
  });

  test('a pipeline is called after its signal', async () => {
    const both = '{traces: {receivers: [sqlite], exporters: [prometheus]}, metrcs/x: {receivers: [a], exporters: [b]}}';
    expect(await problems(parts({ pipelines: both }))).toEqual([
      'a.yaml:7:36: service::pipelines::traces: receiver "sqlite" does not take traces, but metrics',
      'a.yaml:7:57: service::pipelines::traces: exporter "prometheus" does not take traces, but metrics',
      'a.yaml:7:71: service::pipelines: "metrcs/x" is no pipeline id: write "metrics", "traces" or "logs", or "metrics/name"; did you mean "metrics"?',
    ]);
  });

  test('what is configured and not used is a warning', async () => {
    const { warnings } = await load(
      parts({ processors: '{hash: , hash/b: }', extensions: '{file_storage: , file_storage/b: }' }),
    );
    expect(warnings).toEqual([
      expect.stringMatching(/a\.yaml:2:22: processors: "hash\/b" is configured, but used in no pipeline$/),
      expect.stringMatching(
        /a\.yaml:4:30: extensions: "file_storage\/b" is configured, but not listed in service::extensions$/,
      ),
    ]);
  });
});

describe("agentcol's own telemetry", () => {
  const metrics = (address: string) => parts({ service: `telemetry: {metrics: {address: "${address}"}}` });

  test('an address that is written is marked as such', async () => {
    const { telemetry } = (await load(metrics('127.0.0.1:9466'))).service;
    expect(telemetry.metrics).toMatchObject({ server: { endpoint: '127.0.0.1:9466' }, addressWritten: true });
  });

  test('is for this machine only, unless it is told otherwise', async () => {
    expect(await problems(metrics('0.0.0.0:9466'))).toEqual([
      'a.yaml:6:34: service::telemetry::metrics::address: other machines could reach 0.0.0.0:9466, which has neither TLS nor authentication; set address to 127.0.0.1:9466 and put a proxy in front of it, configure tls and auth, or write allow_insecure_bind: true',
    ]);
  });
});

import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { factories } from '../../src/components.ts';
import type { ExporterFactory } from '../../src/component.ts';
import { loadConfig, type Config } from '../../src/config/config.ts';
import { FACTORIES, Folder, load, loadIn, prometheus, receiving, storage } from './loading.ts';

const SHIPPED = 'otel-config.yaml';

/** Everything but functions and places. */
function plain({ receivers, processors, exporters, extensions, service }: Config): unknown {
  const sections = [receivers, processors, exporters, extensions].map((components) =>
    [...components].map(([id, { settings }]) => [id, settings]),
  );
  return { sections, extensions: service.extensions, pipelines: [...service.pipelines] };
}

test('the shipped configuration, printed, loads as itself from another folder', async () => {
  const config = await loadConfig({ files: [SHIPPED] }, factories);
  using folder = new Folder();
  const again = await loadConfig({ files: [folder.write('printed.yaml', config.print())] }, factories);
  expect(plain(again)).toEqual(plain(config));
});

test('sources are merged, defaults filled in, paths absolute', async () => {
  using folder = new Folder();
  const sets = ['receivers::sqlite/agents::limit=9', 'extensions::file_storage::directory=/set'];
  const config = await loadIn(folder, [receiving('database: here.db'), 'receivers: {sqlite/agents: {preset: b}}'], {
    sets,
  });
  expect(parse(config.print())).toEqual({
    receivers: {
      'sqlite/agents': {
        database: `${folder.path}/here.db`,
        preset: 'b',
        collection_interval: '1s',
        limit: 9,
        start_at: 'beginning',
      },
    },
    exporters: { prometheus: { endpoint: '127.0.0.1:9465' } },
    extensions: { file_storage: { directory: '/set' } },
    service: {
      extensions: ['file_storage'],
      pipelines: { metrics: { receivers: ['sqlite/agents'], processors: [], exporters: ['prometheus'] } },
      privacy: { sensitive_attributes: expect.arrayContaining(['*session_id']) as unknown, allow: [] },
      telemetry: {
        logs: { level: 'info' },
        metrics: { level: 'normal', address: '127.0.0.1:9466', allow_insecure_bind: false, allowed_hosts: [] },
      },
    },
  });
});

const pushing: ExporterFactory = {
  ...prometheus,
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      endpoint: { type: 'string' },
      headers: { type: 'object', additionalProperties: { type: 'string', secret: true } },
      tokens: { type: 'array', items: { type: 'string', secret: true } },
      shown: { type: 'string', secret: false },
    },
  },
};

test('what its schema calls secret is hidden, wherever it came from', async () => {
  const config = await load(
    receiving('database: /d.db').replace(
      '  prometheus:\n',
      '  prometheus: {headers: {Authorization: hunter2}, tokens: ["${env:TOKEN}"], shown: seen}\n',
    ),
    {
      factories: [...FACTORIES.filter((factory) => factory !== prometheus && factory !== storage), pushing, storage],
      env: { TOKEN: 'hunter3' },
      sets: ['exporters::prometheus::headers::X-Key=hunter4'],
    },
  );
  expect(config.print()).not.toContain('hunter');
  expect(parse(config.print())).toMatchObject({
    exporters: {
      prometheus: {
        headers: { Authorization: '[REDACTED]', 'X-Key': '[REDACTED]' },
        tokens: ['[REDACTED]'],
        shown: 'seen',
      },
    },
  });
});

test('what a file holds is hidden, in part or as the default of a variable too', async () => {
  using folder = new Folder();
  const secret = folder.write('secret', 'hunter2\n');
  const config = await loadIn(folder, [
    receiving(
      'database: [/a.db, "/b/${file:secret}"]',
      `preset: \${file:${secret}}`,
      'labels: {a: "${env:NONE:-${file:secret}}", b: "$${file:secret}"}',
    ),
  ]);
  expect(config.print()).not.toContain('hunter');
  expect(parse(config.print())).toMatchObject({
    receivers: {
      'sqlite/agents': {
        database: ['/a.db', '[REDACTED]'],
        preset: '[REDACTED]',
        labels: { a: '[REDACTED]' },
      },
    },
  });
});

test('the key of every hash is secret', async () => {
  for (const processor of ['hash', 'strip_paths']) {
    const sets = [`processors::${processor}::key=0123456789abcdef`];
    expect((await loadConfig({ files: [SHIPPED], sets }, factories)).print()).toContain('key: "[REDACTED]"');
  }
});

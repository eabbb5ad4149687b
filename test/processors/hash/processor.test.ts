import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fileStorage } from '../../../extensions/file_storage/factory.ts';
import { FileStorage } from '../../../extensions/file_storage/storage.ts';
import { hashProcessor } from '../../../processors/hash/factory.ts';
import type { Processor, StorageExtension } from '../../../src/component.ts';
import { SchemaCheck } from '../../../src/config/schema.ts';
import { ConfigError } from '../../../src/errors.ts';
import type { Attributes, Batch, Metric, MetricsBatch } from '../../../src/pipeline/signals.ts';
import { metricsIn } from '../points.ts';
import { filledConfig, processorSuite, testSettings } from '../../component-suite.ts';

const KEY = 'sixteen or more!';
const SESSION = '6706089d-9d7e-4f48-bd2d-8f2a2546eb78';
const calls: Metric = { name: 'calls', type: 'counter', unit: '{call}', description: '', aggregation: 'sum' };
const took: Metric = {
  name: 'took',
  type: 'histogram',
  unit: 's',
  description: '',
  aggregation: 'sum',
  boundaries: [1],
};

function numbers(...points: readonly (readonly [Attributes, number])[]): MetricsBatch {
  const asPoints = points.map(([attributes, value]) => ({ attributes, value: [value] }));
  return { signal: 'metrics', metrics: [{ metric: calls, mode: 'delta', points: asPoints }] };
}

function processor(config: Readonly<Record<string, unknown>>, storage?: StorageExtension): Promise<Processor> {
  const settings = testSettings('hash', { storage: () => storage });
  return hashProcessor.create(filledConfig(hashProcessor, config), settings);
}

async function hashed(config: Readonly<Record<string, unknown>>, attributes: Attributes): Promise<Attributes> {
  const batch = (await processor({ key: KEY, ...config })).process(numbers([attributes, 1]));
  const points = metricsIn(batch)[0];
  if (points === undefined || !('points' in points)) throw new Error('no points');
  return points.points[0]!.attributes;
}

function storageWith(secret: Buffer): StorageExtension & { asked: string[] } {
  const asked: string[] = [];
  return {
    directory: '/nowhere',
    asked,
    secret(name) {
      asked.push(name);
      return secret;
    },
    reclaim: () => undefined,
  };
}

test('says of the attributes that it hashes that they are hashed', async () => {
  const before = [
    { name: 'session_id', treatments: ['cut'] },
    { name: 'tool', treatments: [] },
  ];
  const trace = (await processor({ key: KEY, attributes: ['*id'] })).traceAttributes?.(before, calls);
  expect(trace).toEqual([
    { name: 'session_id', treatments: ['cut', 'hashed'], hidden: 'values' },
    { name: 'tool', treatments: [] },
  ]);
});

processorSuite(hashProcessor, {
  config: {},
  settings: { storage: () => storageWith(Buffer.alloc(32, 7)) },
  changed: {
    signal: 'metrics',
    metrics: [
      ...numbers([{ session_id: SESSION, tool: 'Bash' }, 1]).metrics,
      {
        metric: took,
        mode: 'delta',
        histograms: [{ attributes: { session_id: SESSION }, count: 1, sum: [2], bucketCounts: [0, 1] }],
      },
    ],
  },
  unchanged: numbers([{ 'gen_ai.tool.name': 'Bash' }, 1], [{}, 2]),
});

describe('what a hash is', () => {
  test.each([
    [SESSION, '7ea1223e48359b24'],
    ['5', '64c1a3d25ffdf026'],
    ['séance-日本', 'a031b2cdb0caf50b'],
  ])('"%s" is the beginning of its HMAC-SHA-256, as openssl computes it', async (value, expected) => {
    expect(await hashed({}, { session_id: value })).toEqual({ session_id: expected });
  });

  test('has the configured length', async () => {
    const whole = await hashed({ length: 64 }, { session_id: SESSION });
    expect(whole.session_id).toMatch(/^[0-9a-f]{64}$/);
    expect(await hashed({ length: 8 }, { session_id: SESSION })).toEqual({
      session_id: String(whole.session_id).slice(0, 8),
    });
  });

  test('is the same for a number or a boolean and for its text', async () => {
    expect(await hashed({}, { session_id: 5 })).toEqual(await hashed({}, { session_id: '5' }));
    expect(await hashed({}, { session_id: true })).toEqual(await hashed({}, { session_id: 'true' }));
  });

  test('is another one with another key', async () => {
    const other = await hashed({ key: 'another key, as long' }, { session_id: SESSION });
    expect(other).not.toEqual(await hashed({}, { session_id: SESSION }));
  });
});

describe('which attributes are hashed', () => {
  test.each([
    [['session_id'], ['session_id']],
    [['*'], ['a.session_id', 'gen_ai.conversation.id', 'session_id', 'session_id2', 'tool']],
    [['gen_ai.*'], ['gen_ai.conversation.id']],
    [['*session*'], ['a.session_id', 'session_id', 'session_id2']],
    [['session_id?'], ['session_id2']],
    [['gen_ai.conversation.i', 'Session_id', '?session_id'], []],
    [
      ['tool', 'a.*'],
      ['a.session_id', 'tool'],
    ],
  ])('%s name %s', async (attributes, expected) => {
    const before = { 'a.session_id': 'x', 'gen_ai.conversation.id': 'x', session_id: 'x', session_id2: 'x', tool: 'x' };
    const after = await hashed({ attributes }, before);
    expect(Object.keys(after)).toEqual(Object.keys(before));
    expect(
      Object.keys(after)
        .filter((name) => after[name] !== 'x')
        .sort(),
    ).toEqual(expected);
  });

  test('no attribute at all is refused', () => {
    const { errors } = new SchemaCheck().check(hashProcessor.schema, { attributes: [] });
    expect(errors.map((error) => error.instancePath)).toEqual(['/attributes']);
  });

  test('a key of fewer than 16 characters is refused', () => {
    const { errors } = new SchemaCheck().check(hashProcessor.schema, { key: 'fifteen letters' });
    expect(errors.map((error) => error.instancePath)).toEqual(['/key']);
  });
});

describe('where the key comes from', () => {
  test('a key is generated into the storage under one name, and asked for only after the start', async () => {
    const storage = storageWith(Buffer.from(KEY));
    const created = await processor({}, storage);
    expect(storage.asked).toEqual([]);
    await created.start?.();
    expect(storage.asked).toEqual(['hash']);
    expect(created.process(numbers([{ session_id: SESSION }, 1]))).toEqual(
      numbers([await hashed({}, { session_id: SESSION }), 1]),
    );
    expect(storage.asked).toEqual(['hash']);
  });

  test('a configured key is used although there is a storage', async () => {
    const storage = storageWith(Buffer.alloc(32));
    const created = await processor({ key: KEY }, storage);
    await created.start?.();
    created.process(numbers([{ session_id: SESSION }, 1]));
    expect(storage.asked).toEqual([]);
  });

  test('without a key and a storage it does not start, and says both remedies', async () => {
    const refused: unknown = await processor({}).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConfigError);
    expect(refused).toMatchObject({
      problems: [{ path: ['key'], message: expect.stringMatching(/key: .*file_storage/) as unknown }],
    });
  });

  test('the storage that the settings name is asked', async () => {
    const asked: (string | undefined)[] = [];
    const settings = testSettings('hash', {
      storage: (id) => {
        asked.push(id);
        return storageWith(Buffer.alloc(32));
      },
    });
    await hashProcessor.create(filledConfig(hashProcessor, { storage: 'file_storage/keys' }), settings);
    expect(asked).toEqual(['file_storage/keys']);
  });
});

describe('key_id', () => {
  test('stands before the hash that the key makes, and changes nothing else', async () => {
    const plain = await hashed({}, { session_id: SESSION });
    expect(await hashed({ key_id: 'k2' }, { session_id: SESSION })).toEqual({
      session_id: `k2:${String(plain['session_id'])}`,
    });
  });

  test('is another generated key, and the one before comes back with it', async () => {
    const asked = async (key_id?: string): Promise<readonly string[]> => {
      const storage = storageWith(Buffer.alloc(32));
      await (await processor(key_id === undefined ? {} : { key_id }, storage)).start?.();
      return storage.asked;
    };
    expect(await asked()).toEqual(['hash']);
    expect(await asked('k2')).toEqual(['hash-k2']);
    const directory = mkdtempSync(path.join(tmpdir(), 'agentcol-hash-'));
    const storage = new FileStorage(filledConfig(fileStorage, { directory }));
    await storage.start();
    const hashes: unknown[] = [];
    for (const settings of [{}, { key_id: 'k2' }, {}, { key_id: 'k2' }]) {
      const hash = await processor(settings, storage);
      await hash.start?.();
      hashes.push(hash.process(numbers([{ session_id: SESSION }, 1])));
    }
    await storage.shutdown();
    rmSync(directory, { recursive: true });
    expect(hashes[2]).toEqual(hashes[0]);
    expect(hashes[3]).toEqual(hashes[1]);
    expect(JSON.stringify(hashes[1])).toMatch(/"k2:[0-9a-f]{16}"/);
    expect(JSON.stringify(hashes[1])).not.toContain(/[0-9a-f]{16}/.exec(JSON.stringify(hashes[0]))?.[0]);
  });

  test.each(['K2', 'k', '2k', 'k2:', 'a'.repeat(17), ''])('is not %s', (key_id) => {
    const { errors } = new SchemaCheck().check(hashProcessor.schema, { key_id });
    expect(errors.map((error) => error.instancePath)).toEqual(['/key_id']);
  });
});

test('a generated key outlives a restart: the same value has the same hash', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'agentcol-hash-'));
  const runs: (Batch | undefined)[] = [];
  for (let run = 0; run < 2; run += 1) {
    const storage = new FileStorage(filledConfig(fileStorage, { directory }));
    await storage.start();
    const hash = await processor({}, storage);
    await hash.start?.();
    runs.push(hash.process(numbers([{ session_id: SESSION }, 1])));
    await hash.shutdown?.();
    await storage.shutdown();
  }
  rmSync(directory, { recursive: true });
  expect(runs[0]).not.toEqual(numbers([{ session_id: SESSION }, 1]));
  expect(runs[1]).toEqual(runs[0]);
});

test('points that become equal are merged, sums exactly', async () => {
  const batch = (await processor({ key: KEY })).process({
    signal: 'metrics',
    metrics: [
      ...numbers([{ session_id: 5 }, 0.1], [{ session_id: 'other' }, 1], [{ session_id: '5' }, 0.2]).metrics,
      {
        metric: took,
        mode: 'delta',
        histograms: [
          { attributes: { session_id: 5 }, count: 1, sum: [0.5], bucketCounts: [1, 0] },
          { attributes: { session_id: '5' }, count: 2, sum: [4], bucketCounts: [0, 2] },
        ],
      },
    ],
  });
  const five = await hashed({}, { session_id: 5 });
  expect(metricsIn(batch)).toMatchObject([
    { points: [{ attributes: five, value: [-2.7755575615628914e-17, 0.30000000000000004] }, { value: [1] }] },
    { histograms: [{ attributes: five, count: 3, sum: [4.5], bucketCounts: [1, 2] }] },
  ]);
});

test('no hashed value shows in what comes out, and two values never share a hash', async () => {
  const values = fc.uniqueArray(fc.string({ minLength: 6, maxLength: 40, unit: 'grapheme' }), {
    minLength: 2,
    maxLength: 20,
  });
  const created = await processor({ key: KEY });
  fc.assert(
    fc.property(values, (ids) => {
      const batch = created.process(numbers(...ids.map((id): [Attributes, number] => [{ session_id: id }, 1])));
      const text = JSON.stringify(batch);
      for (const id of ids) if (!/^[0-9a-f]+$/.test(id)) expect(text).not.toContain(JSON.stringify(id));
      expect(metricsIn(batch)[0]).toMatchObject({ points: ids.map(() => ({ value: [1] })) });
    }),
  );
});

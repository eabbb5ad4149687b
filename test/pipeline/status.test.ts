import Database from 'better-sqlite3';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import type { MetricSource, ReaderStatus, Status } from '../../src/component.ts';
import { factories } from '../../src/components.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Assembly } from '../../src/pipeline/assembly.ts';
import { Feed } from '../../src/pipeline/feed.ts';
import { Service } from '../../src/pipeline/service.ts';
import { statusOf } from '../../src/pipeline/status.ts';
import { MemorySource, metric } from '../exporters/prometheus/memory-source.ts';
import { Ledger, LedgerReader, recorder } from './ledger.ts';
import { Running } from './running.ts';

let folder: string;
let file: string;
let service: Service | undefined;
const log = recorder();

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-status-'));
  file = path.join(folder, 'jobs.db');
});

afterEach(async () => {
  await service?.shutdown();
  fs.rmSync(folder, { recursive: true, force: true });
});

function writer(): Database.Database {
  const database = new Database(file);
  database.exec('CREATE TABLE IF NOT EXISTS jobs(id INTEGER PRIMARY KEY, name TEXT, seconds, done INTEGER)');
  return database;
}

function write(...statements: readonly string[]): void {
  const database = writer();
  for (const statement of statements) database.exec(statement);
  database.close();
}

async function started(extensions: readonly string[] = []): Promise<Service> {
  const config = {
    receivers: {
      sqlite: {
        database: file,
        collection_interval: '10ms',
        tables: {
          jobs: {
            identity: ['name'],
            complete_when: 'done = 1',
            metrics: [
              { name: 'jobs', type: 'counter', of: 'complete' },
              {
                name: 'job.duration',
                type: 'histogram',
                unit: 's',
                of: 'complete',
                value: 'seconds',
                buckets: [1, 10],
              },
            ],
          },
        },
      },
    },
    processors: { strip_paths: null },
    exporters: { prometheus: { endpoint: '127.0.0.1:0' } },
    extensions: { health_check: { endpoint: '127.0.0.1:0' } },
    service: {
      extensions,
      pipelines: { metrics: { receivers: ['sqlite'], processors: ['strip_paths'], exporters: ['prometheus'] } },
    },
  };
  const configFile = path.join(folder, 'otel-config.yaml');
  fs.writeFileSync(configFile, stringify(config));
  service = await Service.create(await loadConfig({ files: [configFile] }, factories), {
    logger: log,
    now: () => 5_000,
  });
  await service.start();
  return service;
}

function reader({ pipelines }: Status): ReaderStatus {
  const found = pipelines[0]?.receivers[0]?.readers[0];
  if (found === undefined) throw new Error('no reader yet');
  return found;
}

async function until(condition: (status: Status) => boolean): Promise<Status> {
  return await vi.waitFor(
    () => {
      const status = service!.status;
      if (!condition(status)) throw new Error(`not yet: ${JSON.stringify(status)}`);
      return status;
    },
    { interval: 5, timeout: 5_000 },
  );
}

test('names every component, in its place', async () => {
  write();
  const { status } = await started(['health_check']);
  expect(status.startTimeMs).toBe(5_000);
  expect(status.extensions).toEqual([{ id: 'health_check', failure: undefined }]);
  expect(status.pipelines).toMatchObject([
    { id: 'metrics', receivers: [{ id: 'sqlite' }], processors: ['strip_paths'], exporters: ['prometheus'] },
  ]);
  expect(status.exporters).toEqual([{ id: 'prometheus', counts: new Map([['metrics', { sent: 0, failed: 0 }]]) }]);
});

test('sums up what the processors of the lanes of a pipeline withhold, by processor and metric', () => {
  const withholds = (...counts: readonly (readonly [string, number])[]) => ({
    configured: { id: 'filter' },
    instance: { process: () => undefined, withheld: new Map(counts) },
  });
  const lane = (...processors: readonly object[]) => ({
    pipeline: 'metrics',
    signal: 'metrics',
    processors,
    receiver: { configured: {} },
  });
  const lanes = [
    lane(withholds(['calls', 2], ['took', 1]), { configured: { id: 'hash' }, instance: {} }),
    lane(withholds(['calls', 3])),
  ];
  const stores = [{ id: 'metrics', progress: () => undefined }];
  const assembly = { extensions: [], exporters: [], lanes, stores } as unknown as Assembly;
  const { pipelines } = statusOf({
    startTimeMs: 0,
    pipelines: new Map([['metrics', { signal: 'metrics', receivers: [], processors: [], exporters: [] }]]),
    assembly,
    lanes: [],
    failures: new Map(),
  });
  expect(pipelines[0]?.withheld).toEqual([
    { processor: 'filter', metric: 'calls', points: 5 },
    { processor: 'filter', metric: 'took', points: 1 },
  ]);
});

test('counts what a reader reads, and what it leaves out', async () => {
  write("INSERT INTO jobs VALUES (1, 'a', 0.5, 1), (2, 'b', 20, 1), (3, 'c', 'soon', 1), (4, 'd', NULL, 0)");
  await started();
  const status = await until(({ pipelines }) => pipelines[0]!.progress === undefined);
  const { rowsBehind, openRows, points, skipped, pageDuration } = reader(status);
  expect({ rowsBehind, openRows }).toEqual({ rowsBehind: 0, openRows: 1 });
  expect(reader(status).rowsRead).toBeGreaterThanOrEqual(4);
  expect(points).toBe(2);
  expect([...skipped]).toEqual([['not_a_number', 1]]);
  expect(pageDuration.count).toBeGreaterThan(0);
  expect(pageDuration.bucketCounts.reduce((sum, count) => sum + count)).toBe(pageDuration.count);
  expect(pageDuration.bucketCounts).toHaveLength(pageDuration.boundaries.length + 1);
  expect(status.exporters).toEqual([{ id: 'prometheus', counts: new Map([['metrics', { sent: 2, failed: 0 }]]) }]);
});

test('counts no page in cycles that find nothing', async () => {
  using running = new Running(undefined, [[new LedgerReader(new Ledger().add({}, {}))]]);
  await running.ready();
  const counted = JSON.stringify(running.lanes[0]!.status);
  expect(counted).toContain('"rowsRead":2');
  const receiver = running.receivers[0]!;
  const cycles = receiver.polls;
  await running.until(() => receiver.polls > cycles + 3);
  expect(JSON.stringify(running.lanes[0]!.status)).toBe(counted);
});

test('tells what stands in the way and since when, and remembers it when it is over', async () => {
  await started();
  const waiting = await until((status) => reader(status).failure !== undefined);
  expect(reader(waiting).failure).toMatchObject({ reason: 'missing', sinceMs: 5_000 });
  expect(waiting.pipelines[0]?.progress).toBeUndefined();
  write("INSERT INTO jobs VALUES (1, 'a', 1, 1)");
  const { failure, lastFailure, rowsRead } = reader(await until((status) => reader(status).failure === undefined));
  expect(failure).toBeUndefined();
  expect(lastFailure).toMatchObject({ reason: 'missing', sinceMs: 5_000, untilMs: 5_000 });
  expect(rowsRead).toBe(1);
});

test('counts how often a lock put it off', async () => {
  write("INSERT INTO jobs VALUES (1, 'a', 1, 1)");
  const locking = writer();
  locking.exec('BEGIN EXCLUSIVE');
  await started();
  await until((status) => reader(status).busy >= 2);
  expect(reader(service!.status).failure?.reason).toBe('busy');
  locking.exec('COMMIT');
  locking.close();
  await until((status) => reader(status).failure === undefined && reader(status).rowsRead === 1);
});

describe('a source change', () => {
  test('is counted with its reason and logged for who must know', async () => {
    write("INSERT INTO jobs VALUES (1, 'a', 1, 1), (2, 'b', 1, 1)");
    await started();
    await until((status) => reader(status).rowsRead === 2);
    write('DELETE FROM jobs WHERE id = 2');
    await until((status) => reader(status).changes.get('rows_deleted') === 1);
    expect(log.lines.join('\n')).toMatch(/^warn jobs: table jobs: .*\(rows_deleted\)$/m);
  });

  test('that is part of ordinary use is counted, and logged for those who look for it', async () => {
    write("INSERT INTO jobs VALUES (1, 'a', 1, 0), (2, 'b', 1, 0), (3, 'c', 1, 1)");
    await started();
    await until((status) => reader(status).openRows === 2);
    write('DELETE FROM jobs WHERE id < 3');
    const status = await until((now) => reader(now).openRows === 0);
    expect(reader(status).changes.get('open_row_gone')).toBe(2);
    expect(log.lines.join('\n')).toMatch(/^debug jobs: .*\(open_row_gone\)$/m);
  });
});

describe('a feed', () => {
  const METRIC = metric('m', 'counter');

  test('is its source to the exporter, and counts what that takes and what it fails to take', () => {
    const source = new MemorySource().set(METRIC, {}, 1);
    const feed: MetricSource & Pick<Feed, 'sent' | 'failed'> = new Feed(source);
    expect([feed.id, feed.families, feed.progress()]).toEqual(['metrics', source.families, undefined]);
    let fails = false;
    const subscription = feed.onCommit(() => {
      if (fails) throw new Error('no');
    });
    source.set(METRIC, { a: 1 }, 1).commit();
    expect([feed.sent, feed.failed]).toEqual([2, 0]);
    fails = true;
    source.set(METRIC, {}, 2);
    expect(() => {
      source.commit();
    }).toThrow('no');
    expect([feed.sent, feed.failed]).toEqual([2, 1]);
    subscription[Symbol.dispose]();
    source.set(METRIC, {}, 3).commit();
    expect([feed.sent, feed.failed]).toEqual([2, 1]);
  });
});

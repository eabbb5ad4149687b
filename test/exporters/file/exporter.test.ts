import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createExporter } from '../../../exporters/file/exporter.ts';
import { fileExporter } from '../../../exporters/file/factory.ts';
import { FileTransport } from '../../../exporters/file/transport.ts';
import { ConfigError, RetryableError } from '../../../src/errors.ts';
import { componentSuite, filledConfig, testSettings } from '../../component-suite.ts';
import { LOGS, TRACES } from '../../otlp/batches.ts';
import { oneOfEach } from '../../otlp/metrics.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'agentcol-'));
componentSuite(fileExporter, { config: { path: join(FOLDER, 'suite.jsonl') } });

let folder: string;
let path: string;
let nowMs: number;
const open: FileTransport[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(FOLDER, 'test-'));
  path = join(folder, 'out.jsonl');
  nowMs = Date.UTC(2026, 10, 28, 1, 2, 3, 4);
});

afterEach(async () => {
  for (const transport of open.splice(0)) await transport.close();
  rmSync(folder, { recursive: true });
});

async function started(config: Readonly<Record<string, unknown>> = {}): Promise<FileTransport> {
  const transport = new FileTransport(
    filledConfig(fileExporter, { path, ...config }),
    testSettings('file', { now: () => nowMs }),
  );
  open.push(transport);
  await transport.start();
  return transport;
}

const line = (text: string): Uint8Array => new TextEncoder().encode(text);

function lines(file = path): readonly string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

test('everything is there as a line of OTLP JSON once it is taken', async () => {
  const exporter = createExporter(filledConfig(fileExporter, { path }), testSettings('file'));
  await exporter.start();
  await exporter.export(TRACES, { 'host.name': 'h' });
  await exporter.export(LOGS, {});
  expect(lines().map((text) => Object.keys(JSON.parse(text) as object))).toEqual([['resourceSpans'], ['resourceLogs']]);
  exporter.connect([oneOfEach()]);
  await exporter.shutdown();
  expect(Object.keys(JSON.parse(lines()[2]!) as object)).toEqual(['resourceMetrics']);
  expect(exporter.pushed).toEqual({ sent: 5, failed: 0 });
});

test('the file is for its user alone, also where it was there', async () => {
  writeFileSync(path, 'before\n');
  chmodSync(path, 0o644);
  await (await started()).send('logs', line('after'));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(lines()).toEqual(['before', 'after']);
});

test.each([
  ['whole\nhalf', ['whole', 'next']],
  ['half', ['next']],
  [`whole\n${'x'.repeat(200_000)}`, ['whole', 'next']],
])('what a crash has left of a line is cut off (%#)', async (content, expected) => {
  writeFileSync(path, content);
  await (await started()).send('logs', line('next'));
  expect(lines()).toEqual(expected);
});

test('lines of all signals come one after the other, whole', async () => {
  const transport = await started();
  const texts = Array.from({ length: 50 }, (_, index) => `${index}`.repeat(1_000));
  await Promise.all(texts.map((text) => transport.send('traces', line(text))));
  expect(lines()).toEqual(texts);
});

test('a file that somebody moves away is begun anew', async () => {
  const transport = await started();
  await transport.send('logs', line('one'));
  renameSync(path, `${path}.1`);
  await transport.send('logs', line('two'));
  rmSync(path);
  await transport.send('logs', line('three'));
  expect([lines(`${path}.1`), lines()]).toEqual([['one'], ['three']]);
});

test('what cannot be written may be written later, and leaves no half line', async () => {
  const transport = await started();
  await transport.send('logs', line('one'));
  const aside = `${folder}-aside`;
  renameSync(folder, aside);
  await expect(transport.send('logs', line('two'))).rejects.toBeInstanceOf(RetryableError);
  renameSync(aside, folder);
  appendFileSync(path, 'half');
  await transport.send('logs', line('two'));
  expect(lines()).toEqual(['one', 'two']);
});

test('a path that leads nowhere is an error of the configuration', async () => {
  const config = filledConfig(fileExporter, { path: join(folder, 'none', 'out.jsonl') });
  const transport = new FileTransport(config, testSettings('file'));
  await expect(transport.start()).rejects.toBeInstanceOf(ConfigError);
  expect(await transport.inspect()).toMatchObject([{ path: ['path'], severity: 'error' }]);
  expect(await (await started()).inspect()).toEqual([]);
});

describe('rotation', () => {
  const half = line('x'.repeat(600_000));

  test('renames a full file with its time, and begins another', async () => {
    const transport = await started({ rotation: { max_megabytes: 1 } });
    for (let count = 0; count < 4; count += 1) await transport.send('logs', half);
    expect(readdirSync(folder).sort()).toEqual([
      'out-2026-11-28T01-02-03.004.jsonl',
      'out-2026-11-28T01-02-03.005.jsonl',
      'out-2026-11-28T01-02-03.006.jsonl',
      'out.jsonl',
    ]);
    expect(statSync(join(folder, 'out-2026-11-28T01-02-03.004.jsonl')).size).toBe(600_001);
  });

  test('keeps as many as it may, for as long as it may, and nothing else is touched', async () => {
    const others = ['out-notes.jsonl', 'other-2020-01-01T00-00-00.000.jsonl', 'out-2020-01-01T00-00-00.000.txt'];
    const old = [
      'out-2026-11-01T00-00-00.000.jsonl',
      'out-2026-11-27T00-00-00.000.jsonl',
      'out-2026-11-27T12-00-00.000.jsonl',
    ];
    for (const name of [...others, ...old]) writeFileSync(join(folder, name), '');
    const transport = await started({ rotation: { max_megabytes: 1, max_days: 7, max_backups: 2 } });
    await transport.send('logs', half);
    await transport.send('logs', half);
    expect(readdirSync(folder).sort()).toEqual(
      [...others, 'out-2026-11-27T12-00-00.000.jsonl', 'out-2026-11-28T01-02-03.004.jsonl', 'out.jsonl'].sort(),
    );
  });
});

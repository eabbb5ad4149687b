import { once as event } from 'node:events';
import fs from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { components } from '../../src/commands/components.ts';
import { once } from '../../src/commands/once.ts';
import { printConfig } from '../../src/commands/print-config.ts';
import { run } from '../../src/commands/run.ts';
import { UsageError } from '../../src/commands/usage-error.ts';
import { factories } from '../../src/components.ts';
import { capture } from './capture.ts';
import { jobsConfig, jobsDatabase } from './jobs.ts';

let folder: string;
let out: string;
let err: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-commands-'));
  out = '';
  err = '';
  capture(process.stdout, (text) => (out += text));
  capture(process.stderr, (text) => (err += text));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  fs.rmSync(folder, { recursive: true, force: true });
});

describe('components', () => {
  const overview = { names: [], all: false, json: false };

  test('lists every type under its kind, with what it does', async () => {
    expect(await components(overview)).toBe(0);
    for (const { kind, type, summary } of factories) {
      const section = out.split('\n\n').find((lines) => lines.startsWith(`${kind}s:\n`));
      expect(section).toMatch(new RegExp(`^  ${type} `, 'm'));
      expect(section).toContain(summary);
    }
  });

  test('tells the settings of a type: names, types, defaults, what they do', async () => {
    expect(await components({ ...overview, names: ['processor/strip_paths', 'strip_paths'] })).toBe(0);
    expect(out).toMatch(/^processor strip_paths \(metrics, traces, logs\): /);
    expect(out).toMatch(/^ {2}mode +basename or drop or hash +"basename" +What becomes of a path/m);
    expect(out).toMatch(/^ {2}key +string +Secret of at least 16 characters/m);
    expect(out.match(/^processor /gm)).toHaveLength(1);
  });

  test('tells what stands below a setting, and what must be given', async () => {
    await components({ ...overview, names: ['sqlite'] });
    expect(out).toMatch(/^ {2}database +path or list of path +required +/m);
    expect(out).toMatch(/^ {2}tables +map .*\n {4}\* +map\n {6}from +string +Table; default: the id$/m);
    expect(out).toMatch(
      /^ {8}buckets +list of number or map .*\n {10}start +number +required +The first upper bound$/m,
    );
  });

  test('--all tells every type', async () => {
    await components({ ...overview, all: true });
    for (const { kind, type } of factories) expect(out).toMatch(new RegExp(`^${kind} ${type}[ :,]`, 'm'));
  });

  test('--json is the schemas', async () => {
    await components({ ...overview, json: true });
    expect(JSON.parse(out)).toEqual(
      factories.map(({ type, aliases, kind, signals, summary, schema }) => ({
        type,
        ...(aliases === undefined ? {} : { aliases }),
        kind,
        signals,
        summary,
        schema,
      })),
    );
  });

  test('an alias is the type, and is told with it', async () => {
    await components({ ...overview, names: ['otlphttp', 'exporter/otlp'] });
    expect(out).toMatch(/^exporter otlp_http, also otlphttp \(metrics, traces, logs\): /m);
    expect(out).toMatch(/^exporter otlp_grpc, also otlp \(metrics, traces, logs\): /m);
  });

  test('an unknown type is a wrong call', async () => {
    await expect(components({ ...overview, names: ['sqlit'] })).rejects.toThrow(
      new UsageError('unknown component type "sqlit"; did you mean "sqlite"?'),
    );
  });
});

test('print-config prints what was merged', async () => {
  expect(await printConfig([jobsConfig(folder)], ['receivers::sqlite::collection_interval=3s'])).toBe(0);
  expect(out).toContain('    collection_interval: 3s\n');
  expect(out).toContain(`    database: ${folder}/jobs.db\n`);
});

describe('once', () => {
  test('prints what a recount of the rows says', async () => {
    jobsDatabase(folder);
    expect(await once([jobsConfig(folder)], [], new AbortController().signal)).toBe(0);
    expect(out).toContain('jobs_total{kind="a"} 2\n');
    expect(out).toContain('jobs_total{kind="b"} 1\n');
  });

  test('names metrics as a scrape would', async () => {
    jobsDatabase(folder);
    await once([jobsConfig(folder)], ['exporters::prometheus::namespace=lab'], new AbortController().signal);
    expect(out).toContain('lab_jobs_total{kind="a"} 2\n');
  });

  test('is 1, with each reason once, when a source cannot be read', async () => {
    expect(await once([jobsConfig(folder)], ['exporters::prometheus/b='], new AbortController().signal)).toBe(1);
    const lines = err
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg)).toContainEqual(
      expect.stringContaining('"prometheus/b" is configured, but used in no pipeline'),
    );
    const errors = lines.filter(({ level }) => level === 'error');
    expect(errors).toMatchObject([{ component: 'sqlite', reason: 'missing' }]);
    expect(errors[0]?.['msg']).toContain(`${folder}/jobs.db`);
  });

  test('is 1, and prints nothing, when it is stopped before', async () => {
    jobsDatabase(folder);
    expect(await once([jobsConfig(folder)], [], AbortSignal.abort())).toBe(1);
    expect(out).toBe('');
  });
});

describe('run', () => {
  test('tells where the configuration is and what goes where, until it is stopped', async () => {
    jobsDatabase(folder);
    const stop = new AbortController();
    const running = run([jobsConfig(folder)], ['exporters::prometheus/b='], stop.signal);
    await vi.waitFor(() => expect(err).toContain('pipeline metrics: sqlite -> prometheus'));
    expect(err).toContain(`started with ${folder}/jobs.yaml`);
    stop.abort();
    expect(await running).toBe(0);
    expect(err).toMatch(/"msg":"stopping".*"msg":"stopped"/s);
    expect(out).toBe('');
  });

  test('goes on after a fault, and logs where it was but not what it said', async () => {
    const stop = new AbortController();
    const running = run([jobsConfig(folder)], [], stop.signal);
    await vi.waitFor(() => expect(err).toContain('pipeline metrics'));
    // Not the listeners of the test runner.
    const [log] = process.listeners('uncaughtException').slice(-1);
    log?.(Object.assign(new SyntaxError('private text'), { code: 'E_PARSE' }), 'uncaughtException');
    log?.('private text' as unknown as Error, 'uncaughtException');
    expect(err).toMatch(/"error":"SyntaxError","code":"E_PARSE","stack":\["at /);
    expect(err).toContain('"error":"string"');
    expect(err).not.toContain('private text');
    stop.abort();
    expect(await running).toBe(0);
    expect(process.listeners('uncaughtException')).not.toContain(log);
  });

  test('an address in use is told with its place', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await event(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const set = `exporters::prometheus::endpoint=127.0.0.1:${port}`;
    await expect(run([jobsConfig(folder)], [set], new AbortController().signal)).rejects.toThrow(
      new RegExp(`^--set exporters::prometheus::endpoint: .*${port}`),
    );
    server.close();
  });
});

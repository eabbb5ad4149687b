import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { Collector } from '../../src/commands/collector.ts';
import { Hangups } from '../../src/commands/hangups.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import {
  freePort,
  jobsConfig,
  jobsTable,
  Reloading,
  scrape,
  Scraper,
  shows,
  type Written,
} from '../pipeline/reloading.ts';
import { MAIN } from '../program.ts';

// Dozens of reloads on a machine that does other things meanwhile.
vi.setConfig({ testTimeout: 60_000 });

let running: Reloading;
let endpoint: string;
let own: string;
/** Of the log, one object a line. */
let lines: { readonly level: string; readonly msg: string }[];
const stops: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  running = new Reloading();
  endpoint = `unix:${running.folder.file('metrics.sock')}`;
  own = `127.0.0.1:${await freePort()}`;
  lines = [];
});

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await running[Symbol.asyncDispose]();
});

interface Telemetry {
  readonly logs?: { readonly level: string };
  readonly metrics?: { readonly level?: string; readonly address?: string };
}

function written(receiver: Readonly<Record<string, unknown>> = {}, telemetry: Telemetry = {}): Written {
  const config = jobsConfig(endpoint, receiver);
  const whole = { ...telemetry, metrics: { address: own, ...telemetry.metrics } };
  return { ...config, service: { ...config.service, telemetry: whole } as Written['service'] };
}

async function collectorOf(config: Written): Promise<Collector> {
  const write = (line: string): void => void lines.push(JSON.parse(line) as (typeof lines)[number]);
  const loaded = await running.load(config);
  const collector = await Collector.create(
    loaded,
    createLogger({ level: loaded.service.telemetry.logs.level, stream: { write } }),
  );
  stops.push(() => collector.shutdown());
  await collector.start();
  return collector;
}

async function lastReload(address = own): Promise<number | undefined> {
  return (await scrape(address)).samples.get('agentcol_config_last_reload_successful');
}

describe('a collector that reloads', () => {
  test('says what it has started and stopped, each time', async () => {
    running.jobs('jobs.db', 10);
    const collector = await collectorOf(written());
    const slower = written({ collection_interval: '30ms' });
    expect(await collector.reload(() => running.load(slower))).toBe(true);
    expect(await collector.reload(() => running.load(slower))).toBe(true);
    expect(await collector.reload(() => running.load(slower))).toBe(true);
    expect(lines.map(({ msg }) => msg).filter((msg) => msg.startsWith('reload'))).toEqual([
      'reload 1: started sqlite/jobs; stopped sqlite/jobs',
      'reload 2: no component changed',
      'reload 3: no component changed',
    ]);
    expect(await lastReload()).toBe(1);
  });

  test('logs every mistake of a bad configuration, tells it in its own metrics, and goes on', async () => {
    running.jobs('jobs.db', 10);
    const collector = await collectorOf(written());
    const bad = written({ colection_interval: '1s', tables: { jobs: { metrics: [] } } });
    expect(await collector.reload(() => running.load(bad))).toBe(false);
    expect(lines.filter(({ level }) => level === 'error').map(({ msg }) => msg)).toEqual([
      expect.stringMatching(
        /^reload 1: .*otel-config\.yaml:\d+:\d+: receivers::sqlite\/jobs::tables::jobs: nothing is made of its rows/,
      ),
      expect.stringMatching(
        /^reload 1: .*otel-config\.yaml:\d+:\d+: receivers::sqlite\/jobs: unknown key "colection_interval"/,
      ),
      'reload 1: the configuration was not taken over; what ran before goes on',
    ]);
    expect(await lastReload()).toBe(0);
    running.addJobs('jobs.db', 10);
    await shows(endpoint, running.recount('jobs.db'));
    expect(await collector.reload(() => running.load(written()))).toBe(true);
    expect(await lastReload()).toBe(1);
  });

  test.each(['receivers: {sqlite: {datab', 'receivers:\n  sqlite/jobs:\n    database: jobs.db\n', ''])(
    'takes a half-written file for a bad one: %j',
    async (half) => {
      running.jobs('jobs.db', 10);
      const collector = await collectorOf(written());
      expect(await collector.reload(() => running.load(half))).toBe(false);
      await shows(endpoint, running.recount('jobs.db'));
    },
  );

  test('survives what is not the fault of the configuration', async () => {
    const collector = await collectorOf(written());
    expect(await collector.reload(() => Promise.reject(new Error('out of ink', { cause: new Error('dry') })))).toBe(
      false,
    );
    expect(lines.map(({ msg }) => msg)).toContain('reload 1: out of ink: dry');
  });

  test('warns of what is not used', async () => {
    const collector = await collectorOf(written());
    const config = written();
    const exporters = { ...config.exporters, 'prometheus/unused': { endpoint: '127.0.0.1:0' } };
    expect(await collector.reload(() => running.load({ ...config, exporters }))).toBe(true);
    expect(lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^reload 1: .*"prometheus\/unused" is configured, but used in no pipeline/),
    ]);
  });

  test('lets go of its own metrics when it cannot start', async () => {
    await collectorOf(written());
    const other = `127.0.0.1:${await freePort()}`;
    await expect(collectorOf(written({}, { metrics: { address: other } }))).rejects.toThrow(/in use|another agentcol/);
    await expect(scrape(other)).rejects.toThrow('ECONNREFUSED');
  });

  test('writes from then on what its log level allows', async () => {
    const collector = await collectorOf(written({}, { logs: { level: 'error' } }));
    expect(lines).toEqual([]);
    await collector.reload(() => running.load(written({}, { logs: { level: 'info' } })));
    await collector.reload(() => running.load(written({}, { logs: { level: 'warn' } })));
    expect(lines.map(({ msg }) => msg)).toEqual(['reload 1: no component changed']);
  });

  test('has its own metrics where the new configuration wants them', async () => {
    const collector = await collectorOf(written());
    const other = `127.0.0.1:${await freePort()}`;
    expect(await collector.reload(() => running.load(written({}, { metrics: { address: other } })))).toBe(true);
    expect(await lastReload(other)).toBe(1);
    await expect(scrape(own)).rejects.toThrow('ECONNREFUSED');
    const basic = written({}, { metrics: { address: other, level: 'basic' } });
    expect(await collector.reload(() => running.load(basic))).toBe(true);
    expect(await lastReload(other)).toBe(1);
    expect(await collector.reload(() => running.load(written({}, { metrics: { level: 'none' } })))).toBe(true);
    await expect(scrape(other)).rejects.toThrow('ECONNREFUSED');
    expect(await collector.reload(() => running.load('nothing'))).toBe(false);
    expect(await collector.reload(() => running.load(written()))).toBe(true);
    expect(await lastReload()).toBe(1);
  });

  test('changes nothing when its own metrics cannot be where the new configuration wants them', async () => {
    running.jobs('jobs.db', 10);
    const collector = await collectorOf(written());
    const occupied = await collectorOfOwnMetrics();
    const bad = written({ collection_interval: '30ms' }, { metrics: { address: occupied } });
    expect(await collector.reload(() => running.load(bad))).toBe(false);
    expect(lines.map(({ msg }) => msg)).toContainEqual(
      expect.stringMatching(/^reload 1: listen on .*: the address is in use.*service::telemetry::metrics::address/),
    );
    expect(await lastReload()).toBe(0);
  });

  test('lets go of new own metrics when the rest of the new configuration cannot be had', async () => {
    const collector = await collectorOf(written());
    const other = `127.0.0.1:${await freePort()}`;
    const occupied = await collectorOfOwnMetrics();
    const bad = { ...written({}, { metrics: { address: other } }), exporters: { prometheus: { endpoint: occupied } } };
    expect(await collector.reload(() => running.load(bad))).toBe(false);
    expect(await lastReload()).toBe(0);
    await expect(scrape(other)).rejects.toThrow('ECONNREFUSED');
  });

  test('exchanges the addresses of its own metrics and of an exporter', async () => {
    running.jobs('jobs.db', 10);
    const [first, third] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const at = (exporter: string, address: string): Written => ({
      ...written({}, { metrics: { address } }),
      exporters: { prometheus: { endpoint: exporter } },
    });
    const collector = await collectorOf(at(first, own));
    expect(await collector.reload(() => running.load(at(own, first)))).toBe(true);
    expect(await lastReload(first)).toBe(1);
    expect(await collector.reload(() => running.load(at(own, third)))).toBe(true);
    expect(await collector.reload(() => running.load(at(third, own)))).toBe(true);
    expect(await lastReload(own)).toBe(1);
    const occupied = await collectorOfOwnMetrics();
    const bad = { ...at(own, third), extensions: { file_storage: {}, health_check: { endpoint: occupied } } };
    const service = { ...bad.service, extensions: ['file_storage', 'health_check'] };
    expect(await collector.reload(() => running.load({ ...bad, service }))).toBe(false);
    expect(await lastReload(own)).toBe(0);
  });
});

/** Another collector's, in its way. */
async function collectorOfOwnMetrics(): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`;
  const config = written({ storage: undefined }, { metrics: { address } });
  const exporters = { prometheus: { endpoint: '127.0.0.1:0' } };
  await collectorOf({ ...config, exporters, extensions: { file_storage: { directory: 'theirs' } } });
  lines = [];
  return address;
}

describe('SIGHUP', () => {
  test('is answered one after the other; those that come meanwhile, once', async () => {
    using hangups = new Hangups();
    const answers: (() => void)[] = [];
    process.emit('SIGHUP', 'SIGHUP');
    hangups.answer(() => new Promise((resolve) => answers.push(resolve)));
    expect(answers).toHaveLength(1);
    process.emit('SIGHUP', 'SIGHUP');
    process.emit('SIGHUP', 'SIGHUP');
    expect(answers).toHaveLength(1);
    answers[0]?.();
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    answers[1]?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers).toHaveLength(2);
  });

  test('is listened to no more afterwards', () => {
    const before = process.listenerCount('SIGHUP');
    const hangups = new Hangups();
    expect(process.listenerCount('SIGHUP')).toBe(before + 1);
    hangups[Symbol.dispose]();
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });
});

describe('the program', () => {
  test('does not fail one scrape, and no value falls, in twenty reloads by SIGHUP', async () => {
    running.jobs('jobs.db', 3_000);
    const child = await program(written());
    await shows(endpoint, running.recount('jobs.db'));
    const scraper = new Scraper(endpoint, 'jobs_total');
    for (let round = 1; round <= 20; round += 1) {
      // Every other metric definition is one that the table is read anew for.
      const when = `${round} = ${round}`;
      const tables = { jobs: { ...jobsTable, metrics: [{ name: 'jobs', type: 'counter', when }] } };
      await running.load(round % 2 === 0 ? written({ collection_interval: `${round}ms` }) : written({ tables }));
      child.kill('SIGHUP');
      await child.says(`reload ${round}: started sqlite/jobs; stopped sqlite/jobs`);
      running.addJobs('jobs.db', 10);
    }
    await shows(endpoint, running.recount('jobs.db'));
    await scraper.stop();
    expect(scraper.faults).toEqual([]);
    expect(scraper.scrapes).toBeGreaterThan(20);
  });

  test('goes on when the file is bad, or half written, or gone', async () => {
    running.jobs('jobs.db', 10);
    const child = await program(written());
    await shows(endpoint, running.recount('jobs.db'));
    const file = running.folder.file('otel-config.yaml');
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').slice(0, 80));
    child.kill('SIGHUP');
    await child.says('reload 1: the configuration was not taken over');
    fs.rmSync(file);
    child.kill('SIGHUP');
    await child.says('reload 2: the configuration was not taken over');
    expect(await lastReload()).toBe(0);
    running.addJobs('jobs.db', 10);
    await shows(endpoint, running.recount('jobs.db'));
    fs.writeFileSync(file, stringify(written()));
    child.kill('SIGHUP');
    await child.says('reload 3: no component changed');
    expect(await lastReload()).toBe(1);
  });

  test('is not ended by a SIGHUP while it starts, and does its first read to the end', async () => {
    running.jobs('jobs.db', 60_000);
    const child = await program(written(), { patient: false });
    await child.says("serving agentcol's own metrics");
    child.kill('SIGHUP');
    await child.says('reload 1: no component changed');
    await shows(endpoint, running.recount('jobs.db'));
    expect(child.process.exitCode).toBeNull();
  });
});

interface Program {
  readonly process: ChildProcess;
  kill(signal: NodeJS.Signals): void;
  stderr(): string;
  /** Resolves when standard error has said it. */
  says(words: string): Promise<void>;
}

async function program(config: Written, { patient = true } = {}): Promise<Program> {
  await running.load(config);
  const words = [MAIN, '--allow-root', '-c', running.folder.file('otel-config.yaml')];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  stops.push(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const says = (wanted: string): Promise<void> =>
    vi.waitFor(
      () => {
        if (!said.includes(wanted)) throw new Error(`it has not said ${JSON.stringify(wanted)}, but:\n${said}`);
      },
      { interval: 2, timeout: 30_000 },
    );
  if (patient) await says('started with');
  return { process: child, kill: (signal) => void child.kill(signal), stderr: () => said, says };
}

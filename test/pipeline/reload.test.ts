import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FileStorage } from '../../extensions/file_storage/storage.ts';
import { freePort, jobsConfig, jobsTable, Reloading, scrape, Scraper, shows, stateFile } from './reloading.ts';

// Dozens of reloads on a machine that does other things meanwhile.
vi.setConfig({ testTimeout: 60_000 });

let running: Reloading;
let endpoint: string;

beforeEach(async () => {
  running = new Reloading();
  endpoint = `127.0.0.1:${await freePort()}`;
});

afterEach(async () => {
  await running[Symbol.asyncDispose]();
});

/** A reload that counts a metric anew: what is read changes in no number. */
const countedAnew = (round: number) => ({
  tables: { jobs: { ...jobsTable, metrics: [{ name: 'jobs', type: 'counter', when: `${round} = ${round}` }] } },
});

describe('what is configured as before', () => {
  test('goes on: nothing is started or stopped, and connections stay', async () => {
    running.jobs('jobs.db', 10);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    await scrape(endpoint, agent);
    const [socket] = Object.values(agent.freeSockets).flat();
    expect(await running.reload(jobsConfig(endpoint))).toEqual({ started: [], stopped: [] });
    await scrape(endpoint, agent);
    expect(Object.values(agent.freeSockets).flat()).toEqual([socket]);
    agent.destroy();
  });

  test('is not disturbed by what changes beside it', async () => {
    running.jobs('jobs.db', 10);
    running.jobs('more.db', 20);
    const config = jobsConfig(endpoint);
    const more = { ...(config.receivers['sqlite/jobs'] as object), database: 'more.db' };
    const both = (second: object) => ({
      ...config,
      receivers: { ...config.receivers, 'sqlite/more': second },
      service: {
        ...config.service,
        pipelines: { metrics: { receivers: ['sqlite/jobs', 'sqlite/more'], exporters: ['prometheus'] } },
      },
    });
    await running.start(both(more));
    await shows(endpoint, { 'jobs_total{kind="a"}': 15, 'jobs_total{kind="b"}': 15 });
    const change = await running.reload(both({ ...more, collection_interval: '30ms' }));
    expect(change).toEqual({ started: ['sqlite/more'], stopped: ['sqlite/more'] });
    running.addJobs('jobs.db', 2);
    running.addJobs('more.db', 4);
    await shows(endpoint, { 'jobs_total{kind="a"}': 18, 'jobs_total{kind="b"}': 18 });
  });
});

describe('no scrape fails and no value falls', () => {
  test('in fifty reloads, whatever of the lanes they change, while rows are written', async () => {
    running.jobs('jobs.db', 5_000);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    const scraper = new Scraper(endpoint, 'jobs_total');
    for (let round = 0; round < 50; round += 1) {
      const written = [
        jobsConfig(endpoint, { collection_interval: `${20 + round}ms` }),
        jobsConfig(endpoint, countedAnew(round)),
        {
          ...jobsConfig(endpoint),
          receivers: {
            ...jobsConfig(endpoint).receivers,
            'sqlite/unused': { database: 'none.db', tables: {}, preset: 'agent_workflow' },
          },
        },
        withProcessor(endpoint, round),
        jobsConfig(endpoint, {
          tables: {
            jobs: jobsTable,
            again: { ...jobsTable, from: 'jobs', metrics: [{ name: 'more', type: 'counter' }] },
          },
        }),
      ][round % 5]!;
      await running.reload(written);
      running.addJobs('jobs.db', 10);
      // Some lanes are replaced before anybody has looked, others are looked at on the way.
      if (round % 2 === 1) await scraper.another();
    }
    await shows(endpoint, running.recount('jobs.db'));
    await scraper.stop();
    expect(scraper.faults).toEqual([]);
    expect(scraper.scrapes).toBeGreaterThanOrEqual(25);
  });

  test('when a table is read anew, for as long as that takes', async () => {
    running.jobs('jobs.db', 60_000);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    const scraper = new Scraper(endpoint, 'jobs_total');
    await running.reload(withProcessor(endpoint, 1));
    expect(running.service?.status.pipelines[0]?.receivers[0]?.readers[0]?.rowsBehind).toBe(0);
    running.addJobs('jobs.db', 10);
    await shows(endpoint, running.recount('jobs.db'));
    await scraper.stop();
    expect(scraper.faults).toEqual([]);
  });

  test('when the source is locked at that moment', async () => {
    const file = running.jobs('jobs.db', 10);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    const scraper = new Scraper(endpoint, 'jobs_total');
    const { default: Database } = await import('better-sqlite3');
    const writer = new Database(file);
    writer.exec('BEGIN EXCLUSIVE');
    await running.reload(jobsConfig(endpoint, countedAnew(1)));
    await expect.poll(() => running.service?.failures.map(({ reason }) => reason)).toEqual(['busy']);
    await scraper.another();
    writer.exec('COMMIT');
    writer.close();
    running.addJobs('jobs.db', 10);
    await shows(endpoint, running.recount('jobs.db'));
    await scraper.stop();
    expect(scraper.faults).toEqual([]);
  });

  test('when a lane that still reads is replaced again', async () => {
    running.jobs('jobs.db', 60_000);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    const scraper = new Scraper(endpoint, 'jobs_total');
    for (let round = 0; round < 5; round += 1) await running.reload(withProcessor(endpoint, round));
    running.addJobs('jobs.db', 10);
    await shows(endpoint, running.recount('jobs.db'));
    await scraper.stop();
    expect(scraper.faults).toEqual([]);
  });

  test('when the pipeline takes another name', async () => {
    running.jobs('jobs.db', 20_000);
    const config = jobsConfig(endpoint);
    await running.start(config);
    await shows(endpoint, running.recount('jobs.db'));
    const scraper = new Scraper(endpoint, 'jobs_total');
    const { metrics } = config.service.pipelines;
    await running.reload({ ...config, service: { ...config.service, pipelines: { 'metrics/renamed': metrics } } });
    running.addJobs('jobs.db', 10);
    await shows(endpoint, running.recount('jobs.db'));
    await scraper.stop();
    expect(scraper.faults).toEqual([]);
  });

  test('when the state moves to another folder; the old one is free then', async () => {
    running.jobs('jobs.db', 20_000);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    const scraper = new Scraper(endpoint, 'jobs_total');
    const moved = jobsConfig(endpoint, {}, { extensions: { file_storage: { directory: 'moved' } } });
    expect(await running.reload(moved)).toEqual({
      started: ['file_storage', 'sqlite/jobs'],
      stopped: ['file_storage', 'sqlite/jobs'],
    });
    running.addJobs('jobs.db', 10);
    await shows(endpoint, running.recount('jobs.db'));
    await scraper.stop();
    expect(scraper.faults).toEqual([]);
    expect(fs.existsSync(stateFile(running, 'moved'))).toBe(true);
    const free = new FileStorage({ directory: running.folder.file('state') });
    await free.start();
    await free.shutdown();
  });

  test('when the state is kept no more, and when it is kept again', async () => {
    running.jobs('jobs.db', 5_000);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    const scraper = new Scraper(endpoint, 'jobs_total');
    const without = jobsConfig(endpoint, { storage: undefined });
    for (const config of [without, jobsConfig(endpoint)]) {
      await running.reload({ ...config });
      running.addJobs('jobs.db', 10);
      await shows(endpoint, running.recount('jobs.db'));
    }
    await scraper.stop();
    expect(scraper.faults).toEqual([]);
  });
});

function withProcessor(at: string, round: number) {
  const config = jobsConfig(at);
  const metrics = { receivers: ['sqlite/jobs'], processors: ['hash'], exporters: ['prometheus'] };
  return {
    ...config,
    processors: { hash: { key: `0123456789abcdef ${round}` } },
    service: { ...config.service, pipelines: { metrics } },
  };
}

describe('an exporter', () => {
  test('whose address changes is there before the old one goes', async () => {
    running.jobs('jobs.db', 1_000);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    const other = `127.0.0.1:${await freePort()}`;
    await running.reload(jobsConfig(other));
    expect((await scrape(other)).samples).toEqual(new Map(Object.entries(running.recount('jobs.db'))));
    await expect(scrape(endpoint)).rejects.toThrow('ECONNREFUSED');
  });

  test('whose address is in use goes on at its old one, and so does everything else', async () => {
    running.jobs('jobs.db', 10);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    const port = await freePort();
    const occupant = net.createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => occupant.once('listening', resolve));
    const scraper = new Scraper(endpoint, 'jobs_total');
    await expect(running.reload(jobsConfig(`127.0.0.1:${port}`, { collection_interval: '1s' }))).rejects.toThrow(
      /otel-config\.yaml:\d+:\d+: exporters::prometheus::endpoint: .*in use/,
    );
    running.addJobs('jobs.db', 10);
    await shows(endpoint, running.recount('jobs.db'));
    await scraper.stop();
    await new Promise((resolve) => occupant.close(resolve));
    expect(scraper.faults).toEqual([]);
  });

  test('with other settings takes over the address, and shows at once what was shown', async () => {
    running.jobs('jobs.db', 10);
    running.jobs('large.db', 60_000);
    const config = jobsConfig(endpoint);
    await running.start(config);
    await shows(endpoint, running.recount('jobs.db'));
    const change = await running.reload({
      ...config,
      receivers: {
        ...config.receivers,
        'sqlite/large': {
          database: 'large.db',
          tables: { jobs: { ...jobsTable, metrics: [{ name: 'large', type: 'counter' }] } },
        },
      },
      exporters: { prometheus: { endpoint, const_labels: { site: 'here' } } },
      service: {
        ...config.service,
        pipelines: {
          ...config.service.pipelines,
          'metrics/large': { receivers: ['sqlite/large'], exporters: ['prometheus'] },
        },
      },
    });
    expect(change).toEqual({ started: ['prometheus', 'sqlite/large'], stopped: ['prometheus'] });
    const { status, samples } = await scrape(endpoint);
    expect(status).toBe(200);
    expect(samples.get('jobs_total{kind="a",site="here"}')).toBe(5);
    expect(samples.get('large_total{kind="a",site="here"}')).toBeUndefined();
    await shows(endpoint, { 'jobs_total{kind="a",site="here"}': 5, 'large_total{kind="a",site="here"}': 30_000 });
  });

  test('comes back when the one that takes its port cannot start', async () => {
    running.jobs('jobs.db', 10);
    const config = jobsConfig(endpoint);
    await running.start(config);
    await shows(endpoint, running.recount('jobs.db'));
    // TEST-NET-1 (RFC 5737): no address of this machine.
    const elsewhere = endpoint.replace('127.0.0.1', '192.0.2.1');
    const exporters = { prometheus: { endpoint: elsewhere, allow_insecure_bind: true } };
    await expect(running.reload(jobsConfig(endpoint, countedAnew(1), { exporters }))).rejects.toThrow(
      /exporters::prometheus::endpoint/,
    );
    expect((await scrape(endpoint)).samples).toEqual(new Map(Object.entries(running.recount('jobs.db'))));
    running.addJobs('jobs.db', 10);
    await shows(endpoint, running.recount('jobs.db'));
    expect(await running.reload(config)).toEqual({ started: [], stopped: [] });
  });

  test('that cannot come back either is missed loudly, and comes with the next configuration', async () => {
    running.jobs('jobs.db', 10);
    const folder = running.folder.file('sockets');
    fs.mkdirSync(folder);
    const socket = `unix:${folder}/metrics.sock`;
    await running.start(jobsConfig(socket));
    await shows(socket, running.recount('jobs.db'));
    fs.rmSync(folder, { recursive: true });
    const exporters = { prometheus: { endpoint: socket, const_labels: { site: 'here' } } };
    await expect(running.reload(jobsConfig(socket, {}, { exporters }))).rejects.toThrow(/exporters::prometheus/);
    expect(running.log.lines).toContainEqual(
      expect.stringMatching(/^error go back to the configuration before: .*prometheus/),
    );
    fs.mkdirSync(folder);
    expect(await running.reload(jobsConfig(socket))).toEqual({ started: ['prometheus'], stopped: [] });
    expect((await scrape(socket)).samples).toEqual(new Map(Object.entries(running.recount('jobs.db'))));
  });

  test('may exchange its address with another', async () => {
    running.jobs('jobs.db', 10);
    running.jobs('more.db', 30);
    const other = `127.0.0.1:${await freePort()}`;
    const config = jobsConfig(endpoint);
    const two = (one: string, second: string) => ({
      ...config,
      receivers: {
        ...config.receivers,
        'sqlite/more': { ...(config.receivers['sqlite/jobs'] as object), database: 'more.db' },
      },
      exporters: { 'prometheus/1': { endpoint: one }, 'prometheus/2': { endpoint: second } },
      service: {
        ...config.service,
        pipelines: {
          metrics: { receivers: ['sqlite/jobs'], exporters: ['prometheus/1'] },
          'metrics/more': { receivers: ['sqlite/more'], exporters: ['prometheus/2'] },
        },
      },
    });
    await running.start(two(endpoint, other));
    await shows(endpoint, running.recount('jobs.db'));
    await shows(other, running.recount('more.db'));
    await running.reload(two(other, endpoint));
    expect((await scrape(other)).samples).toEqual(new Map(Object.entries(running.recount('jobs.db'))));
    expect((await scrape(endpoint)).samples).toEqual(new Map(Object.entries(running.recount('more.db'))));
  });
});

describe('a lane', () => {
  test('that is new appears when it has caught up, beside those that are there', async () => {
    running.jobs('jobs.db', 10);
    running.jobs('large.db', 60_000);
    const config = jobsConfig(endpoint);
    await running.start(config);
    await shows(endpoint, running.recount('jobs.db'));
    await running.reload({
      ...config,
      receivers: {
        ...config.receivers,
        'sqlite/large': {
          database: 'large.db',
          tables: { jobs: { ...jobsTable, metrics: [{ name: 'large', type: 'counter' }] } },
        },
      },
      service: {
        ...config.service,
        pipelines: { metrics: { receivers: ['sqlite/jobs', 'sqlite/large'], exporters: ['prometheus'] } },
      },
    });
    const seen = new Set<number | undefined>();
    while (!seen.has(30_000)) {
      const { status, samples } = await scrape(endpoint);
      expect(status).toBe(200);
      expect(samples.get('jobs_total{kind="a"}')).toBe(5);
      seen.add(samples.get('large_total{kind="a"}'));
    }
    expect([...seen].filter((value) => value !== undefined)).toEqual([30_000]);
  });

  test('that is configured no more takes its metrics with it; their names are free', async () => {
    running.jobs('jobs.db', 10);
    running.jobs('more.db', 20);
    const config = jobsConfig(endpoint);
    const gauge = { name: 'jobs_total', type: 'gauge', value: 'seconds', aggregation: 'max' };
    await running.start(config);
    await shows(endpoint, running.recount('jobs.db'));
    await running.reload({
      ...config,
      receivers: { 'sqlite/more': { database: 'more.db', tables: { jobs: { ...jobsTable, metrics: [gauge] } } } },
      service: { ...config.service, pipelines: { metrics: { receivers: ['sqlite/more'], exporters: ['prometheus'] } } },
    });
    await shows(endpoint, { 'jobs_total{kind="a"}': 6, 'jobs_total{kind="b"}': 6 });
    expect((await scrape(endpoint)).text).toContain('# TYPE jobs_total gauge');
    expect(running.log.lines.filter((line) => line.includes('left out'))).toEqual([]);
  });

  test('whose metric becomes one of another kind publishes that, once all is read', async () => {
    running.jobs('jobs.db', 20_000);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    const gauge = { name: 'jobs_total', type: 'gauge', value: 'seconds', aggregation: 'max' };
    await running.reload(jobsConfig(endpoint, { tables: { jobs: { ...jobsTable, metrics: [gauge] } } }));
    expect((await scrape(endpoint)).text).toContain('# TYPE jobs_total counter');
    await shows(endpoint, { 'jobs_total{kind="a"}': 6, 'jobs_total{kind="b"}': 6 });
    expect((await scrape(endpoint)).text).toContain('# TYPE jobs_total gauge');
    expect(running.log.lines.filter((line) => line.includes('left out'))).toEqual([]);
  });

  test('that is replaced keeps its position and its open rows: nothing is counted twice or missed', async () => {
    running.jobs('jobs.db', 100);
    const tables = {
      jobs: {
        ...jobsTable,
        complete_when: 'done',
        open_timeout: '1h',
        metrics: [
          { name: 'jobs', type: 'counter' },
          { name: 'open', type: 'updowncounter', of: 'open' },
        ],
      },
    };
    await running.start(jobsConfig(endpoint, { tables }));
    const expected = { 'jobs_total{kind="a"}': 50, 'jobs_total{kind="b"}': 40, 'open{kind="b"}': 10 };
    await shows(endpoint, expected);
    for (let round = 0; round < 3; round += 1) {
      await running.reload(jobsConfig(endpoint, { tables, collection_interval: `${30 + round}ms` }));
      expect((await scrape(endpoint)).samples).toEqual(new Map(Object.entries(expected)));
    }
    running.finishJobs('jobs.db');
    await shows(endpoint, { 'jobs_total{kind="a"}': 50, 'jobs_total{kind="b"}': 50, 'open{kind="b"}': 0 });
  });

  test('is replaced during its first read: nothing is published before all is read', async () => {
    running.jobs('jobs.db', 60_000);
    await running.start(jobsConfig(endpoint));
    expect((await scrape(endpoint)).status).toBe(503);
    await running.reload(jobsConfig(endpoint, { collection_interval: '30ms' }));
    const values = new Set<number | undefined>();
    while (!values.has(30_000)) {
      const { status, samples } = await scrape(endpoint);
      expect([200, 503]).toContain(status);
      if (status === 200) values.add(samples.get('jobs_total{kind="a"}'));
    }
    expect([...values]).toEqual([30_000]);
  });

  test('is replaced while the state cannot be used, and goes on when it can', async () => {
    running.jobs('jobs.db', 10);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    fs.rmSync(running.folder.file('state'), { recursive: true });
    fs.writeFileSync(running.folder.file('state'), 'in the way');
    running.addJobs('jobs.db', 10);
    await expect.poll(() => running.service?.failures.map(({ reason }) => reason)).toEqual(['state']);
    await running.reload(jobsConfig(endpoint, { collection_interval: '30ms' }));
    expect((await scrape(endpoint)).samples.get('jobs_total{kind="a"}')).toBe(5);
    fs.rmSync(running.folder.file('state'));
    await shows(endpoint, running.recount('jobs.db'));
  });
});

describe('a storage', () => {
  test('that only takes another name stays locked and open', async () => {
    running.jobs('jobs.db', 10);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    const renamed = jobsConfig(
      endpoint,
      { storage: 'file_storage/main' },
      { extensions: { 'file_storage/main': { directory: 'state' } } },
    );
    const change = await running.reload({
      ...renamed,
      service: { ...renamed.service, extensions: ['file_storage/main'] },
    });
    expect(change).toEqual({ started: ['sqlite/jobs'], stopped: ['sqlite/jobs'] });
    running.addJobs('jobs.db', 10);
    await shows(endpoint, running.recount('jobs.db'));
  });

  test('that a processor keeps its key in takes the processor with it when it moves', async () => {
    running.jobs('jobs.db', 10);
    const hashing = (directory: string) => {
      const config = jobsConfig(endpoint, { storage: undefined }, { extensions: { file_storage: { directory } } });
      const metrics = { receivers: ['sqlite/jobs'], processors: ['hash'], exporters: ['prometheus'] };
      return {
        ...config,
        processors: { hash: { attributes: ['kind'] } },
        service: { ...config.service, pipelines: { metrics } },
      };
    };
    await running.start(hashing('state'));
    await expect.poll(async () => (await scrape(endpoint)).samples.size).toBe(2);
    expect((await running.reload(hashing('state'))).started).toEqual([]);
    expect((await running.reload(hashing('moved'))).started).toEqual(['file_storage', 'hash', 'sqlite/jobs']);
    expect(fs.existsSync(running.folder.file('moved/hash.key'))).toBe(true);
  });

  test('that another collector has is refused, and nothing changes', async () => {
    running.jobs('jobs.db', 10);
    const other = new FileStorage({ directory: running.folder.file('theirs') });
    await other.start();
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    const theirs = jobsConfig(endpoint, {}, { extensions: { file_storage: { directory: 'theirs' } } });
    await expect(running.reload(theirs)).rejects.toThrow(/extensions::file_storage::directory: another agentcol uses/);
    await other.shutdown();
    running.addJobs('jobs.db', 10);
    await shows(endpoint, running.recount('jobs.db'));
    expect(await running.reload(jobsConfig(endpoint))).toEqual({ started: [], stopped: [] });
  });

  test('whose state a newer version wrote is refused, and nothing changes', async () => {
    running.jobs('jobs.db', 10);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    const { default: Database } = await import('better-sqlite3');
    fs.mkdirSync(running.folder.file('newer'), { mode: 0o700 });
    const newer = new Database(stateFile(running, 'newer'));
    newer.pragma('user_version = 99');
    newer.close();
    const config = jobsConfig(endpoint, {}, { extensions: { file_storage: { directory: 'newer' } } });
    await expect(running.reload(config)).rejects.toThrow(/extensions::file_storage: the state .* newer agentcol/);
    running.addJobs('jobs.db', 10);
    await shows(endpoint, running.recount('jobs.db'));
    expect(await running.reload(jobsConfig(endpoint))).toEqual({ started: [], stopped: [] });
  });
});

describe('reloads', () => {
  test('that come at once are done one after the other', async () => {
    running.jobs('jobs.db', 10);
    await running.start(jobsConfig(endpoint));
    const changes = await Promise.all(
      [30, 40, 40].map((ms) => running.reload(jobsConfig(endpoint, { collection_interval: `${ms}ms` }))),
    );
    expect(changes.map(({ started }) => started)).toEqual([['sqlite/jobs'], ['sqlite/jobs'], []]);
    await shows(endpoint, running.recount('jobs.db'));
  });

  test('to a configuration that creates nothing change nothing', async () => {
    running.jobs('jobs.db', 10);
    await running.start(jobsConfig(endpoint));
    await shows(endpoint, running.recount('jobs.db'));
    await expect(running.reload('receivers: {sqlite: {datab')).rejects.toThrow(/otel-config\.yaml:1:/);
    const keyless = { ...withProcessor(endpoint, 1), processors: { hash: {} }, extensions: {} };
    const config = { ...keyless, receivers: jobsConfig(endpoint, { storage: undefined }).receivers };
    await expect(running.reload({ ...config, service: { ...config.service, extensions: [] } })).rejects.toThrow(
      /processors::hash::key: no key/,
    );
    running.addJobs('jobs.db', 10);
    await shows(endpoint, running.recount('jobs.db'));
  });

  test('are refused by a service that stops', async () => {
    running.jobs('jobs.db', 10);
    const service = await running.start(jobsConfig(endpoint));
    const reloading = running.reload(jobsConfig(`127.0.0.1:${await freePort()}`));
    const stopped = service.shutdown();
    await expect(reloading).rejects.toThrow('stopped while starting');
    await stopped;
    await expect(running.reload(jobsConfig(endpoint))).rejects.toThrow('stopped while starting');
  });
});

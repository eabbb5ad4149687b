import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import Database from 'better-sqlite3';
import { freePort, jobsConfig, Reloading, scrape, shows, type Section, type Written } from './reloading.ts';

let running: Reloading;
let endpoint: string;

beforeEach(async () => {
  running = new Reloading();
  endpoint = `127.0.0.1:${await freePort()}`;
});

afterEach(async () => {
  await running[Symbol.asyncDispose]();
});

/** The jobs, through these processors. */
function through(processors: Section, receiver: Section = {}): Written {
  const pipeline = { receivers: ['sqlite/jobs'], processors: Object.keys(processors), exporters: ['prometheus'] };
  const config = jobsConfig(endpoint, receiver, { processors });
  return { ...config, service: { ...config.service, pipelines: { metrics: pipeline } } };
}

function host(name: string): Section {
  return { resource: { attributes: [{ key: 'host.name', value: name, action: 'insert' }] } };
}

async function tells(line: string): Promise<void> {
  await vi.waitFor(async () => {
    expect((await scrape(endpoint)).text).toContain(`\n${line}\n`);
  });
}

test('of a pipeline is published, and another one starts no count anew', async () => {
  running.jobs('jobs.db', 10);
  await running.start(through(host('one')));
  const counts = running.recount('jobs.db');
  await shows(endpoint, counts);
  await tells('target_info{host_name="one"} 1');
  // Counted anew, they would be missing.
  const database = new Database(running.folder.file('jobs.db'));
  database.exec('DELETE FROM jobs');
  database.close();
  await running.reload(through(host('two')));
  await tells('target_info{host_name="two"} 1');
  await shows(endpoint, counts);
  await running.reload(through({}));
  await vi.waitFor(async () => {
    expect((await scrape(endpoint)).text).not.toContain('target_info');
  });
  await shows(endpoint, counts);
});

test('is that of all its processors, hashes with the key that the storage keeps', async () => {
  running.jobs('jobs.db', 1);
  const hashes = { 'resource/hidden': { attributes: [{ key: 'host.name', action: 'hash' }] } };
  await running.start(through({ ...host('one'), ...hashes }));
  await vi.waitFor(async () => {
    expect((await scrape(endpoint)).text).toMatch(/^target_info\{host_name="[0-9a-f]{16}"\} 1$/m);
  });
});

test('a reload to a configuration that would show what is private is refused, and what ran goes on', async () => {
  running.jobs('jobs.db', 4);
  await running.start(through({}));
  await shows(endpoint, running.recount('jobs.db'));
  const tables = {
    jobs: { attributes: { kind: 'kind', session_id: 'kind' }, metrics: [{ name: 'jobs', type: 'counter' }] },
  };
  await expect(running.reload(through({}, { tables }))).rejects.toThrow('session_id is sensitive');
  running.addJobs('jobs.db', 2);
  await shows(endpoint, running.recount('jobs.db'));
  await running.reload(through({ hash: null }, { tables }));
  await vi.waitFor(async () => {
    expect((await scrape(endpoint)).text).toMatch(/jobs_total\{kind="a",session_id="[0-9a-f]{16}"\} 3/);
  });
});

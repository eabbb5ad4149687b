import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { createAgentWorkflow, HookLogger, openAgentWorkflow } from '../fixtures/agent-workflow.ts';
import { recount } from '../oracle/recount.ts';
import { differences } from '../oracle/samples.ts';
import { Collector, NOON, Workspace, ZONE } from './harness.ts';

/** better-sqlite3 waits 5 s on a lock unless told otherwise; a busy machine alone can hold a process up for tens of ms. */
const LONGEST_BLOCK_MS = 1000;

const isRoot = process.getuid?.() === 0;

/** A source that goes wrong and, in a lane of its own, one that is fine. */
class TwoSources {
  readonly workspace = new Workspace();
  readonly bad = this.workspace.file('bad.db');
  readonly #good = this.workspace.file('good.db');
  readonly #goodLogger = new HookLogger(createAgentWorkflow(this.#good), ZONE);
  #rows = 0;

  async start(): Promise<Collector> {
    const good = { database: this.#good, preset: 'agent_workflow', timezone: ZONE, collection_interval: '20ms' };
    return Collector.start(this.bad, { receivers: { 'sqlite/good': good } });
  }

  /** A good database where the bad one is, with one invocation. */
  create(path = this.bad, journalMode: 'delete' | 'wal' = 'delete'): HookLogger {
    const logger = new HookLogger(createAgentWorkflow(path, { journalMode }), ZONE);
    logger.invocationStart({ session: 'bad', agent: 'recovered', at: NOON });
    return logger;
  }

  /** The other lane goes on, and the event loop was not held up while it did. */
  async othersGoOn(collector: Collector): Promise<void> {
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    for (let row = 0; row < 3; row += 1) {
      this.#goodLogger.invocationStart({ session: 'good', agent: 'good', at: NOON });
      this.#rows += 1;
      await collector.shows(activeOf('good'), this.#rows);
    }
    delay.disable();
    expect(delay.max / 1e6).toBeLessThan(LONGEST_BLOCK_MS);
  }

  async recovers(collector: Collector, rows = 1): Promise<void> {
    await collector.fails(undefined);
    await collector.shows(activeOf('recovered'), rows);
    await this.othersGoOn(collector);
  }

  [Symbol.dispose](): void {
    this.#goodLogger.close();
    this.workspace[Symbol.dispose]();
  }
}

const activeOf = (agent: string): string =>
  `agent_workflow_invocations_active{agent_workflow_phase="development",gen_ai_agent_name="${agent}"}`;

describe('a source that', () => {
  it('is missing is waited for, by name and with the way to point elsewhere', async () => {
    using sources = new TwoSources();
    await using collector = await sources.start();
    await collector.fails('missing');
    expect(collector.service.failures[0]?.message).toContain(sources.bad);
    await sources.othersGoOn(collector);
    sources.create().close();
    await sources.recovers(collector);
  });

  it('is in a folder that does not exist yet is waited for', async () => {
    using workspace = new Workspace();
    const database = workspace.file('later', 'agent_workflow.db');
    await using collector = await Collector.start(database);
    await collector.fails('missing');
    fs.mkdirSync(workspace.file('later'));
    new HookLogger(createAgentWorkflow(database), ZONE).invocationStart({ session: 'a', agent: 'recovered', at: NOON });
    await collector.shows(activeOf('recovered'), 1);
  });

  it('is locked is tried again later, without waiting inside SQLite', async () => {
    using sources = new TwoSources();
    const logger = sources.create();
    await using collector = await sources.start();
    await sources.recovers(collector);
    logger.invocationStart({ session: 'bad', agent: 'recovered', at: NOON });
    logger.db.exec('BEGIN EXCLUSIVE');
    logger.invocationStart({ session: 'bad', agent: 'recovered', at: NOON });
    await collector.fails('busy');
    await sources.othersGoOn(collector);
    logger.db.exec('COMMIT');
    await sources.recovers(collector, 3);
    logger.close();
  });

  it('is a directory says so', async () => {
    using sources = new TwoSources();
    fs.mkdirSync(sources.bad);
    await using collector = await sources.start();
    await collector.fails('not_a_file');
    await sources.othersGoOn(collector);
    fs.rmdirSync(sources.bad);
    sources.create().close();
    await sources.recovers(collector);
  });

  it.each([
    ['text', 'this is not a database, but it is long enough to be read as one. '.repeat(100)],
    ['shorter than a header', 'short'],
  ])('is not a database says so: %s', async (_, content) => {
    using sources = new TwoSources();
    fs.writeFileSync(sources.bad, content);
    await using collector = await sources.start();
    await collector.fails('not_a_database');
    await sources.othersGoOn(collector);
    fs.rmSync(sources.bad);
    sources.create().close();
    await sources.recovers(collector);
  });

  it('is an empty file has no tables yet', async () => {
    using sources = new TwoSources();
    fs.writeFileSync(sources.bad, '');
    await using collector = await sources.start();
    await sources.othersGoOn(collector);
    sources.create().close();
    await sources.recovers(collector);
  });

  it('is corrupt says so', async () => {
    using sources = new TwoSources();
    const logger = sources.create(sources.workspace.file('whole.db'));
    logger.transaction(() => {
      for (let row = 0; row < 2000; row += 1) logger.invocationStart({ session: 'bad', agent: 'recovered', at: NOON });
    });
    logger.close();
    const bytes = fs.readFileSync(sources.workspace.file('whole.db'));
    fs.writeFileSync(sources.bad, Buffer.from(bytes).fill(0xa5, 8192, bytes.length));
    await using collector = await sources.start();
    await collector.fails('corrupt');
    await sources.othersGoOn(collector);
    fs.writeFileSync(sources.bad, bytes);
    await sources.recovers(collector, 2001);
  });

  it('has no mapped column fails for that table alone', async () => {
    using sources = new TwoSources();
    const logger = sources.create();
    logger.db.exec('ALTER TABLE agent_invocations RENAME COLUMN raw_output TO raw');
    logger.toolStart({ session: 'bad', agent: 'architect', tool: 'Bash', at: NOON });
    await using collector = await sources.start();
    await collector.shows('agent_workflow_tool_calls_active{gen_ai_agent_name="architect",gen_ai_tool_name="Bash"}', 1);
    expect(collector.service.failures.map((failure) => failure.message).join('\n')).toContain('raw_output');
    expect(collector.samples().has(activeOf('recovered'))).toBe(false);
    await sources.othersGoOn(collector);
    logger.db.exec('ALTER TABLE agent_invocations RENAME COLUMN raw TO raw_output');
    await sources.recovers(collector);
    logger.close();
  });

  it('was left with a hot journal by a killed writer waits for its owner', async () => {
    using sources = new TwoSources();
    sources.create().close();
    killWriterInTransaction(sources.bad);
    expect(fs.existsSync(`${sources.bad}-journal`)).toBe(true);
    await using collector = await sources.start();
    await collector.fails('hot_journal');
    await sources.othersGoOn(collector);
    const owner = openAgentWorkflow(sources.bad);
    owner.exec('PRAGMA user_version');
    owner.close();
    await sources.recovers(collector);
  });

  it('keeps its rows in the WAL alone is read', async () => {
    using sources = new TwoSources();
    const logger = sources.create(sources.bad, 'wal');
    expect(fs.statSync(sources.bad).size).toBe(4096);
    await using collector = await sources.start();
    await sources.recovers(collector);
    logger.close();
  });

  it.skipIf(!isRoot)('is a WAL database of another uid is refused with the remedy (only root can try)', async () => {
    using sources = new TwoSources();
    sources.create(sources.bad, 'wal').close();
    fs.chownSync(sources.bad, 12_345, 12_345);
    await using collector = await sources.start();
    await collector.fails('foreign_owner');
    expect(fs.existsSync(`${sources.bad}-shm`)).toBe(false);
    expect(collector.service.failures.map((failure) => failure.message).join('\n')).toContain(
      'run agentcol as that user',
    );
    await sources.othersGoOn(collector);
    fs.chownSync(sources.bad, 0, 0);
    await sources.recovers(collector);
  });

  it.skipIf(!isRoot)('is a rollback-journal database of another uid is read (only root can try)', async () => {
    using sources = new TwoSources();
    sources.create().close();
    fs.chownSync(sources.bad, 12_345, 12_345);
    await using collector = await sources.start();
    await sources.recovers(collector);
  });

  it.skipIf(isRoot)('is unreadable says so (root reads everything)', async () => {
    using sources = new TwoSources();
    sources.create().close();
    fs.chmodSync(sources.bad, 0);
    await using collector = await sources.start();
    await collector.fails('unreadable');
    await sources.othersGoOn(collector);
    fs.chmodSync(sources.bad, 0o600);
    await sources.recovers(collector);
  });
});

describe('a source that goes wrong while it is read', () => {
  it('keeps what was counted, and goes on where it was', async () => {
    using sources = new TwoSources();
    const logger = sources.create();
    logger.invocationEnd(1, { at: NOON, durationSeconds: 1 });
    logger.close();
    await using collector = await sources.start();
    const counted = collector.samples();
    const bytes = fs.readFileSync(sources.bad);
    fs.writeFileSync(sources.bad, 'no longer a database, and long enough to be read as one. '.repeat(400));
    await collector.fails('not_a_database');
    expect(differences(counted, collector.samples())).toEqual([]);
    fs.writeFileSync(sources.bad, bytes);
    await collector.fails(undefined);
    expect(differences(counted, collector.samples())).toEqual([]);
    const again = new HookLogger(openAgentWorkflow(sources.bad), ZONE);
    again.invocationStart({ session: 'bad', agent: 'recovered', at: NOON });
    again.close();
    await sources.recovers(collector);
    expect(recount(sources.bad, NOON, ZONE).get(activeOf('recovered'))).toBe(1);
  });
});

/** A transaction larger than its page cache has begun to write into the file when its process dies. */
function killWriterInTransaction(database: string): void {
  const script = `
    const db = require('better-sqlite3')(process.argv[1]);
    db.pragma('foreign_keys = OFF');
    db.pragma('cache_size = 10');
    db.exec("BEGIN; UPDATE agent_invocations SET agent_name = 'never committed'");
    const insert = db.prepare("INSERT INTO agent_invocations (event_type, agent_name, prompt) VALUES ('pre_invocation', 'never committed', ?)");
    for (let row = 0; row < 500; row += 1) insert.run('x'.repeat(2000));
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawnSync(process.execPath, ['-e', script, database], { cwd: import.meta.dirname });
  expect(child.signal).toBe('SIGKILL');
}

describe('a receiver that does not watch', () => {
  it('leaves changes alone until its interval is over, and then has all of them', async () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    const logger = new HookLogger(createAgentWorkflow(database), ZONE);
    const unwatched = (interval: string) =>
      Collector.start(database, { receiver: { watch: false, collection_interval: interval } });
    await using slow = await unwatched('1h');
    await using polling = await unwatched('20ms');
    await using watching = await Collector.start(database, { receiver: { collection_interval: '1h' } });
    const before = slow.exposition();
    logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
    await watching.equals(recount(database, NOON, ZONE));
    await polling.equals(recount(database, NOON, ZONE));
    expect(slow.exposition()).toBe(before);
    logger.close();
  });
});

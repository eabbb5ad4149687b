import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createAgentWorkflow, HookLogger, openAgentWorkflow } from '../../fixtures/agent-workflow.ts';
import { Clock, Collector, NOON, Workspace, ZONE } from '../../main-job/harness.ts';
import { AgentcolProcess } from '../../crash/agentcol-process.ts';
import { recount } from '../../oracle/recount.ts';
import type { Samples } from '../../oracle/samples.ts';
import { descriptors, residentMiB } from '../../soak/process.ts';

const COUNT = 100;
const SESSIONS = 'agent_workflow_sessions_total';
const LAST_START = 'agent_workflow_invocation_last_start_timestamp_seconds';

/** What several databases say together, when no session is in two of them. */
function recountAll(files: readonly string[], nowMs: number, zone: string): Samples {
  const all: Samples = new Map();
  for (const file of files) {
    for (const [key, value] of recount(file, nowMs, zone)) {
      const before = all.get(key);
      const both = before === undefined ? value : key.startsWith(LAST_START) ? Math.max(before, value) : before + value;
      all.set(key, both);
    }
  }
  return all;
}

function fill(file: string, number: number, rows: number, at: number, zone?: string): void {
  const logger = new HookLogger(
    fs.existsSync(file)
      ? openAgentWorkflow(file)
      : createAgentWorkflow(file, { journalMode: number % 2 === 0 ? 'wal' : 'delete' }),
    zone,
  );
  logger.transaction(() => {
    for (let row = 0; row < rows; row += 1) {
      const session = `${number}-${row}`;
      logger.sessionStart(session, at);
      const id = logger.invocationStart({ session, agent: `agent-${number % 3}`, at });
      if (row % 2 === 0) logger.invocationEnd(id, { at, durationSeconds: number });
      logger.toolStart({ session, agent: 'architect', tool: 'Bash', at });
    }
  });
  logger.close();
}

describe(`${COUNT} databases in one receiver`, () => {
  it('add up, each with a position of its own, and cost descriptors and memory in proportion', async () => {
    using workspace = new Workspace();
    const files = Array.from({ length: COUNT }, (_, number) => workspace.file(`${number}.db`));
    files.forEach((file, number) => fill(file, number, 20, Date.now()));
    const agentcol = new AgentcolProcess(workspace.folder, workspace.file('*.db'));
    agentcol.start();
    try {
      const settle = async (): Promise<void> => {
        const published = await agentcol.settle(() => recountAll(files, Date.now(), 'UTC'), 120_000);
        if (Array.isArray(published)) expect.fail(published.join('\n'));
      };
      await settle();
      for (let round = 0; round < 3; round += 1) {
        files.forEach((file, number) => {
          if (number % 10 === round) fill(file, number, 30, Date.now());
        });
        await settle();
        await agentcol.kill();
        agentcol.start();
        await settle();
      }
      // Main file, -wal and -shm of each, and what the process has anyway.
      expect(descriptors(agentcol.pid)).toBeLessThan(3 * COUNT + 60);
      console.log(
        `${COUNT} databases: ${residentMiB(agentcol.pid, true).toFixed(0)} MiB at most, ${descriptors(agentcol.pid)} descriptors`,
      );
      expect(residentMiB(agentcol.pid, true)).toBeLessThan(400);
    } finally {
      await agentcol.kill();
    }
  });

  it('of which some are broken, locked or gone do not hold up the others', async () => {
    using workspace = new Workspace();
    const files = Array.from({ length: COUNT }, (_, number) => workspace.file(`${number}.db`));
    files.forEach((file, number) => fill(file, number, 5, NOON, ZONE));
    const locked = openAgentWorkflow(files[1]!);
    locked.exec('BEGIN EXCLUSIVE');
    fs.writeFileSync(files[3]!, 'not a database, and long enough to be taken for one. '.repeat(100));
    fs.rmSync(files[5]!);
    fs.mkdirSync(files[5]!);
    const good = files.filter((_, number) => ![1, 3, 5].includes(number));
    await using collector = await Collector.start(workspace.file('*.db'));
    await collector.equals(recountAll(good, NOON, ZONE));
    fill(files[7]!, 7, 20, NOON, ZONE);
    await collector.equals(recountAll(good, NOON, ZONE));
    locked.exec('COMMIT');
    locked.close();
    await collector.equals(recountAll([...good, files[1]!], NOON, ZONE));
  });

  it('in a folder that cannot be listed for a while are read on, and new ones found afterwards', async () => {
    using workspace = new Workspace();
    const clock = new Clock();
    fs.mkdirSync(workspace.file('real'));
    fs.symlinkSync(workspace.file('real'), workspace.file('link'));
    fill(workspace.file('real', 'a.db'), 1, 1, NOON, ZONE);
    await using collector = await Collector.start(workspace.file('link', '*.db'), { clock });
    await collector.shows(SESSIONS, 1);
    fs.rmSync(workspace.file('link'));
    fs.symlinkSync(workspace.file('link'), workspace.file('link'));
    clock.advance(16_000);
    await collector.fails('error');
    fs.rmSync(workspace.file('link'));
    fs.symlinkSync(workspace.file('real'), workspace.file('link'));
    fill(workspace.file('real', 'b.db'), 2, 1, NOON, ZONE);
    clock.advance(16_000);
    await collector.shows(SESSIONS, 2);
  });
});

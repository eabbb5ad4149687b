import { describe, expect, it } from 'vitest';
import { prepareHookDatabase } from '../../../receivers/claude_code_hooks/prepare.ts';
import { createAgentWorkflow, HookLogger } from '../../fixtures/agent-workflow.ts';
import { Collector, NOON, Workspace, ZONE } from '../../main-job/harness.ts';
import { recount } from '../../oracle/recount.ts';

/** Three agents' runs, one of them still open; two sessions, the first one resumed, so that row ids have a gap. */
function write(logger: HookLogger, at: number): void {
  for (const session of ['a', 'b', 'a']) logger.sessionStart(session, at);
  for (const agent of ['architect', 'coder', 'reviewer']) {
    const id = logger.invocationStart({ session: 'a', agent, at });
    if (agent !== 'reviewer') logger.invocationEnd(id, { at: at + 2000, durationSeconds: 2 });
    logger.toolEnd(logger.toolStart({ session: 'a', agent, tool: 'Read', at }), { at: at + 1000 });
  }
}

describe.each(['delete', 'wal'] as const)('a collector of a database of the older logger in %s mode', (journalMode) => {
  it.each([
    ['while it is adopted', true],
    ['stopped before it is adopted, and started after', false],
  ])('%s: sees no other source, counts nothing twice and misses nothing', async (_, running) => {
    using workspace = new Workspace();
    const database = workspace.file('old.db');
    const logger = new HookLogger(createAgentWorkflow(database, { journalMode }), ZONE);
    const storage = workspace.file('state');
    const expected = () => recount(database, NOON, ZONE);
    write(logger, NOON - 60_000);
    let collector = await Collector.start(database, { storage });
    await collector.equals(expected());
    const logged = [...collector.logged];
    if (!running) await collector.stop();

    prepareHookDatabase(database).close();
    write(logger, NOON - 30_000);

    if (!running) collector = await Collector.start(database, { storage });
    await collector.equals(expected);
    write(logger, NOON - 20_000);
    await collector.equals(expected);
    logged.push(...collector.logged);
    expect(logged.filter((line) => /^(warn|error)|source|row id/.test(line))).toEqual([]);
    await collector.stop();
    logger.close();
  });
});

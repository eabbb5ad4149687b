import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAgentWorkflow, HookLogger } from '../fixtures/agent-workflow.ts';
import { Collector, NOON, Workspace, ZONE } from './harness.ts';

/** Published with an attribute that holds the session id, as a mapping of a user's own may. */
const SESSIONS_BY_ID = {
  invocations_by_session: {
    from: 'agent_invocations',
    identity: ['timestamp', 'session_id', 'event_type'],
    where: 'session_id IS NOT NULL',
    attributes: { session_id: 'session_id', 'gen_ai.conversation.id': 'session_id', note: 'prompt' },
    metrics: [{ name: 'rows', type: 'counter', description: 'Rows by session', of: 'all' }],
  },
};

const SECRET = 'canary';
const folder = fc.constantFrom('home', 'Users', 'srv', 'data', 'my projects', 'größe', 'код');
const home = fc
  .tuple(folder, fc.array(folder, { minLength: 1, maxLength: 3 }))
  .map(([first, rest]) => [first, SECRET, ...rest]);

/** An absolute path through a folder that nobody may see, in one of the notations of the field. */
const secretPath = fc
  .tuple(
    home,
    fc.constantFrom(
      (parts: readonly string[]) => `/${parts.join('/')}/file.ts`,
      (parts: readonly string[]) => `C:\\${parts.join('\\')}\\file.ts`,
      (parts: readonly string[]) => `C:/${parts.join('/')}/file.ts`,
      (parts: readonly string[]) => `\\\\server\\${parts.join('\\')}\\file.ts`,
      (parts: readonly string[]) => `file:///${parts.map(encodeURIComponent).join('/')}/file.ts`,
      (parts: readonly string[]) => `~/${parts.join('/')}/file.ts`,
    ),
  )
  .map(([parts, write]) => write(parts));

const embedded = fc
  .tuple(
    secretPath,
    fc.constantFrom('', 'error in ', 'cannot open "', "at '", '(', '--file='),
    fc.constantFrom('', ':12:5'),
  )
  .map(
    ([text, before, after]) =>
      `${before}${text}${after}${before.endsWith('"') ? '"' : before.endsWith("'") ? "'" : ''}`,
  );

describe('privacy', () => {
  it(
    'shows no raw session id and no folder of an absolute path, whatever the rows hold',
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.uuid(), embedded, embedded, embedded), { minLength: 1, maxLength: 40 }),
          async (rows) => {
            using workspace = new Workspace();
            const database = workspace.file('agent_workflow.db');
            const logger = new HookLogger(createAgentWorkflow(database), ZONE);
            logger.transaction(() => {
              for (const [session, agent, phase, tool] of rows) {
                logger.sessionStart(session, NOON);
                logger.invocationStart({ session, agent, phase, at: NOON });
                logger.toolStart({ session, agent, tool, at: NOON });
                logger.db.prepare('UPDATE agent_invocations SET prompt = ? WHERE session_id = ?').run(tool, session);
              }
            });
            logger.close();
            await using collector = await Collector.start(database, {
              receiver: { tables: SESSIONS_BY_ID },
              allow: ['note'],
            });
            const text = collector.exposition();
            const logs = collector.logged.join('\n');
            expect(text).toContain('rows_total');
            expect(text).not.toContain(SECRET);
            expect(logs).not.toContain(SECRET);
            for (const [session] of rows) {
              expect(text).not.toContain(session);
              expect(logs).not.toContain(session);
            }
          },
        ),
        { numRuns: 6 },
      );
    },
  );

  it('never reads prompts, inputs, outputs and errors', async () => {
    using workspace = new Workspace();
    const database = workspace.file('agent_workflow.db');
    const logger = new HookLogger(createAgentWorkflow(database), ZONE);
    const id = logger.invocationStart({ session: 'a', agent: 'architect', at: NOON });
    logger.invocationEnd(id, { at: NOON, rawOutput: `{"content":"${SECRET}","usage":{"input_tokens":1}}` });
    logger.toolStart({ session: 'a', agent: 'architect', tool: 'Bash', at: NOON });
    logger.db
      .exec(`UPDATE agent_invocations SET prompt = '${SECRET}', error = '${SECRET}', result_summary = '${SECRET}', raw_input = '${SECRET}';
      UPDATE agent_tool_uses SET tool_input = '${SECRET}', tool_output = '${SECRET}', error = '${SECRET}'`);
    logger.close();
    await using collector = await Collector.start(database);
    expect(collector.exposition()).toContain('agent_workflow_tokens_total');
    expect(collector.exposition() + collector.logged.join('\n')).not.toContain(SECRET);
  });
});

import { expect, test } from 'vitest';
import type { Span } from '../../src/pipeline/signals.ts';
import { createDigest } from '../../src/state/digest.ts';
import { sqliteReceiver } from '../../receivers/sqlite/factory.ts';
import type { Reader } from '../../src/component.ts';
import { filledConfig, testSettings } from '../component-suite.ts';
import { Recording, EPOCH_MS } from '../receivers/claude_code_hooks/recording.ts';
import { Workspace } from './harness.ts';

/** All spans of what agents' hooks have told, long after. */
async function spansOf(recording: Recording): Promise<readonly Span[]> {
  using workspace = new Workspace();
  const file = workspace.file('agent_workflow.db');
  recording.db.exec(`VACUUM INTO '${file}'`);
  const config = filledConfig(sqliteReceiver, { database: file, preset: 'agent_workflow', timezone: 'UTC' });
  const settings = { ...testSettings('sqlite'), now: () => EPOCH_MS + 30 * 86_400_000, signal: 'traces' as const };
  const receiver = await sqliteReceiver.create(config, settings);
  receiver.poll();
  const spans = receiver.readers.flatMap((reader) => readAll(reader));
  await receiver.shutdown?.();
  return spans;
}

function readAll(reader: Reader): readonly Span[] {
  const page = reader.read({
    position: undefined,
    open: new Map(),
    openByKey: () => undefined,
    absent: new Map(),
    absentByKey: () => undefined,
    seen: () => false,
    digest: createDigest(Buffer.alloc(32, 3)),
  });
  return page?.batch.signal === 'traces' ? page.batch.spans : [];
}

/** "session > invoke_agent outer > execute_tool Read": every span under its parents, by name. */
function lineages(spans: readonly Span[]): readonly string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const above = ({ name, parentSpanId }: Span): string => {
    if (parentSpanId === undefined) return name;
    const parent = byId.get(parentSpanId);
    return `${parent === undefined ? '(missing)' : above(parent)} > ${name}`;
  };
  return spans.map(above).sort();
}

test('a session is a trace: agents under the agents that launched them, calls inside of theirs', async () => {
  using recording = new Recording();
  const launch = (id: string, type: string, inside: object) => ({
    tool_name: 'Agent',
    tool_use_id: `launch-${id}`,
    tool_input: { subagent_type: type },
    ...inside,
  });
  const outer = { agent_id: 'o', agent_type: 'outer' };
  const inner = { agent_id: 'i', agent_type: 'inner' };
  const call = (id: string, inside: object) => ({ tool_name: 'Read', tool_use_id: id, tool_input: {}, ...inside });
  recording
    .hear(0, 'SessionStart', { source: 'startup' })
    .hear(1, 'PreToolUse', call('m', {}))
    .hear(2, 'PostToolUse', { ...call('m', {}), tool_response: {} })
    .hear(3, 'PreToolUse', launch('o', 'outer', {}))
    .hear(4, 'SubagentStart', outer)
    .hear(5, 'PreToolUse', launch('i', 'inner', outer))
    .hear(6, 'SubagentStart', inner)
    .hear(7, 'PreToolUse', call('x', inner))
    .hear(8, 'PostToolUseFailure', { ...call('x', inner), error: 'Exit code 1' })
    .hear(9, 'SubagentStop', inner)
    .hear(10, 'PostToolUse', { ...launch('i', 'inner', outer), tool_response: { agentId: 'i', status: 'completed' } })
    .hear(11, 'SubagentStop', outer)
    .hear(12, 'PostToolUse', { ...launch('o', 'outer', {}), tool_response: { agentId: 'o', status: 'completed' } })
    .hear(13, 'Stop');
  const spans = await spansOf(recording);
  expect(lineages(spans)).toEqual([
    'session',
    'session > execute_tool Read',
    'session > invoke_agent outer',
    'session > invoke_agent outer > invoke_agent inner',
    'session > invoke_agent outer > invoke_agent inner > execute_tool Read',
  ]);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  const of = (name: string): Span | undefined => spans.find((span) => span.name === name);
  expect(of('invoke_agent inner')).toMatchObject({
    startTimeMs: EPOCH_MS + 6000,
    endTimeMs: EPOCH_MS + 9000,
    attributes: {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'inner',
      'gen_ai.conversation.id': 's',
    },
  });
  expect(spans.filter(({ status }) => status === 'error')).toMatchObject([
    { name: 'execute_tool Read', attributes: { 'error.type': 'exit_1', 'gen_ai.tool.call.id': 'x' } },
  ]);
  expect(of('session')).toMatchObject({ startTimeMs: EPOCH_MS, endTimeMs: EPOCH_MS + 13_000 });
});

test('a call of a run that came later is inside of that run', async () => {
  using recording = new Recording();
  const agent = { agent_id: 'a', agent_type: 'worker' };
  recording
    .hear(0, 'SubagentStart', agent)
    .hear(1, 'SubagentStop', agent)
    .hear(100, 'SubagentStart', agent)
    .hear(101, 'PreToolUse', { tool_name: 'Read', tool_use_id: 'late', tool_input: {}, ...agent })
    .hear(102, 'PostToolUse', { tool_name: 'Read', tool_use_id: 'late', tool_input: {}, tool_response: {}, ...agent })
    .hear(103, 'SubagentStop', agent);
  const spans = await spansOf(recording);
  const runs = spans.filter(({ name }) => name === 'invoke_agent worker');
  const call = spans.find(({ name }) => name === 'execute_tool Read');
  expect(runs).toHaveLength(2);
  expect(call?.parentSpanId).toBe(runs[1]?.spanId);
});

test('a session that is resumed sends its root again, the same span with the times of that run', async () => {
  using recording = new Recording();
  const root = async (): Promise<Span | undefined> =>
    (await spansOf(recording)).find(({ parentSpanId }) => parentSpanId === undefined);
  recording.hear(0, 'SessionStart', { source: 'startup' }).hear(60, 'Stop');
  const first = await root();
  recording.hear(90_000, 'SessionStart', { source: 'resume' }).hear(90_030, 'Stop');
  const second = await root();
  expect(second).toMatchObject({ traceId: first?.traceId, spanId: first?.spanId, endTimeMs: EPOCH_MS + 90_030_000 });
  expect(first?.endTimeMs).toBe(EPOCH_MS + 60_000);
});

import { describe, expect, it } from 'vitest';
import { Recording, time, type Payload, type Stamped } from './recording.ts';

const BUILDER = { agent_id: 'a1', agent_type: 'builder' };

function launch(id: string | null, more: Payload = {}): Payload {
  const named = id === null ? {} : { tool_use_id: id };
  return { tool_name: 'Task', tool_input: { subagent_type: 'builder', prompt: 'secret' }, ...named, ...more };
}

function tool(id: string, inside: Payload = BUILDER): Payload {
  return { tool_name: 'Read', tool_input: {}, tool_use_id: id, ...inside };
}

describe('an event that carries an agent_id', () => {
  it('opens the row of an agent unseen before, whose start stays unknown until SubagentStart', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', tool('t1'));
    expect(recording.row('agent_invocations')).toMatchObject({
      event_type: 'pre_invocation',
      agent_name: 'builder',
      start_time: null,
      seen_time: time(1),
      status: 'started',
      timestamp: time(1),
    });
    recording.hear(3, 'SubagentStart', BUILDER);
    expect(recording.row('agent_invocations')).toMatchObject({ id: 1, start_time: time(3), timestamp: time(1) });
  });

  it.each(['UserPromptSubmit', 'SomethingNew'])('opens it with %s, too', (name) => {
    using recording = new Recording();
    recording.hear(1, name, BUILDER);
    expect(recording.row('agent_invocations')).toMatchObject({ agent_id: 'a1', agent_name: 'builder' });
  });

  it('opens none with an agent_type alone, or with ""', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', tool('t1', { agent_type: 'builder' }));
    recording.hear(2, 'PreToolUse', tool('t2', { agent_type: 'builder', agent_id: '' }));
    recording.hear(3, 'PreToolUse', tool('t3', { agent_type: '', agent_id: 'a1' }));
    expect(recording.rows('agent_invocations')).toEqual([]);
    expect(recording.rows('agent_tool_uses').map((row) => row.agent_name)).toEqual(['main', 'main', null]);
  });
});

describe('a launch', () => {
  it.each(['Task', 'Agent'])('of %s opens one invocation, and no tool call', (name) => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('t1', { tool_name: name, permission_mode: 'plan' }));
    expect(recording.row('agent_invocations')).toMatchObject({
      event_type: 'pre_invocation',
      agent_name: 'builder',
      tool_use_id: 't1',
      launch_time: time(1),
      start_time: time(1),
      parent_agent_id: null,
      depth: 1,
      status: 'started',
      permission_mode: 'plan',
      project: 'project',
      stored_by: 'agentcol',
      prompt: null,
    });
    expect(recording.rows('agent_tool_uses')).toEqual([]);
  });

  it('of no type is of general-purpose', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('t1', { tool_input: {} }));
    expect(recording.row('agent_invocations')).toMatchObject({ agent_name: 'general-purpose' });
  });

  it('inside an agent has that agent as its parent, and lies one deeper', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('t1'));
    recording.hear(2, 'PreToolUse', launch('t2', BUILDER));
    expect(recording.rows('agent_invocations')).toMatchObject([
      { tool_use_id: 't1', depth: 1 },
      { agent_id: 'a1', tool_use_id: null },
      { tool_use_id: 't2', parent_agent_id: 'a1', parent_agent: 'builder', depth: null },
    ]);
    recording.hear(3, 'SubagentStart', BUILDER);
    expect(recording.rows('agent_invocations')).toMatchObject([
      { id: 2, agent_id: 'a1', tool_use_id: 't1', depth: 1 },
      { id: 3, tool_use_id: 't2', parent_agent: 'builder', depth: 2 },
    ]);
  });

  it('in circles has no depth', () => {
    using recording = new Recording();
    const result = { tool_response: { agentId: 'a1' } };
    recording.hear(1, 'PostToolUse', launch('t1', { ...BUILDER, ...result }));
    expect(recording.row('agent_invocations')).toMatchObject({ agent_id: 'a1', depth: null });
  });
});

describe('SubagentStart', () => {
  it('takes the earliest launch of its type that has no agent', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('other', { tool_input: { subagent_type: 'reviewer' } }));
    recording.hear(2, 'PreToolUse', launch('t1'));
    recording.hear(3, 'PreToolUse', launch('t2'));
    recording.hear(4, 'SubagentStart', BUILDER);
    expect(recording.rows('agent_invocations')).toMatchObject([
      { id: 1, agent_id: null },
      { id: 2, agent_id: 'a1', tool_use_id: 't1', launch_time: time(2), start_time: time(4) },
      { id: 3, agent_id: null, tool_use_id: 't2' },
    ]);
  });

  it.each([
    [61, 1],
    [61.001, 2],
  ])('at %d s after a launch at 1 s leaves %d rows', (at, rows) => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('t1')).hear(at, 'SubagentStart', BUILDER);
    expect(recording.rows('agent_invocations')).toHaveLength(rows);
  });

  it('does not take a launch that has returned', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('t1'));
    recording.hear(2, 'PostToolUseFailure', launch('t1', { error: 'no' }));
    recording.hear(3, 'SubagentStart', BUILDER);
    expect(recording.rows('agent_invocations')).toMatchObject([
      { tool_use_id: 't1', agent_id: null, status: 'failed' },
      { agent_id: 'a1', tool_use_id: null, status: 'started' },
    ]);
  });

  it('is taken by a launch that is stored later, the earliest first', () => {
    using recording = new Recording();
    recording.hear(3, 'SubagentStart', { ...BUILDER, agent_id: 'a2' });
    recording.hear(2, 'SubagentStart', BUILDER);
    recording.hear(1, 'PreToolUse', launch('t1'));
    expect(recording.rows('agent_invocations')).toMatchObject([
      { id: 1, agent_id: 'a2', tool_use_id: null },
      { id: 2, agent_id: 'a1', tool_use_id: 't1' },
    ]);
  });

  it.each([
    [12, 1],
    [12.001, 2],
  ])('at %d s after a stop at 10 s makes %d rows', (at, rows) => {
    using recording = new Recording();
    recording.hear(1, 'SubagentStart', BUILDER).hear(10, 'SubagentStop', BUILDER).hear(at, 'SubagentStart', BUILDER);
    expect(recording.rows('agent_invocations')).toHaveLength(rows);
  });

  it('of a new run leaves the run before as it was', () => {
    using recording = new Recording();
    recording.hear(1, 'SubagentStart', BUILDER).hear(10, 'SubagentStop', BUILDER);
    recording.hear(20, 'SubagentStart', BUILDER).hear(21, 'PreToolUse', tool('t2')).hear(9, 'PreToolUse', tool('t1'));
    expect(recording.rows('agent_invocations')).toMatchObject([
      { id: 1, run: 1, start_time: time(1), end_time: time(10), status: 'completed', duration_seconds: 9 },
      { id: 2, run: 2, start_time: time(20), end_time: null, status: 'started' },
    ]);
    expect(recording.rows('agent_tool_uses', 'tool_use_id')).toMatchObject([
      { tool_use_id: 't1', agent_invocation_id: 1 },
      { tool_use_id: 't2', agent_invocation_id: 2 },
    ]);
  });
});

describe('an agent that starts again in a resumed session', () => {
  const builder = (name: string, at: number): Stamped => ({ at, payload: { hook_event_name: name, ...BUILDER } });
  const resumed = [
    builder('SubagentStart', 0),
    { at: 100, payload: { hook_event_name: 'SessionStart', source: 'resume' } },
    builder('SubagentStart', 110),
    { at: 111, payload: { hook_event_name: 'PreToolUse', ...tool('t1') } },
    { at: 112, payload: { hook_event_name: 'PostToolUse', ...tool('t1') } },
    builder('SubagentStop', 120),
  ];
  const ended = { at: 50, payload: { hook_event_name: 'SessionEnd', reason: 'other' } };

  it.each([
    ['ended', 50, [...resumed, ended]],
    ['was killed, as its next start tells', 100, resumed],
  ])('has a run of its own in each, with its calls: the session %s', (_how, abandonedAt, events) => {
    for (const arrived of [events, events.toReversed()]) {
      using recording = new Recording();
      recording.hearAll(arrived);
      const runs = recording.rows('agent_invocations', 'run');
      expect(runs).toMatchObject([
        { run: 1, start_time: time(0), end_time: time(abandonedAt), status: 'abandoned', duration_seconds: null },
        { run: 2, start_time: time(110), end_time: time(120), status: 'completed', duration_seconds: 10 },
      ]);
      expect(recording.row('agent_tool_uses')).toMatchObject({ agent_invocation_id: runs[1]?.id });
    }
  });

  it('needs no start of the session, only its end', () => {
    using recording = new Recording();
    recording.hear(0, 'SubagentStart', BUILDER).hear(50, 'SessionEnd').hear(110, 'SubagentStart', BUILDER);
    expect(recording.rows('agent_invocations')).toMatchObject([{ end_time: time(50) }, { start_time: time(110) }]);
  });

  it.each(['compact', 'clear'])('goes on when the same process begins anew: %s', (source) => {
    using recording = new Recording();
    recording.hear(0, 'SubagentStart', BUILDER).hear(50, 'SessionStart', { source });
    recording.hear(110, 'SubagentStart', BUILDER);
    expect(recording.row('agent_invocations')).toMatchObject({ start_time: time(0), status: 'started' });
  });

  it.each([
    [52, 1],
    [52.001, 2],
  ])('at %d s, after an end at 50 s, is told of in %d rows', (at, rows) => {
    using recording = new Recording();
    recording.hear(0, 'SubagentStart', BUILDER).hear(50, 'SessionEnd').hear(at, 'SubagentStart', BUILDER);
    expect(recording.rows('agent_invocations')).toHaveLength(rows);
  });
});

describe('the agentId of a result', () => {
  const background = (agentId: string): Payload => ({ tool_response: { status: 'async_launched', agentId } });

  it('exchanges the launches of two rows, which keep their ids and their calls', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('t1')).hear(1.1, 'PreToolUse', launch('t2'));
    recording.hear(2, 'SubagentStart', BUILDER).hear(2.1, 'SubagentStart', { ...BUILDER, agent_id: 'a2' });
    recording.hear(3, 'PreToolUse', tool('c1'));
    recording.hear(4, 'PostToolUse', launch('t1', background('a2')));
    expect(recording.rows('agent_invocations')).toMatchObject([
      { id: 1, agent_id: 'a1', tool_use_id: 't2', launch_time: time(1.1) },
      { id: 2, agent_id: 'a2', tool_use_id: 't1', launch_time: time(1) },
    ]);
    expect(recording.row('agent_tool_uses')).toMatchObject({ agent_invocation_id: 1 });
  });

  it('merges the row of a launch into that of the agent', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('t1'));
    recording.hear(2, 'PreToolUse', tool('c1'));
    expect(recording.rows('agent_invocations')).toHaveLength(2);
    recording.hear(3, 'PostToolUse', launch('t1', background('a1')));
    expect(recording.row('agent_invocations')).toMatchObject({ id: 2, agent_id: 'a1', tool_use_id: 't1' });
    expect(recording.row('agent_tool_uses')).toMatchObject({ agent_invocation_id: 2, agent_name: 'builder' });
  });

  it('is kept when nothing else is heard of the agent', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('t1'));
    recording.hear(9, 'PostToolUse', launch('t1', { tool_response: { agentId: 'a1' } }));
    expect(recording.row('agent_invocations')).toMatchObject({ id: 1, agent_id: 'a1', end_time: time(9) });
  });

  it('gives each launch of a resumed agent a run of its own', () => {
    using recording = new Recording();
    recording.hear(1, 'SubagentStart', BUILDER).hear(5, 'SubagentStop', BUILDER);
    recording.hear(20, 'PreToolUse', launch('t2'));
    recording.hear(30, 'PostToolUse', launch('t2', { tool_response: { agentId: 'a1' } }));
    expect(recording.rows('agent_invocations', 'run')).toMatchObject([
      { run: 1, tool_use_id: null, end_time: time(5) },
      { run: 2, tool_use_id: 't2', start_time: time(20), end_time: time(30) },
    ]);
  });
});

describe('a run ends', () => {
  it.each([
    ['its SubagentStop', 8, 9, 8],
    ['the return of its call', 9, 8, 8],
  ])('at %s, whichever is earlier', (_what, stop, returned, end) => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('t1')).hear(2, 'SubagentStart', BUILDER);
    recording.hear(stop, 'SubagentStop', BUILDER);
    recording.hear(returned, 'PostToolUse', launch('t1', { tool_response: { agentId: 'a1' } }));
    expect(recording.row('agent_invocations')).toMatchObject({
      end_time: time(end),
      status: 'completed',
      duration_seconds: stop - 2,
    });
  });

  it('not with a call that returns at launch', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('t1')).hear(2, 'SubagentStart', BUILDER);
    recording.hear(3, 'PostToolUse', launch('t1', { tool_response: { status: 'async_launched', agentId: 'a1' } }));
    expect(recording.row('agent_invocations')).toMatchObject({ end_time: null, status: 'started' });
    recording.hear(60, 'SubagentStop', BUILDER);
    expect(recording.row('agent_invocations')).toMatchObject({
      end_time: time(60),
      status: 'completed',
      duration_seconds: 58,
    });
  });

  it('with the failure of its call, with the type of the error', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('t1'));
    recording.hear(5, 'PostToolUseFailure', launch('t1', { error: 'secret', is_interrupt: true }));
    expect(recording.row('agent_invocations')).toMatchObject({
      end_time: time(5),
      status: 'failed',
      error_type: 'interrupted',
      duration_seconds: 4,
      error: null,
    });
  });

  it('without an id at its Post, after the newest equal launch', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch(null)).hear(2, 'PreToolUse', launch(null));
    recording.hear(5, 'PostToolUse', launch(null, { tool_response: { totalDurationMs: 2500 } }));
    expect(recording.rows('agent_invocations')).toMatchObject([
      { id: 1, status: 'started' },
      { id: 2, status: 'completed', end_time: time(5), duration_seconds: 2.5 },
    ]);
  });

  it('and stays ended at a second stop', () => {
    using recording = new Recording();
    recording.hear(1, 'SubagentStart', BUILDER).hear(5, 'SubagentStop', BUILDER).hear(9, 'SubagentStop', BUILDER);
    expect(recording.row('agent_invocations')).toMatchObject({ end_time: time(5), duration_seconds: 4 });
  });

  it('abandoned at the end of the session, when it has not before', () => {
    using recording = new Recording();
    recording.hear(1, 'SubagentStart', BUILDER).hear(4, 'PreToolUse', launch('t1'));
    recording.hear(5, 'SubagentStart', { agent_id: 'a2', agent_type: 'other' });
    recording.hear(6, 'SubagentStop', { agent_id: 'a2', agent_type: 'other' });
    recording.hear(9, 'SessionEnd', { reason: 'other' });
    expect(recording.rows('agent_invocations')).toMatchObject([
      { agent_id: 'a1', status: 'abandoned', end_time: time(9), duration_seconds: null },
      { agent_id: null, status: 'abandoned', end_time: time(9) },
      { agent_id: 'a2', status: 'completed', end_time: time(6) },
    ]);
  });

  it('abandoned by the call that stops it', () => {
    using recording = new Recording();
    recording.hear(1, 'SubagentStart', BUILDER);
    recording.hear(7, 'PostToolUse', { tool_name: 'TaskStop', tool_input: { task_id: 'a1' }, tool_use_id: 't9' });
    recording.hear(8, 'PostToolUse', { tool_name: 'TaskStop', tool_input: { task_id: 'shell' }, tool_use_id: 't10' });
    expect(recording.row('agent_invocations')).toMatchObject({ status: 'abandoned', end_time: time(7) });
    expect(recording.rows('agent_tool_uses')).toHaveLength(2);
  });
});

describe('a SubagentStop', () => {
  it('without an id ends nothing, and is kept as what it is', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('t1')).hear(2, 'SubagentStart', BUILDER).hear(5, 'SubagentStop');
    expect(recording.rows('agent_invocations')).toMatchObject([
      { event_type: 'pre_invocation', status: 'started' },
      { event_type: 'subagent_stop', agent_name: null, agent_id: null, end_time: time(5) },
    ]);
  });

  it('without a name of an unknown agent is kept, and replaced when a launch names the agent', () => {
    using recording = new Recording();
    recording.hear(2, 'SubagentStart', { agent_id: 'a1', agent_type: '' });
    expect(recording.rows('agent_invocations')).toEqual([]);
    recording.hear(5, 'SubagentStop', { agent_id: 'a1', agent_type: '' });
    expect(recording.row('agent_invocations')).toMatchObject({
      id: 1,
      event_type: 'subagent_stop',
      agent_name: null,
      end_time: time(5),
    });
    recording.hear(6, 'PostToolUse', launch('t1', { tool_response: { agentId: 'a1', totalTokens: 5 } }));
    expect(recording.row('agent_invocations')).toMatchObject({
      id: 2,
      event_type: 'pre_invocation',
      agent_name: 'builder',
      tool_use_id: 't1',
      end_time: time(5),
      raw_output: '{"totalTokens":5}',
    });
  });

  it('ends the row of its agent without naming it', () => {
    using recording = new Recording();
    recording.hear(1, 'SubagentStart', BUILDER).hear(5, 'SubagentStop', { agent_id: 'a1' });
    expect(recording.row('agent_invocations')).toMatchObject({ agent_name: 'builder', end_time: time(5) });
  });
});

describe('the row', () => {
  it('has what the result tells of model and tokens', () => {
    using recording = new Recording();
    const input = { subagent_type: 'builder', model: 'haiku' };
    recording.hear(1, 'PreToolUse', launch('t1', { tool_input: input }));
    expect(recording.row('agent_invocations')).toMatchObject({ model: 'haiku' });
    const result = { agentId: 'a1', resolvedModel: 'claude-x', usage: { input_tokens: 3 }, content: 'secret' };
    recording.hear(2, 'PostToolUse', launch('t1', { tool_input: input, tool_response: result }));
    expect(recording.row('agent_invocations')).toMatchObject({
      model: 'claude-x',
      raw_output: '{"usage":{"input_tokens":3}}',
      output_size: JSON.stringify(result).length,
      result_summary: null,
    });
  });

  it('has the texts when content is captured', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', launch('t1'), { capture_content: true });
    expect(recording.row('agent_invocations')).toMatchObject({
      prompt: 'secret',
      raw_input: '{"subagent_type":"builder","prompt":"secret"}',
    });
  });

  it('is not written when an event tells nothing new', () => {
    using recording = new Recording();
    const events = (): Recording =>
      recording
        .hear(1, 'PreToolUse', launch('t1'))
        .hear(2, 'SubagentStart', BUILDER)
        .hear(3, 'PostToolUse', launch('t1', { tool_response: { agentId: 'a1', totalDurationMs: 1 } }));
    events();
    const changes = recording.db.prepare<[], number>('SELECT total_changes()').pluck();
    const before = changes.get();
    events();
    expect(changes.get()).toBe(before);
  });

  it('outlives its facts', () => {
    using recording = new Recording();
    recording.hear(1, 'SubagentStart', BUILDER).hear(2, 'SubagentStop', BUILDER);
    recording.db.exec('DELETE FROM lifecycle');
    recording.hear(3, 'SubagentStart', { agent_id: 'a2', agent_type: 'builder' });
    expect(recording.rows('agent_invocations')).toMatchObject([
      { agent_id: 'a1', end_time: time(2) },
      { agent_id: 'a2' },
    ]);
  });
});

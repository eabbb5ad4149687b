import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { merge, type Call } from '../../../receivers/claude_code_hooks/call.ts';
import { Recording, time, type Payload } from './recording.ts';

const LS = { tool_name: 'Bash', tool_input: { command: 'ls' } };
const NAMED = { ...LS, tool_use_id: 't1' };

describe('a call with an id', () => {
  it('is one row, with the smallest stamps of start and end', () => {
    using recording = new Recording();
    recording.hear(2, 'PreToolUse', NAMED).hear(1, 'PreToolUse', NAMED);
    recording.hear(9, 'PostToolUse', { ...NAMED, duration_ms: 1500 }).hear(8, 'PostToolUse', NAMED);
    expect(recording.row('agent_tool_uses')).toMatchObject({
      session_id: 's',
      tool_name: 'Bash',
      agent_name: 'main',
      agent_invocation_id: null,
      start_time: time(1),
      end_time: time(8),
      status: 'completed',
      timestamp: time(2),
      stored_by: 'agentcol',
      project: 'project',
      input_size: 16,
      tool_input: null,
    });
  });

  it.each([
    [['PostToolUse', 'PostToolUseFailure'], 'failed'],
    [['PostToolUseFailure', 'PostToolUse'], 'failed'],
    [['PermissionDenied', 'PostToolUse'], 'completed'],
    [['PermissionDenied', 'PreToolUse'], 'denied'],
    [['PreToolUse'], 'started'],
  ])('after %j is %s', (names, status) => {
    using recording = new Recording();
    for (const [index, name] of names.entries()) recording.hear(index, name, NAMED);
    expect(recording.row('agent_tool_uses')).toMatchObject({ status });
  });

  it('is settled by nothing but its own events', () => {
    using recording = new Recording();
    recording
      .hear(1, 'PreToolUse', NAMED)
      .hear(2, 'PostToolUse', { ...LS, tool_use_id: 't2' })
      .hear(3, 'PostToolUse', LS);
    recording.hear(4, 'Stop').hear(5, 'SessionEnd');
    expect(recording.rows('agent_tool_uses')).toMatchObject([
      { tool_use_id: 't1', status: 'started', end_time: null },
      { tool_use_id: 't2', status: 'completed', start_time: null },
      { tool_use_id: null, status: 'completed', start_time: null },
    ]);
  });

  it('has the seconds of duration_ms, and the type of its error', () => {
    using recording = new Recording();
    recording.hear(1, 'PostToolUseFailure', { ...NAMED, duration_ms: 250, error: 'Exit code 2\nsecret' });
    expect(recording.row('agent_tool_uses')).toMatchObject({
      duration_seconds: 0.25,
      error_type: 'exit_2',
      error: null,
    });
  });

  it('of the same id in another session is another call', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', NAMED).hear(1, 'PreToolUse', { ...NAMED, session_id: 'other' });
    expect(recording.rows('agent_tool_uses')).toHaveLength(2);
  });

  it('inside an agent carries its name and the id of its row, whenever that comes', () => {
    using recording = new Recording();
    const inside = { agent_id: 'a1', agent_type: '' };
    recording.hear(2, 'PreToolUse', { ...NAMED, ...inside });
    expect(recording.row('agent_tool_uses')).toMatchObject({ agent_name: null, agent_invocation_id: null });
    const task = { tool_name: 'Task', tool_use_id: 't0', tool_input: { subagent_type: 'builder' } };
    recording.hear(1, 'PostToolUse', { ...task, tool_response: { agentId: 'a1' } });
    expect(recording.row('agent_tool_uses')).toMatchObject({ agent_name: 'builder', agent_invocation_id: 1 });
  });

  it('moves to the run in which it began', () => {
    using recording = new Recording();
    const inside = { agent_id: 'a1', agent_type: 'builder' };
    recording.hear(1, 'SubagentStart', inside).hear(5, 'SubagentStop', inside).hear(20, 'SubagentStart', inside);
    recording.hear(21, 'PostToolUse', { ...NAMED, ...inside });
    expect(recording.row('agent_tool_uses')).toMatchObject({ agent_invocation_id: 2 });
    recording.hear(4, 'PreToolUse', { ...NAMED, ...inside });
    expect(recording.row('agent_tool_uses')).toMatchObject({ agent_invocation_id: 1 });
  });
});

describe('a call without an id', () => {
  it('is settled by the Post of the same input, the newest open one first', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', LS).hear(2, 'PreToolUse', LS);
    recording.hear(3, 'PreToolUse', { ...LS, tool_input: { command: 'make' } });
    recording.hear(4, 'PostToolUse', LS);
    expect(recording.rows('agent_tool_uses').map((row) => row.end_time)).toEqual([null, time(4), null]);
  });

  it.each([
    [3, 1],
    [3.001, 2],
  ])('that started at %d s is among %d rows after a Post at 1 s', (at, rows) => {
    using recording = new Recording();
    recording.hear(at, 'PreToolUse', LS).hear(1, 'PostToolUse', LS);
    expect(recording.rows('agent_tool_uses')).toHaveLength(rows);
  });

  it.each([
    [3, 1],
    [3.001, 2],
  ])('whose Post at 1 s came first is filled by a Pre at %d s, leaving %d rows', (at, rows) => {
    using recording = new Recording();
    recording.hear(1, 'PostToolUse', LS).hear(at, 'PreToolUse', LS);
    expect(recording.rows('agent_tool_uses')).toHaveLength(rows);
    expect(recording.rows('agent_tool_uses')[0]).toMatchObject({
      status: 'completed',
      start_time: rows === 1 ? time(1) : null,
    });
  });

  it('that was settled with a start is not settled or reopened again', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', LS).hear(2, 'PostToolUse', LS).hear(3, 'PreToolUse', LS).hear(4, 'PreToolUse', LS);
    expect(recording.rows('agent_tool_uses').map((row) => row.status)).toEqual(['completed', 'started', 'started']);
  });

  it('told twice with the same stamp is one', () => {
    using recording = new Recording();
    for (let round = 0; round < 2; round += 1) recording.hear(1, 'PreToolUse', LS).hear(2, 'PostToolUse', LS);
    expect(recording.rows('agent_tool_uses')).toHaveLength(1);
  });
});

describe('merging what is known of a call', () => {
  const times = fc.option(fc.constantFrom(time(1), time(2), time(3)));
  const text = fc.option(fc.constantFrom('a', 'b'));
  const calls: fc.Arbitrary<Call> = fc.record({
    tool_use_id: fc.constant('t1'),
    tool_name: fc.constantFrom('Bash', 'Read'),
    agent_id: text,
    input_digest: fc.constantFrom('x', 'y'),
    first_time: times.map((at) => at ?? time(0)),
    permission_mode: text,
    model: text,
    project: text,
    input_size: fc.nat(3),
    tool_input: text,
    launched_type: text,
    prompt: text,
    start_time: times,
    end_time: times,
    status: fc.constantFrom('started', 'completed', 'failed', 'denied'),
    outcome_time: times.map((at) => at ?? time(0)),
    error_type: text,
    duration_seconds: fc.option(fc.nat(3)),
    output_size: fc.option(fc.nat(3)),
    tool_output: text,
    error: text,
    launched_agent_id: text,
    background: fc.nat(1),
    result: text,
    resolved_model: text,
  });

  it('is the same in any order', () => {
    fc.assert(
      fc.property(calls, calls, (a, b) => {
        expect(merge(a, b)).toEqual(merge(b, a));
      }),
    );
  });

  it('is the same in any grouping', () => {
    fc.assert(
      fc.property(calls, calls, calls, (a, b, c) => {
        expect(merge(merge(a, b), c)).toEqual(merge(a, merge(b, c)));
      }),
    );
  });

  it('adds nothing that is known', () => {
    fc.assert(
      fc.property(calls, calls, (a, b) => {
        expect(merge(merge(a, b), b)).toEqual(merge(a, b));
      }),
    );
  });
});

it('stores hostile strings as data', () => {
  using recording = new Recording();
  const hostile: Payload = {
    ...(JSON.parse('{"__proto__": {"polluted": 1}, "constructor": "x"}') as Payload),
    tool_name: '__proto__',
    tool_use_id: 'toString',
    tool_input: "'; DROP TABLE agent_tool_uses; --",
    permission_mode: "'); DELETE FROM sessions; --",
    cwd: "/x/'; DROP TABLE sessions; --\u0000\ud800",
  };
  recording.hear(1, 'PreToolUse', hostile);
  expect(recording.row('agent_tool_uses')).toMatchObject({
    tool_name: '__proto__',
    tool_use_id: 'toString',
    permission_mode: '_OTHER',
    project: "'; DROP TABLE sessions; --\ufffd\ufffd",
  });
});

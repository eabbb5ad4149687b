import { describe, expect, it } from 'vitest';
import type { HookEvent } from '../../../receivers/claude_code_hooks/event.ts';
import { decoded, Recording, time, type Payload } from './recording.ts';

const LS = { tool_name: 'Bash', tool_input: { command: 'ls' } };
const NAMED = { ...LS, tool_use_id: 't1' };

describe('a request for permission', () => {
  it('is allowed when its call was made, at the end less the duration', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', NAMED).hear(1.1, 'PermissionRequest', LS);
    expect(recording.row('permission_requests')).toMatchObject({
      session_id: 's',
      agent_id: null,
      tool_name: 'Bash',
      time: time(1.1),
      outcome: null,
      resolved_time: null,
    });
    recording.hear(9, 'PostToolUse', { ...NAMED, duration_ms: 2000 });
    expect(recording.row('permission_requests')).toMatchObject({ outcome: 'allowed', resolved_time: time(7) });
  });

  it.each([
    ['PostToolUse', {}, 'allowed', null],
    ['PostToolUseFailure', { error: 'Exit code 1' }, 'allowed', null],
    ['PostToolUse', { duration_ms: 60_000 }, 'allowed', time(1.1)],
    ['PostToolUseFailure', { is_interrupt: true }, 'interrupted', null],
    ['PermissionDenied', {}, 'denied', time(9)],
  ])('after %s with %j is %s', (name, more: Payload, outcome, resolved) => {
    using recording = new Recording();
    recording
      .hear(1.1, 'PermissionRequest', LS)
      .hear(9, name, { ...NAMED, ...more })
      .hear(1, 'PreToolUse', NAMED);
    expect(recording.row('permission_requests')).toMatchObject({ outcome, resolved_time: resolved });
  });

  it('belongs to the latest call before it, of the same agent', () => {
    using recording = new Recording();
    const inside = { agent_id: 'a1', agent_type: 'builder' };
    recording.hear(1, 'PreToolUse', NAMED).hear(2, 'PermissionRequest', LS);
    recording.hear(20, 'PreToolUse', { ...NAMED, tool_use_id: 't2' }).hear(21, 'PermissionRequest', LS);
    recording.hear(20, 'PreToolUse', { ...NAMED, ...inside, tool_use_id: 't3' });
    recording.hear(22, 'PermissionRequest', { ...LS, ...inside });
    recording.hear(30, 'PostToolUse', { ...NAMED, tool_use_id: 't2' });
    expect(recording.rows('permission_requests').map((row) => row.outcome)).toEqual([null, 'allowed', null]);
  });

  it('to launch an agent is resolved by the launch', () => {
    using recording = new Recording();
    const launch = { tool_name: 'Task', tool_input: { subagent_type: 'builder' } };
    recording.hear(1, 'PreToolUse', { ...launch, tool_use_id: 't1' }).hear(2, 'PermissionRequest', launch);
    recording.hear(9, 'PermissionDenied', { ...launch, tool_use_id: 't1' });
    expect(recording.row('permission_requests')).toMatchObject({ outcome: 'denied', resolved_time: time(9) });
    expect(recording.row('agent_invocations')).toMatchObject({ status: 'failed', error_type: 'denied' });
  });
});

describe('other events', () => {
  it('of unknown names are kept as name, ids, time and size, their fields as names', () => {
    using recording = new Recording();
    recording.hear(1, 'SomethingNew', { agent_id: 'a1', secret_field: 'secret' });
    const event = decoded({
      session_id: 's',
      hook_event_name: 'SomethingNew',
      cwd: '/home/someone/project',
      agent_id: 'a1',
      secret_field: 'secret',
    });
    expect(recording.row('events')).toEqual({
      id: 1,
      time: time(1),
      session_id: 's',
      agent_id: 'a1',
      name: 'SomethingNew',
      notification_type: null,
      size: event.kind === 'other' ? event.size : undefined,
      unknown_fields: '["secret_field"]',
    });
    expect(recording.row('unknown_fields')).toEqual({ name: 'SomethingNew', field: 'secret_field' });
  });

  it('known by name have no row for their unknown fields, but the names', () => {
    using recording = new Recording();
    recording.hear(1, 'PreToolUse', { ...NAMED, effort: 'high' }).hear(2, 'Stop', { effort: 'high' });
    expect(recording.rows('events')).toEqual([]);
    expect(recording.rows('unknown_fields')).toEqual([
      { name: 'PreToolUse', field: 'effort' },
      { name: 'Stop', field: 'effort' },
    ]);
  });

  it('are notifications with their type, and compactions with their trigger', () => {
    using recording = new Recording();
    recording.hear(1, 'Notification', { message: 'secret', notification_type: 'idle_prompt' });
    recording.hear(2, 'PreCompact', { trigger: 'auto', custom_instructions: 'secret' });
    expect(recording.row('events')).toMatchObject({ name: 'Notification', notification_type: 'idle_prompt' });
    expect(recording.row('compactions')).toEqual({
      id: 1,
      session_id: 's',
      agent_id: null,
      time: time(2),
      trigger: 'auto',
    });
  });
});

describe('the writer', () => {
  it('counts refusals by reason', () => {
    using recording = new Recording();
    for (const at of [5, 3]) {
      const refusal = decoded([], at);
      if (refusal.kind === 'refusal') recording.writer.refuse(refusal);
    }
    expect(recording.rows('refusals')).toEqual([{ reason: 'invalid', count: 2, last_time: time(5) }]);
  });

  it('stores all events of a transaction, or none', () => {
    using recording = new Recording();
    const event = decoded({ session_id: 's', hook_event_name: 'PreToolUse', ...NAMED });
    function* interrupted(): Generator<HookEvent> {
      if (event.kind !== 'refusal') yield event;
      throw new Error('interrupted');
    }
    expect(() => {
      recording.writer.writeAll(interrupted());
    }).toThrow('interrupted');
    expect(recording.rows('agent_tool_uses')).toEqual([]);
    expect(recording.rows('sessions')).toEqual([]);
  });
});

it('stores nothing of any text by default', () => {
  using recording = new Recording();
  const secret = 'this must never be stored';
  const inside = { agent_id: 'a1', agent_type: 'builder' };
  const common = {
    transcript_path: secret,
    prompt: secret,
    message: secret,
    title: secret,
    reason: secret,
    error: secret,
  };
  const texts = { ...common, description: secret, last_assistant_message: secret, custom_instructions: secret };
  const call = { ...texts, tool_input: { prompt: secret, [secret]: secret }, tool_response: [secret, { secret }] };
  const more = { ...call, cwd: `/home/${secret}/project`, permission_mode: secret, source: secret, trigger: secret };
  const names = ['PreToolUse', 'PostToolUse', 'PostToolUseFailure', 'PermissionRequest', 'PermissionDenied'];
  const others = ['SubagentStart', 'SubagentStop', 'SessionStart', 'SessionEnd', 'UserPromptSubmit', 'Notification'];
  for (const [index, name] of [...names, ...others, 'PreCompact', 'Stop', 'SomethingNew'].entries()) {
    for (const tool_name of ['Bash', 'Task']) {
      recording.hear(index, name, {
        ...more,
        ...inside,
        tool_name,
        tool_use_id: tool_name,
        notification_type: secret,
        model: secret,
      });
    }
  }
  expect(recording.rows('agent_invocations')).not.toEqual([]);
  expect(recording.db.serialize().includes(secret)).toBe(false);
  expect(recording.db.serialize().includes('someone')).toBe(false);
});

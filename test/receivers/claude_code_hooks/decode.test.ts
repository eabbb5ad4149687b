import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../receivers/claude_code_hooks/decode.ts';
import { decoded, digest, LIMITS, time, type Payload } from './recording.ts';

const BASE = { session_id: 's', hook_event_name: 'PreToolUse', tool_name: 'Bash' };

function call(fields: Payload): unknown {
  return decoded({ ...BASE, ...fields });
}

describe('a refusal', () => {
  it.each([
    ['too_large', { max_input_bytes: 10 }, BASE, 'more than 10 bytes'],
    ['too_deep', { max_depth: 2 }, { ...BASE, tool_input: { a: [] } }, 'more than 2 levels'],
    ['foreign_dialect', {}, { hookEventName: 'PreToolUse', sessionId: 's' }, 'the event of another agent'],
    ['foreign_dialect', {}, { ...BASE, hook_event_name: 'preToolUse' }, 'the event of another agent'],
    ['invalid', {}, { hook_event_name: 'Stop' }, 'session_id is missing'],
    ['invalid', {}, { ...BASE, tool_name: undefined }, 'tool_name is missing'],
    ['invalid', {}, { ...BASE, tool_name: 'rm -rf' }, 'tool_name: pattern'],
    ['invalid', {}, { ...BASE, tool_name: 'x'.repeat(129) }, 'tool_name: pattern'],
    ['invalid', {}, { ...BASE, session_id: 7 }, 'session_id: type'],
    ['invalid', {}, { ...BASE, agent_id: '\u0000' }, 'agent_id: pattern'],
    ['invalid', {}, { ...BASE, agent_type: '\ud800' }, 'agent_type: pattern'],
    ['invalid', {}, [], 'the payload: type'],
    ['invalid', {}, null, 'the payload: type'],
  ] as const)('%s: %o', (reason, limits, payload, detail) => {
    expect(decoded(payload, 0, limits)).toMatchObject({ kind: 'refusal', reason, detail });
  });

  it('names no content of a text that is no JSON', () => {
    const refusal = decode('{"secret', LIMITS, 0, digest);
    expect(refusal).toEqual({
      kind: 'refusal',
      reason: 'not_json',
      detail: 'not a JSON text',
      time: '1970-01-01T00:00:00.000Z',
      size: 8,
      name: null,
      sessionId: null,
    });
  });

  it('tells name and session where they are valid', () => {
    expect(decoded({ ...BASE, tool_name: '!' })).toMatchObject({ name: 'PreToolUse', sessionId: 's' });
    expect(decoded({ ...BASE, session_id: 'no id' })).toMatchObject({ name: 'PreToolUse', sessionId: null });
  });

  it('takes bytes for the limit, not characters', () => {
    expect(decode(JSON.stringify('ä'.repeat(10)), { ...LIMITS, max_input_bytes: 15 }, 0, digest)).toMatchObject({
      reason: 'too_large',
      size: 22,
    });
  });
});

describe('what every event carries', () => {
  it('is stamped with the time that the hook began', () => {
    expect(decoded(BASE, 1.5)).toMatchObject({ time: time(1.5) });
  });

  it.each([
    ['/home/someone/project', 'project'],
    ['C:\\Users\\someone\\project', 'project'],
    ['/home/someone/project/', 'project'],
    ['/', null],
    ['', null],
    [null, null],
    ['/a/\ud800\n', '\ufffd\ufffd'],
  ])('the project of %j is %j', (cwd, project) => {
    expect(call({ cwd })).toMatchObject({ project, cwd: null });
  });

  it('takes an empty id or type for an absent one', () => {
    expect(call({ agent_id: '', agent_type: '', tool_use_id: '' })).toMatchObject({
      agentId: null,
      agentType: null,
      toolUseId: null,
    });
  });

  it('keeps a colon in the type of an agent', () => {
    expect(call({ agent_type: 'my-plugin:reviewer' })).toMatchObject({ agentType: 'my-plugin:reviewer' });
  });

  it('keeps the names of unknown fields, and not what is no name', () => {
    expect(call({ effort: 'secret', 'a secret': 1 })).toMatchObject({ unknownFields: ['effort'] });
  });

  it.each([
    ['plan', 'plan'],
    ['a whole sentence', '_OTHER'],
    ['', null],
  ])('the permission mode %j is kept as %j', (mode, kept) => {
    expect(call({ permission_mode: mode })).toMatchObject({ permissionMode: kept });
  });
});

describe('a tool call', () => {
  it.each([
    ['Exit code 1\nsecret', 'exit_1'],
    ['Error: Exit code 127', 'exit_127'],
    ['Exit code 999', '_OTHER'],
    ['EISDIR: illegal operation on a directory', 'EISDIR'],
    ['Error: ENOENT: no such file', 'ENOENT'],
    ['ESECRET: nothing known', '_OTHER'],
    ['secret', '_OTHER'],
    [{ code: 1 }, '_OTHER'],
    [undefined, '_OTHER'],
  ])('that failed with %j is of the type %s', (error, errorType) => {
    expect(call({ hook_event_name: 'PostToolUseFailure', error })).toMatchObject({ status: 'failed', errorType });
  });

  it('that was interrupted says so', () => {
    const failure = { hook_event_name: 'PostToolUseFailure', error: 'Exit code 1', is_interrupt: true };
    expect(call(failure)).toMatchObject({ status: 'failed', errorType: 'interrupted' });
  });

  it('that was denied says so', () => {
    expect(call({ hook_event_name: 'PermissionDenied', reason: 'secret' })).toMatchObject({
      status: 'denied',
      errorType: 'denied',
    });
  });

  it.each([[{ stdout: 'ä' }], [['a', { b: 1 }]], ['text']])('has the size of its result %j', (result) => {
    expect(call({ hook_event_name: 'PostToolUse', tool_response: result, duration_ms: 1500 })).toMatchObject({
      status: 'completed',
      outputSize: Buffer.byteLength(JSON.stringify(result)),
      durationSeconds: 1.5,
    });
  });

  it('has no negative duration', () => {
    for (const duration of [-1, 1e300, 2 ** 53]) {
      expect(call({ hook_event_name: 'PostToolUse', duration_ms: duration })).toMatchObject({ durationSeconds: null });
    }
  });

  it('has the same digest for the same input, however it is written', () => {
    const digests = ['{"a":1,"b":"\\u0041"}', '{ "a" : 1, "b":"A" }'].map((input) => {
      const text = `{"session_id":"s","hook_event_name":"PreToolUse","tool_name":"T","tool_input":${input}}`;
      const event = decode(text, LIMITS, 0, digest);
      return event.kind === 'call' ? event.inputDigest : undefined;
    });
    expect(digests[0]).toBeDefined();
    expect(digests[0]).toBe(digests[1]);
  });

  it.each(['TaskStop', 'KillShell'])('of %s names what it stopped', (tool) => {
    const stop = { hook_event_name: 'PostToolUse', tool_name: tool, tool_input: { task_id: 'a1' } };
    expect(call(stop)).toMatchObject({ stoppedAgentId: 'a1' });
    expect(call({ ...stop, tool_input: { task_id: 'no id', shell_id: 'b2' } })).toMatchObject({ stoppedAgentId: 'b2' });
    expect(call({ ...stop, tool_input: 'none' })).toMatchObject({ stoppedAgentId: null });
    expect(call({ ...stop, hook_event_name: 'PreToolUse' })).toMatchObject({ stoppedAgentId: null });
  });
});

describe('a launch', () => {
  const launch = { tool_name: 'Task', tool_input: { subagent_type: 'builder', model: 'haiku', prompt: 'secret' } };

  it.each(['Task', 'Agent'])('is a call of %s', (tool) => {
    expect(call({ ...launch, tool_name: tool })).toMatchObject({ model: 'haiku', launch: { type: 'builder' } });
  });

  it.each([
    [undefined, 'general-purpose'],
    ['', 'general-purpose'],
    ['my-plugin:reviewer', 'my-plugin:reviewer'],
    [7, '_OTHER'],
    ['x'.repeat(129), '_OTHER'],
    ['a\nb', '_OTHER'],
  ])('of the type %j launches %s', (type, name) => {
    expect(call({ ...launch, tool_input: { subagent_type: type } })).toMatchObject({ launch: { type: name } });
  });

  it('keeps of its result nothing but numbers, the agent and the model', () => {
    const result = {
      content: [{ type: 'text', text: 'secret' }],
      totalDurationMs: 1500,
      totalTokens: 12,
      totalToolUseCount: -1,
      usage: { input_tokens: 1, output_tokens: 2, service_tier: 'secret', 'secret text': 3 },
      agentId: 'a1',
      resolvedModel: 'claude-x',
    };
    const returned = { hook_event_name: 'PostToolUse', ...launch, tool_response: result, duration_ms: 9 };
    expect(call(returned)).toMatchObject({
      durationSeconds: 1.5,
      launch: {
        agentId: 'a1',
        background: false,
        prompt: null,
        result: '{"totalDurationMs":1500,"totalTokens":12,"usage":{"input_tokens":1,"output_tokens":2}}',
        resolvedModel: 'claude-x',
      },
    });
  });

  it('in the background returns at once', () => {
    const result = { status: 'async_launched', agentId: 'a1' };
    expect(call({ hook_event_name: 'PostToolUse', ...launch, tool_response: result })).toMatchObject({
      durationSeconds: null,
      launch: { background: true, result: null },
    });
  });
});

describe('with capture_content', () => {
  const texts = { tool_input: { command: 'ls' }, tool_response: 'aäa', cwd: '/x' };

  it('texts are kept', () => {
    const event = decoded({ ...BASE, ...texts, hook_event_name: 'PostToolUse' }, 0, { capture_content: true });
    expect(event).toMatchObject({ cwd: '/x', input: '{"command":"ls"}', output: 'aäa', error: null });
  });

  it('texts of one event have together no more bytes than the limit, cut between characters', () => {
    const limits = { capture_content: true, max_stored_text_bytes: 20 };
    const event = decoded({ ...BASE, ...texts, hook_event_name: 'PostToolUse', error: 'x' }, 0, limits);
    // 2 + 16 + 1: the second character of the output has two bytes, and one is left.
    expect(event).toMatchObject({ cwd: '/x', input: '{"command":"ls"}', output: 'a', error: 'x' });
  });

  it('lone surrogates are replaced', () => {
    const event = decoded({ ...BASE, tool_input: 'a\ud800' }, 0, { capture_content: true });
    expect(event).toMatchObject({ input: 'a\ufffd' });
  });
});

describe('whatever comes', () => {
  it('never throws on bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decode(Buffer.from(bytes), LIMITS, 0, digest).kind).toBe('refusal');
      }),
    );
  });

  it('never throws on values in the place of fields', () => {
    const names = fc.constantFrom('PreToolUse', 'PostToolUse', 'SubagentStop', 'SessionStart', 'Other');
    const fields = fc.record({
      hook_event_name: names,
      session_id: fc.oneof(fc.constant('s'), fc.string({ unit: 'binary' })),
      tool_name: fc.oneof(fc.constantFrom('Task', 'Bash', 'TaskStop', '__proto__'), fc.string({ unit: 'binary' })),
      tool_input: fc.jsonValue(),
      tool_response: fc.jsonValue(),
      agent_id: fc.oneof(fc.constant(null), fc.string({ unit: 'binary' })),
      error: fc.jsonValue(),
      cwd: fc.string({ unit: 'binary' }),
    });
    fc.assert(
      fc.property(fields, fc.boolean(), (payload, capture_content) => {
        expect(decoded(payload, 0, { capture_content })).toHaveProperty('kind');
      }),
      { numRuns: 30 },
    );
  });

  it.each(['['.repeat(100_000) + ']'.repeat(100_000), '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)])(
    'refuses a text that is nested deeply',
    (text) => {
      expect(decode(text, LIMITS, 0, digest)).toMatchObject({ reason: 'too_deep' });
    },
  );
});

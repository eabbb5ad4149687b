import fc from 'fast-check';

/** Texts that have broken others: SQL, control characters, half characters, paths, prototypes, sizes. */
const TEXTS: readonly string[] = [
  "'; DROP TABLE sessions; --",
  '" OR 1=1 --',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udfff\ud800',
  '\u202eabc',
  '\ufeff',
  '\r\n\t\u001b[31m',
  '../../../etc/passwd',
  '%s%n%x',
  '${env:HOME}',
  '{{7*7}}',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  ' ',
  'NULL',
  'undefined',
  '1e999',
  '𝕊',
  'a'.repeat(129),
  'b'.repeat(10_000),
];

/** The fields that are looked at, with values of right and wrong kinds. */
const FIELDS: readonly string[] = [
  'session_id',
  'hook_event_name',
  'tool_name',
  'tool_use_id',
  'tool_input',
  'tool_response',
  'agent_id',
  'agent_type',
  'permission_mode',
  'cwd',
  'transcript_path',
  'error',
  'is_interrupt',
  'duration_ms',
  'source',
  'reason',
  'trigger',
  'model',
  'message',
  'notification_type',
  'prompt',
  '__proto__',
  'constructor',
];

const EVENTS: readonly string[] = [
  'PreToolUse',
  'PostToolUse',
  'PostToolUseFailure',
  'PermissionRequest',
  'PermissionDenied',
  'SubagentStart',
  'SubagentStop',
  'SessionStart',
  'SessionEnd',
  'Stop',
  'UserPromptSubmit',
  'PreCompact',
  'Notification',
  'SomethingNew',
];

const text = fc.oneof(fc.constantFrom(...TEXTS), fc.string({ unit: 'binary', maxLength: 40 }));
const number = fc.oneof(fc.constantFrom(-1, 0, -0, 1e308, 2 ** 53, 0.1), fc.double());
const value: fc.Arbitrary<unknown> = fc.oneof(
  text,
  number,
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue({ maxDepth: 4 }),
);
/** Few, so that events meet. */
const session = fc.constantFrom('s-1', 's-2', '0a92d390-9c1d-40f6-ac55-84a50ce2b452');

const usage = fc.record(
  {
    status: fc.oneof(fc.constantFrom('completed', 'async_launched'), value),
    agentId: fc.oneof(fc.constantFrom('a1', 'a2'), value),
    totalDurationMs: value,
    totalTokens: value,
    usage: fc.oneof(value, fc.record({ input_tokens: value, output_tokens: value })),
  },
  { requiredKeys: [] },
);

/** A payload that is right but for some of its fields. */
const payload = fc
  .tuple(
    fc.record(
      {
        session_id: session,
        hook_event_name: fc.constantFrom(...EVENTS),
        tool_name: fc.constantFrom('Bash', 'Task', 'Agent', 'mcp__a__b'),
        tool_use_id: fc.constantFrom('t1', 't2', 't3'),
        tool_input: fc.oneof(value, fc.record({ subagent_type: value, model: value, description: text })),
        tool_response: fc.oneof(value, usage),
        agent_id: fc.constantFrom('a1', 'a2', ''),
        agent_type: fc.constantFrom('Explore', 'my-plugin:reviewer', ''),
        cwd: fc.constantFrom('/home/a/project', 'c:\\a\\b', ''),
        duration_ms: number,
      },
      { requiredKeys: ['session_id', 'hook_event_name'] },
    ),
    fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 2 }),
  )
  .map(([right, wrong]): unknown => ({ ...right, ...wrong }));

/** What a hook may be given: payloads, nearly payloads, and anything else. */
export const hostileInput: fc.Arbitrary<string | Buffer> = fc.oneof(
  { weight: 8, arbitrary: payload.map((one) => JSON.stringify(one)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
);

/** A generator of whole numbers below its argument, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** A payload with a few bytes changed, lost, doubled or exchanged. */
export function mutated(input: string, below: (limit: number) => number): Buffer {
  let bytes = Buffer.from(input, 'utf8');
  for (let count = 1 + below(4); count > 0; count -= 1) {
    const at = below(bytes.length + 1);
    const length = below(12);
    const [before, piece, after] = [
      bytes.subarray(0, at),
      bytes.subarray(at, at + length),
      bytes.subarray(at + length),
    ];
    const kind = below(16);
    if (kind < 4) bytes = Buffer.concat([before, after]);
    else if (kind < 8) bytes = Buffer.concat([before, piece, piece, after]);
    else if (kind < 11) bytes = Buffer.concat([before, Buffer.from([below(256)]), piece, after]);
    else if (kind < 15) bytes = Buffer.concat([before, Buffer.from(TEXTS[below(TEXTS.length)]!), after]);
    else bytes = Buffer.from(before);
  }
  return bytes;
}

/** Inputs with a name of their own, each once. */
export const NOTORIOUS: Readonly<Record<string, string | Buffer>> = {
  nothing: '',
  'a NUL': Buffer.from([0]),
  'no UTF-8': Buffer.from([0xff, 0xfe, 0x7b, 0x7d]),
  'a byte order mark': '\ufeff{"session_id":"s-1","hook_event_name":"Stop"}',
  'a name of 1 MB': JSON.stringify({ session_id: 's-1', hook_event_name: 'PreToolUse', tool_name: 'x'.repeat(1e6) }),
  'more than the limit': JSON.stringify({ session_id: 's-1', hook_event_name: 'Stop', pad: 'x'.repeat(2e6) }),
  'deep nesting': `{"session_id":"s-1","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":${'['.repeat(400_000)}${']'.repeat(400_000)}}`,
  'deep nesting without an end': '['.repeat(900_000),
  'duplicate keys': '{"session_id":"s-1","session_id":"s-2","hook_event_name":"Stop","hook_event_name":"PreToolUse"}',
  prototypes: '{"__proto__":{"session_id":"s-1"},"hook_event_name":"Stop","constructor":{"prototype":{"x":1}}}',
  'a million keys': `{"session_id":"s-1","hook_event_name":"New",${Array.from({ length: 60_000 }, (_, index) => `"k${index}":1`).join(',')}}`,
  'another dialect': '{"sessionId":"s-1","hookEventName":"PreToolUse","toolName":"Bash"}',
  'a number too large': '{"session_id":"s-1","hook_event_name":"PostToolUse","tool_name":"Bash","duration_ms":1e400}',
};

import { describe, expect, it } from 'vitest';
import { Transcript, type RequestUsage } from '../../../../receivers/claude_code_hooks/import/transcript.ts';

interface Told {
  readonly payload: Readonly<Record<string, unknown>>;
  readonly stampMs: number;
}

function read(records: readonly Readonly<Record<string, unknown>>[], agentType?: string) {
  const events: Told[] = [];
  const usages: RequestUsage[] = [];
  const transcript = new Transcript(
    { event: (payload, stampMs) => events.push({ payload, stampMs }), usage: (usage) => usages.push(usage) },
    agentType,
  );
  for (const record of records) transcript.add(record);
  transcript.end();
  return { events, usages, names: events.map(({ payload }) => payload.hook_event_name) };
}

const START = Date.UTC(2026, 7, 12, 21, 56);
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();
const common = { sessionId: 's-1', cwd: '/home/a/project', isSidechain: false, version: '2.1.228' };

function uses(id: string, name: string, seconds: number, input: object = {}) {
  const message = { id: `msg_${id}`, role: 'assistant', content: [{ type: 'tool_use', id, name, input }] };
  return { ...common, type: 'assistant', message, timestamp: at(seconds) };
}

function result(id: string, seconds: number, more: object = {}, block: object = {}) {
  const message = { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'done', ...block }] };
  return { ...common, type: 'user', message, timestamp: at(seconds), ...more };
}

describe('a tool call of a transcript', () => {
  it('is the two hook events that it would have been, at the times of its records', () => {
    const { events } = read([
      uses('t1', 'Read', 1, { file_path: 'x' }),
      result('t1', 3, { toolUseResult: { type: 'text' } }),
    ]);
    const about = {
      session_id: 's-1',
      cwd: '/home/a/project',
      tool_name: 'Read',
      tool_input: { file_path: 'x' },
      tool_use_id: 't1',
    };
    expect(events.slice(0, 2)).toEqual([
      { payload: { ...about, hook_event_name: 'PreToolUse' }, stampMs: START + 1000 },
      { payload: { ...about, hook_event_name: 'PostToolUse', tool_response: { type: 'text' } }, stampMs: START + 3000 },
    ]);
  });

  it.each([
    [
      'Exit code 127\ncommand not found',
      { hook_event_name: 'PostToolUseFailure', error: 'Exit code 127\ncommand not found' },
    ],
    [
      '<tool_use_error>File has not been read</tool_use_error>',
      { hook_event_name: 'PostToolUseFailure', error: 'File has not been read</tool_use_error>' },
    ],
    ['[Request interrupted by user for tool use]', { hook_event_name: 'PostToolUseFailure', is_interrupt: true }],
    [
      "The user doesn't want to proceed with this tool use. The tool use was rejected",
      { hook_event_name: 'PermissionDenied' },
    ],
    ['Permission to use Bash has been denied.', { hook_event_name: 'PermissionDenied' }],
  ])('that did not succeed says how: %s', (content, expected) => {
    for (const form of [content, [{ type: 'text', text: content }]]) {
      const { events } = read([uses('t1', 'Bash', 1), result('t1', 2, {}, { is_error: true, content: form })]);
      expect(events[1]?.payload).toMatchObject({ tool_use_id: 't1', tool_name: 'Bash', ...expected });
    }
  });

  it('without a result stays open; a result without a call is left out', () => {
    expect(read([uses('t1', 'Bash', 1), result('t2', 2)]).names).toEqual(['PreToolUse', 'Stop']);
  });

  it('of several in one message is one of each', () => {
    const content = ['t1', 't2'].map((id) => ({ type: 'tool_use', id, name: 'Grep', input: {} }));
    const message = { role: 'assistant', content };
    const both = { ...common, type: 'assistant', timestamp: at(1), message };
    expect(read([both, result('t2', 2), result('t1', 3)]).names).toEqual([
      'PreToolUse',
      'PreToolUse',
      'PostToolUse',
      'PostToolUse',
      'Stop',
    ]);
  });
});

describe('the transcript of a sub-agent', () => {
  const inside = { isSidechain: true, agentId: 'a1' };
  const answer = {
    ...common,
    ...inside,
    type: 'assistant',
    timestamp: at(9),
    message: { role: 'assistant', content: [{ type: 'text', text: 'BANANA' }] },
  };

  it('starts it at its first record and ends it at its answer', () => {
    const { events } = read(
      [{ ...uses('t1', 'Bash', 1), ...inside }, { ...result('t1', 2), ...inside }, answer],
      'Explore',
    );
    expect(
      events.map(({ payload, stampMs }) => [payload.hook_event_name, payload.agent_id, payload.agent_type, stampMs]),
    ).toEqual([
      ['SubagentStart', 'a1', 'Explore', START + 1000],
      ['PreToolUse', 'a1', 'Explore', START + 1000],
      ['PostToolUse', 'a1', 'Explore', START + 2000],
      ['SubagentStop', 'a1', 'Explore', START + 9000],
    ]);
  });

  it('that ends without an answer does not end it', () => {
    expect(read([{ ...uses('t1', 'Bash', 1), ...inside }], 'Explore').names).toEqual(['SubagentStart', 'PreToolUse']);
  });

  it('of an unknown type starts no agent, but ends one', () => {
    expect(read([answer]).names).toEqual(['SubagentStop']);
  });
});

describe('what else a transcript says', () => {
  it('a turn ends with its last record', () => {
    const { events } = read([uses('t1', 'Bash', 1), result('t1', 5)]);
    expect(events.at(-1)).toEqual({
      payload: { session_id: 's-1', cwd: '/home/a/project', hook_event_name: 'Stop' },
      stampMs: START + 5000,
    });
  });

  it('compactions, with what triggered them', () => {
    const compactMetadata = { trigger: 'auto', preTokens: 155_000 };
    const record = { ...common, type: 'system', subtype: 'compact_boundary', timestamp: at(4), compactMetadata };
    expect(read([record]).events).toEqual([
      {
        payload: { session_id: 's-1', cwd: '/home/a/project', hook_event_name: 'PreCompact', trigger: 'auto' },
        stampMs: START + 4000,
      },
    ]);
  });

  it('what each request took, as often as it is told', () => {
    const message = {
      id: 'msg_1',
      role: 'assistant',
      model: 'claude-opus-5',
      content: [],
      usage: { input_tokens: 2, output_tokens: 5 },
    };
    const record = { ...common, type: 'assistant', requestId: 'req_1', timestamp: at(4), message };
    expect(read([record]).usages).toEqual([
      {
        sessionId: 's-1',
        agentId: undefined,
        messageId: 'msg_1',
        requestId: 'req_1',
        model: 'claude-opus-5',
        stampMs: START + 4000,
        usage: { input_tokens: 2, output_tokens: 5 },
      },
    ]);
  });

  it.each([
    { type: 'summary', summary: 'text', leafUuid: 'x' },
    { type: 'file-history-snapshot', messageId: 'm', snapshot: {} },
    { type: 'queue-operation', operation: 'enqueue', timestamp: at(1), sessionId: 's-1' },
    { type: 'attachment', timestamp: at(1), sessionId: 's-1', attachment: {} },
    { type: 'assistant', sessionId: 's-1', message: { content: [] } },
    { type: 'assistant', sessionId: 's-1', timestamp: 'soon', message: { content: [] } },
    { type: 'user', timestamp: at(1), message: { content: [] } },
    { type: 'user', sessionId: 's-1', timestamp: at(1), message: 'hello' },
    {},
  ])('nothing of records that say nothing of calls, or not when: %j', (record) => {
    expect(read([record])).toEqual({ events: [], usages: [], names: [] });
  });
});

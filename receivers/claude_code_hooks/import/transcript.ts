import fs from 'node:fs';
import { isObject, objectOf, textOf, type JsonObject } from './json.ts';
import { epochMs } from './stamps.ts';

/** What one request to the model took; told once or more often, with growing numbers, under the same ids. */
export interface RequestUsage {
  readonly sessionId: string;
  readonly agentId: string | undefined;
  readonly messageId: string;
  /** Empty where the endpoint gave none. */
  readonly requestId: string;
  readonly model: string | undefined;
  readonly stampMs: number;
  /** Numbers of tokens, by the names of the Messages API. */
  readonly usage: JsonObject;
}

export interface TranscriptSink {
  /** A payload as a hook would have got it, and when. */
  event(payload: JsonObject, stampMs: number): void;
  usage(usage: RequestUsage): void;
}

/** Calls whose result is awaited; a transcript that is cut off in the middle must not fill the memory. */
const MOST_OPEN_CALLS = 10_000;
/** Enough of a tool's error to tell its kind: "Exit code 127". */
const ERROR_LENGTH = 200;
const DENIED = /^(The user doesn't want to (proceed|take this action)|Permission to use .* (has been )?denied)/;
const INTERRUPTED = /^\[Request interrupted by user/;

/**
 * Reads the records of one transcript (~/.claude/projects/PROJECT/SESSION.jsonl, or agent-ID.jsonl of a sub-agent) in order, and
 * tells the hook events that they stand for. Its format is not documented: what is not recognised is left out.
 */
export class Transcript {
  readonly #sink: TranscriptSink;
  /** Of the sub-agent whose transcript this is. */
  readonly #agentType: string | undefined;
  readonly #calls = new Map<string, { readonly name: string; readonly input: JsonObject }>();
  #started = false;
  /** The last record of the conversation, and whether nothing was to follow it. */
  #last: { readonly about: JsonObject; readonly stampMs: number; readonly over: boolean } | undefined;

  constructor(sink: TranscriptSink, agentType: string | undefined) {
    this.#sink = sink;
    this.#agentType = agentType;
  }

  add(record: JsonObject): void {
    const stampMs = epochMs(record.timestamp);
    const sessionId = textOf(record, 'sessionId');
    if (stampMs === undefined || sessionId === undefined) return;
    const agentId = record.isSidechain === true ? textOf(record, 'agentId') : undefined;
    const about = withoutAbsent({
      session_id: sessionId,
      cwd: textOf(record, 'cwd'),
      permission_mode: textOf(record, 'permissionMode'),
      agent_id: agentId,
      agent_type: agentId === undefined ? undefined : this.#agentType,
    });
    const message = objectOf(record, 'message');
    if (record.type === 'assistant' && message !== undefined) this.#answered(record, message, about, stampMs);
    else if (record.type === 'user' && message !== undefined) this.#told(record, message, about, stampMs);
    else if (record.type === 'system' && record.subtype === 'compact_boundary') {
      const trigger = textOf(objectOf(record, 'compactMetadata'), 'trigger');
      this.#sink.event(withoutAbsent({ ...about, hook_event_name: 'PreCompact', trigger }), stampMs);
    }
  }

  /** There are no more records. */
  end(): void {
    if (this.#last === undefined) return;
    const { about, stampMs, over } = this.#last;
    if (about.agent_id === undefined) this.#sink.event({ ...about, hook_event_name: 'Stop' }, stampMs);
    else if (over) this.#sink.event({ ...about, hook_event_name: 'SubagentStop' }, stampMs);
  }

  #answered(record: JsonObject, message: JsonObject, about: JsonObject, stampMs: number): void {
    const uses = blocksOf(message, 'tool_use');
    this.#heard(about, stampMs, uses.length === 0);
    for (const use of uses) {
      const id = textOf(use, 'id');
      const name = textOf(use, 'name');
      if (id === undefined || name === undefined) continue;
      const input = objectOf(use, 'input') ?? {};
      this.#remember(id, { name, input });
      this.#sink.event(
        { ...about, hook_event_name: 'PreToolUse', tool_name: name, tool_input: input, tool_use_id: id },
        stampMs,
      );
    }
    const messageId = textOf(message, 'id');
    const usage = objectOf(message, 'usage');
    if (messageId === undefined || usage === undefined) return;
    const model = textOf(message, 'model');
    this.#sink.usage({
      sessionId: textOf(about, 'session_id') ?? '',
      agentId: textOf(about, 'agent_id'),
      messageId,
      requestId: textOf(record, 'requestId') ?? '',
      // Claude Code speaks of itself in messages of this model, which took no request.
      model: model === '<synthetic>' ? undefined : model,
      stampMs,
      usage,
    });
  }

  #told(record: JsonObject, message: JsonObject, about: JsonObject, stampMs: number): void {
    this.#heard(about, stampMs, false);
    for (const result of blocksOf(message, 'tool_result')) {
      const id = textOf(result, 'tool_use_id');
      const call = id === undefined ? undefined : this.#calls.get(id);
      if (id === undefined || call === undefined) continue;
      this.#calls.delete(id);
      this.#sink.event(
        { ...about, tool_name: call.name, tool_input: call.input, tool_use_id: id, ...outcomeOf(record, result) },
        stampMs,
      );
    }
  }

  #heard(about: JsonObject, stampMs: number, over: boolean): void {
    if (!this.#started && about.agent_id !== undefined && about.agent_type !== undefined) {
      this.#sink.event({ ...about, hook_event_name: 'SubagentStart' }, stampMs);
    }
    this.#started = true;
    this.#last = { about, stampMs, over };
  }

  #remember(id: string, call: { readonly name: string; readonly input: JsonObject }): void {
    if (this.#calls.size >= MOST_OPEN_CALLS) {
      const [oldest] = this.#calls.keys();
      if (oldest !== undefined) this.#calls.delete(oldest);
    }
    this.#calls.set(id, call);
  }
}

function outcomeOf(record: JsonObject, result: JsonObject): JsonObject {
  const response = record.toolUseResult ?? result.content ?? null;
  if (result.is_error !== true) return { hook_event_name: 'PostToolUse', tool_response: response };
  const error = errorOf(result.content);
  if (DENIED.test(error)) return { hook_event_name: 'PermissionDenied' };
  const interrupted = INTERRUPTED.test(error) ? { is_interrupt: true } : {};
  return { hook_event_name: 'PostToolUseFailure', error: error.slice(0, ERROR_LENGTH), ...interrupted };
}

function errorOf(content: unknown): string {
  if (typeof content === 'string') return content.replace(/^<tool_use_error>/, '').trimStart();
  const [first] = Array.isArray(content) ? (content as readonly unknown[]) : [];
  return isObject(first) ? errorOf(first.text ?? '') : '';
}

function blocksOf(message: JsonObject, type: string): readonly JsonObject[] {
  const content: unknown = message.content;
  return Array.isArray(content) ? content.filter(isObject).filter((block) => block.type === type) : [];
}

function withoutAbsent(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** The type of the sub-agent of a transcript, from the file that lies beside it; undefined where there is none. */
export function agentTypeOf(transcript: string): string | undefined {
  try {
    const described: unknown = JSON.parse(fs.readFileSync(transcript.replace(/\.jsonl$/, '.meta.json'), 'utf8'));
    return isObject(described) ? textOf(described, 'agentType') : undefined;
  } catch {
    // Older versions write none; the call that launched the agent tells its type, too.
    return undefined;
  }
}

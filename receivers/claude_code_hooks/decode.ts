import { decodeLaunch, isLaunch, isObject, launchModel, launchSeconds, secondsOf, objectOf } from './decode-launch.ts';
import { errorType } from './error-type.ts';
import type { CallEvent, CallStatus, HookEvent, Limits, Origin, Refusal, RefusalReason } from './event.ts';
import { payloadSchema } from './payload.schema.ts';
import { identifier, modelName, projectOf, TextBudget, word } from './text.ts';
import { validate } from './validate-payload.generated.js';

/** A payload that the schema has passed: what the schema says of its fields. */
interface Payload {
  readonly session_id: string;
  readonly hook_event_name: string;
  readonly cwd?: string | null;
  readonly permission_mode?: string | null;
  readonly agent_id?: string | null;
  readonly agent_type?: string | null;
  /** Absent from events that are not of a tool. */
  readonly tool_name?: string;
  readonly tool_use_id?: string | null;
  readonly tool_input?: unknown;
  readonly tool_response?: unknown;
  readonly duration_ms?: number | null;
  readonly error?: unknown;
  readonly is_interrupt?: boolean | null;
  readonly source?: string | null;
  readonly model?: string | null;
  readonly reason?: string | null;
  readonly trigger?: string | null;
  readonly notification_type?: string | null;
}

/** What all parts of one decoding share. */
interface Reading {
  readonly size: number;
  readonly digest: (text: string) => string;
  /** Empty unless content is captured. */
  readonly content: TextBudget;
}

const CALL_STATUS: ReadonlyMap<string, CallStatus> = new Map([
  ['PreToolUse', 'started'],
  ['PostToolUse', 'completed'],
  ['PostToolUseFailure', 'failed'],
  ['PermissionDenied', 'denied'],
]);
/** Tools that stop an agent in the background, and what their input calls it. */
const STOPPING_TOOLS: ReadonlySet<string> = new Set(['TaskStop', 'KillShell', 'KillTask']);
const STOPPED = ['task_id', 'shell_id', 'agent_id'] as const;
const FIELD_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const MOST_UNKNOWN_FIELDS = 16;
/** How other agents, whose events look alike, name the fields. */
const FOREIGN_FIELDS = ['hookEventName', 'sessionId', 'toolName', 'toolInput'] as const;

/**
 * What a payload of one hook event means. Pure, and never throws: what cannot be understood is a Refusal.
 * `stampMs` is when the hook began, epoch milliseconds; `digest` a keyed digest, so that equal inputs are recognised unseen.
 */
export function decode(
  text: string | Buffer,
  limits: Limits,
  stampMs: number,
  digest: (text: string) => string,
): HookEvent | Refusal {
  const time = new Date(stampMs).toISOString();
  const size = Buffer.byteLength(text);
  const refuse = (reason: RefusalReason, detail: string, payload?: unknown): Refusal => {
    const { hook_event_name: name, session_id: sessionId } = objectOf(payload);
    return { kind: 'refusal', reason, detail, time, size, name: identifier(name), sessionId: identifier(sessionId) };
  };
  if (size > limits.max_input_bytes) return refuse('too_large', `more than ${limits.max_input_bytes} bytes`);
  let payload: unknown;
  try {
    payload = JSON.parse(text.toString());
  } catch {
    // The parser's message quotes the text.
    return refuse('not_json', 'not a JSON text');
  }
  if (isDeeper(payload, limits.max_depth)) return refuse('too_deep', `more than ${limits.max_depth} levels`, payload);
  if (isForeign(payload)) return refuse('foreign_dialect', 'the event of another agent', payload);
  if (!isPayload(payload)) return refuse('invalid', complaint(), payload);
  const content = new TextBudget(limits.capture_content ? limits.max_stored_text_bytes : 0);
  return eventOf(payload, originOf(payload, time, content), { size, digest, content });
}

/** Whether arrays and objects are nested in more levels than that. */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

function isForeign(payload: unknown): boolean {
  if (!isObject(payload)) return false;
  const { hook_event_name: name } = payload;
  if (typeof name === 'string') return /^[a-z]/.test(name);
  return FOREIGN_FIELDS.some((field) => Object.hasOwn(payload, field));
}

function isPayload(payload: unknown): payload is Payload {
  return validate(payload);
}

/** Names the field and the rule; both are of the schema. */
function complaint(): string {
  const error = validate.errors?.[0];
  const { missingProperty } = objectOf(error?.params);
  if (typeof missingProperty === 'string') return `${missingProperty} is missing`;
  return `${error?.instancePath.slice(1) || 'the payload'}: ${error?.keyword ?? 'schema'}`;
}

function originOf(payload: Payload, time: string, content: TextBudget): Origin {
  return {
    sessionId: payload.session_id,
    time,
    agentId: payload.agent_id || null,
    agentType: payload.agent_type || null,
    permissionMode: word(payload.permission_mode),
    model: modelName(payload.model),
    project: projectOf(payload.cwd),
    cwd: content.take(payload.cwd),
    name: payload.hook_event_name,
    unknownFields: Object.keys(payload)
      .filter((field) => !Object.hasOwn(payloadSchema.properties, field) && FIELD_NAME.test(field))
      .slice(0, MOST_UNKNOWN_FIELDS),
  };
}

function eventOf(payload: Payload, origin: Origin, reading: Reading): HookEvent {
  const { tool_name: toolName } = payload;
  const status = CALL_STATUS.get(origin.name);
  if (toolName !== undefined) {
    if (status !== undefined) return callOf(payload, toolName, status, origin, reading);
    if (origin.name === 'PermissionRequest') {
      const inputDigest = reading.digest(jsonOf(payload.tool_input));
      return { ...origin, kind: 'permission_request', toolName, inputDigest };
    }
  }
  switch (origin.name) {
    case 'SessionStart':
      return { ...origin, kind: 'session_start', word: word(payload.source) };
    case 'SessionEnd':
      return { ...origin, kind: 'session_end', word: word(payload.reason) };
    case 'Stop':
      return { ...origin, kind: 'turn_end', word: null };
    case 'SubagentStart':
      return { ...origin, kind: 'agent_start', word: null };
    case 'SubagentStop':
      return { ...origin, kind: 'agent_stop', word: null };
    case 'PreCompact':
      return { ...origin, kind: 'compaction', trigger: word(payload.trigger) };
    default:
      return { ...origin, kind: 'other', size: reading.size, notificationType: word(payload.notification_type) };
  }
}

function callOf(
  payload: Payload,
  toolName: string,
  status: CallStatus,
  origin: Origin,
  { digest, content }: Reading,
): CallEvent {
  const { tool_input: toolInput, tool_response: toolResponse, duration_ms: durationMs } = payload;
  const input = jsonOf(toolInput);
  const launches = isLaunch(toolName);
  return {
    ...origin,
    kind: 'call',
    status,
    toolName,
    toolUseId: payload.tool_use_id || null,
    inputDigest: digest(input),
    inputSize: Buffer.byteLength(input),
    outputSize: toolResponse === undefined ? null : Buffer.byteLength(jsonOf(toolResponse)),
    durationSeconds: launches ? launchSeconds(toolResponse) : secondsOf(durationMs),
    errorType: errorTypeOf(payload, status),
    model: launches ? launchModel(toolInput) : origin.model,
    launch: launches ? decodeLaunch(toolInput, toolResponse, content) : null,
    input: content.take(toolInput),
    output: content.take(toolResponse),
    error: content.take(payload.error),
    stoppedAgentId: status === 'completed' && STOPPING_TOOLS.has(toolName) ? stoppedAgent(toolInput) : null,
  };
}

function errorTypeOf({ error, is_interrupt: isInterrupt }: Payload, status: CallStatus): string | null {
  if (status === 'denied') return 'denied';
  return status === 'failed' ? errorType(error, isInterrupt === true) : null;
}

function stoppedAgent(input: unknown): string | null {
  const asked = objectOf(input);
  for (const name of STOPPED) {
    const id = identifier(asked[name]);
    if (id !== null) return id;
  }
  return null;
}

/** As JSON.stringify writes it, so that spaces and escapes of the payload make no difference; an absent value is null. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value ?? null);
}

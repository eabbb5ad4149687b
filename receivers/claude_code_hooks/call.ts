import type { CallEvent, CallStatus } from './event.ts';
import { earliest, precedes } from './stamp.ts';

/** What a call is. Of all its events, the earliest tells. */
interface Description {
  readonly tool_name: string;
  readonly agent_id: string | null;
  readonly input_digest: string;
  readonly first_time: string;
  readonly permission_mode: string | null;
  readonly model: string | null;
  readonly project: string | null;
  readonly input_size: number;
  readonly tool_input: string | null;
  readonly launched_type: string | null;
  readonly prompt: string | null;
}

/** What has become of it. The gravest event tells, of equally grave ones the earliest. */
interface Outcome {
  readonly status: CallStatus;
  readonly outcome_time: string;
  readonly error_type: string | null;
  readonly duration_seconds: number | null;
  readonly output_size: number | null;
  readonly tool_output: string | null;
  readonly error: string | null;
  readonly launched_agent_id: string | null;
  /** 0 or 1. */
  readonly background: number;
  readonly result: string | null;
  readonly resolved_model: string | null;
}

/** What is known of a tool call, named as the columns of its row. Times ISO 8601 UTC. */
export interface Call extends Description, Outcome {
  readonly tool_use_id: string | null;
  /** The earliest of its starts, and the earliest of what settled it. */
  readonly start_time: string | null;
  readonly end_time: string | null;
}

const GRAVITY: Readonly<Record<CallStatus, number>> = { started: 0, denied: 1, completed: 2, failed: 3 };

/** What one event tells of its call. */
export function callOf(event: CallEvent): Call {
  const isStart = event.status === 'started';
  return {
    tool_use_id: event.toolUseId,
    tool_name: event.toolName,
    agent_id: event.agentId,
    input_digest: event.inputDigest,
    first_time: event.time,
    permission_mode: event.permissionMode,
    model: event.model,
    project: event.project,
    input_size: event.inputSize,
    tool_input: event.input,
    launched_type: event.launch?.type ?? null,
    prompt: event.launch?.prompt ?? null,
    start_time: isStart ? event.time : null,
    end_time: isStart ? null : event.time,
    status: event.status,
    outcome_time: event.time,
    error_type: event.errorType,
    duration_seconds: event.durationSeconds,
    output_size: event.outputSize,
    tool_output: event.output,
    error: event.error,
    launched_agent_id: event.launch?.agentId ?? null,
    background: event.launch?.background === true ? 1 : 0,
    result: event.launch?.result ?? null,
    resolved_model: event.launch?.resolvedModel ?? null,
  };
}

/** What both know together: commutative, associative and idempotent, so that the order of events makes no difference. */
export function merge(a: Call, b: Call): Call {
  const described = precedes(a.first_time, descriptionOf(a), b.first_time, descriptionOf(b)) ? a : b;
  return {
    tool_use_id: described.tool_use_id,
    ...descriptionOf(described),
    ...outcomeOf(isGraver(a, b) ? a : b),
    start_time: earliest(a.start_time, b.start_time),
    end_time: earliest(a.end_time, b.end_time),
  };
}

function isGraver(a: Call, b: Call): boolean {
  const difference = GRAVITY[a.status] - GRAVITY[b.status];
  return difference === 0 ? precedes(a.outcome_time, outcomeOf(a), b.outcome_time, outcomeOf(b)) : difference > 0;
}

function descriptionOf(call: Call): Description {
  return {
    tool_name: call.tool_name,
    agent_id: call.agent_id,
    input_digest: call.input_digest,
    first_time: call.first_time,
    permission_mode: call.permission_mode,
    model: call.model,
    project: call.project,
    input_size: call.input_size,
    tool_input: call.tool_input,
    launched_type: call.launched_type,
    prompt: call.prompt,
  };
}

function outcomeOf(call: Call): Outcome {
  return {
    status: call.status,
    outcome_time: call.outcome_time,
    error_type: call.error_type,
    duration_seconds: call.duration_seconds,
    output_size: call.output_size,
    tool_output: call.tool_output,
    error: call.error,
    launched_agent_id: call.launched_agent_id,
    background: call.background,
    result: call.result,
    resolved_model: call.resolved_model,
  };
}

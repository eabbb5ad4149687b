/** What our rows carry in `stored_by`, to tell them from those of the former logger. */
export const STORED_BY = 'agentcol';

/** What bounds an event, and whether its texts are kept. Sizes in bytes. */
export interface Limits {
  readonly max_input_bytes: number;
  /** Of all texts of one event together. */
  readonly max_stored_text_bytes: number;
  readonly max_depth: number;
  /** Off: no prompt, input, output, message or path is kept, only names, ids, sizes and outcomes. */
  readonly capture_content: boolean;
}

/** Facts that every event may carry. Absent is null, as it is stored. */
export interface Origin {
  readonly sessionId: string;
  /** When the hook began: ISO 8601, UTC, milliseconds, Z. */
  readonly time: string;
  /** Set when the event happened inside a sub-agent. */
  readonly agentId: string | null;
  readonly agentType: string | null;
  readonly permissionMode: string | null;
  readonly model: string | null;
  /** The last element of the working directory. */
  readonly project: string | null;
  /** Content: the working directory. */
  readonly cwd: string | null;
  /** The payload's own name of the event, and its fields that no version known to us has. */
  readonly name: string;
  readonly unknownFields: readonly string[];
}

/** What a call of Task or Agent tells of the agent that it launches. */
export interface Launch {
  /** The sub-agent's type. */
  readonly type: string;
  /** The id of the agent that ran, from the result. */
  readonly agentId: string | null;
  /** The result came at launch, not at the end. */
  readonly background: boolean;
  /** Content: what the agent is told. */
  readonly prompt: string | null;
  /** The numbers of the result, as JSON. */
  readonly result: string | null;
  readonly resolvedModel: string | null;
}

export type CallStatus = 'started' | 'completed' | 'failed' | 'denied';

/** One of the events of a tool call: it started, or it was settled. */
export interface CallEvent extends Origin {
  readonly kind: 'call';
  readonly status: CallStatus;
  readonly toolName: string;
  readonly toolUseId: string | null;
  readonly inputDigest: string;
  /** Bytes of the input and of the output as JSON. */
  readonly inputSize: number;
  readonly outputSize: number | null;
  readonly durationSeconds: number | null;
  readonly errorType: string | null;
  /** Content: input, output and error, as text. */
  readonly input: string | null;
  readonly output: string | null;
  readonly error: string | null;
  /** Set for Task and Agent. */
  readonly launch: Launch | null;
  /** The agent that a successful call has stopped. */
  readonly stoppedAgentId: string | null;
}

export interface PermissionRequestEvent extends Origin {
  readonly kind: 'permission_request';
  readonly toolName: string;
  readonly inputDigest: string;
}

/** Beginnings and ends of agents and sessions. `word` is the source of a start, or the reason of an end. */
export interface LifecycleEvent extends Origin {
  readonly kind: 'session_start' | 'session_end' | 'turn_end' | 'agent_start' | 'agent_stop';
  readonly word: string | null;
}

export interface CompactionEvent extends Origin {
  readonly kind: 'compaction';
  readonly trigger: string | null;
}

/** An event of which only name, ids, time and size are kept. */
export interface OtherEvent extends Origin {
  readonly kind: 'other';
  /** Bytes of the payload. */
  readonly size: number;
  readonly notificationType: string | null;
}

/** What is kept of a payload. Holds content only when `capture_content` is on. */
export type HookEvent = CallEvent | PermissionRequestEvent | LifecycleEvent | CompactionEvent | OtherEvent;

export type RefusalReason = 'too_large' | 'not_json' | 'too_deep' | 'foreign_dialect' | 'invalid';

/** Why a payload is not stored. Never holds content: `detail` names a field or a limit. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly reason: RefusalReason;
  readonly detail: string;
  readonly time: string;
  /** Bytes of the payload. */
  readonly size: number;
  /** Where they are valid. */
  readonly name: string | null;
  readonly sessionId: string | null;
}

/** The public names and buckets, written down a second time: they are a contract. */
export const INVOCATIONS = 'agent_workflow_invocations_total';
export const INVOCATION_SECONDS = 'gen_ai_invoke_agent_duration_seconds';
export const INVOCATIONS_ACTIVE = 'agent_workflow_invocations_active';
export const LAST_START = 'agent_workflow_invocation_last_start_timestamp_seconds';
export const TOOL_CALLS = 'agent_workflow_tool_calls_total';
export const TOOL_SECONDS = 'gen_ai_execute_tool_duration_seconds';
export const TOOL_CALLS_ACTIVE = 'agent_workflow_tool_calls_active';
export const SESSIONS = 'agent_workflow_sessions_total';
export const SESSIONS_ACTIVE = 'agent_workflow_sessions_active';
export const SESSION_SECONDS = 'agent_workflow_session_duration_seconds';
export const TOKENS = 'agent_workflow_tokens_total';
export const PERMISSIONS = 'agent_workflow_permission_requests_total';
export const PERMISSION_SECONDS = 'agent_workflow_permission_wait_seconds';
export const COMPACTIONS = 'agent_workflow_compactions_total';
export const DATABASE_SIZE = 'agent_workflow_database_size_bytes';

export const AGENT = 'gen_ai_agent_name';
export const PHASE = 'agent_workflow_phase';
export const TOOL = 'gen_ai_tool_name';
export const STATUS = 'agent_workflow_status';
export const ERROR_TYPE = 'error_type';
export const TOKEN_TYPE = 'gen_ai_token_type';
export const OUTCOME = 'agent_workflow_outcome';
export const TRIGGER = 'agent_workflow_trigger';

/** 0.1 s doubling to 6553.6 s. */
export const INVOCATION_BUCKETS: readonly number[] = [
  0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6, 819.2, 1638.4, 3276.8, 6553.6,
];
/** 0.01 s doubling to 5242.88 s. */
export const TOOL_BUCKETS: readonly number[] = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68, 655.36,
  1310.72, 2621.44, 5242.88,
];
export const SESSION_BUCKETS: readonly number[] = [60, 300, 600, 1800, 3600, 7200, 14_400, 28_800, 86_400];

/** 0.5 s doubling to 4096 s. */
export const PERMISSION_BUCKETS: readonly number[] = [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];

export const TOKEN_FIELDS: readonly (readonly [type: string, field: string])[] = [
  ['input', 'input_tokens'],
  ['output', 'output_tokens'],
  ['cache_read', 'cache_read_input_tokens'],
  ['cache_creation', 'cache_creation_input_tokens'],
];

export const KNOWN_STATUSES: readonly string[] = ['completed', 'failed', 'abandoned'];
export const KNOWN_OUTCOMES: readonly string[] = ['allowed', 'denied', 'interrupted', 'abandoned'];
export const KNOWN_TRIGGERS: readonly string[] = ['auto', 'manual'];
/** Rows of agentcol's own hooks are complete this long after their end, when late parts of them have arrived. */
export const LATE_SECONDS = 10;
/** An open invocation, tool call or session older than this is abandoned. */
export const OPEN_SECONDS = 24 * 3600;
/** A session run without a sign of life for longer than this has ended. */
export const SILENT_SECONDS = 30 * 60;

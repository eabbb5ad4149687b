/**
 * Version 1. Times are ISO 8601 UTC with milliseconds and Z, so that texts sort as times do.
 *
 * What was heard is kept in agent_launches (calls of Task and Agent), lifecycle (starts and ends of agents and sessions),
 * agent_tool_uses and permission_requests, each merged so that the order of arrival does not matter. agent_invocations,
 * sessions and the outcomes of permission_requests are worked out from those.
 *
 * `agentcol import` alone writes model_requests (what requests to the model took, which no hook tells), imported_lines (digests
 * of recorded payloads, and how often each was imported) and time_source ('assumed': nobody recorded when it was).
 *
 * Columns up to `stored_by` are the former logger's; the queries written for it go on working.
 */
const VERSION_1 = `
CREATE TABLE sessions(
  session_id TEXT PRIMARY KEY, start_time TEXT, end_time TEXT, status TEXT, cwd TEXT, metadata TEXT,
  stored_by TEXT, last_event_time TEXT, start_source TEXT, end_reason TEXT, model TEXT, permission_mode TEXT, project TEXT,
  last_stop_time TEXT, time_source TEXT
);

CREATE TABLE agent_invocations(
  id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT, session_id TEXT, event_type TEXT, phase TEXT, agent_name TEXT,
  agent_type TEXT, model TEXT, prompt TEXT, parent_agent TEXT, ticket_id TEXT, start_time TEXT, end_time TEXT,
  duration_seconds REAL, status TEXT, error TEXT, result_summary TEXT, raw_input TEXT, raw_output TEXT,
  stored_by TEXT, agent_id TEXT, run INTEGER, launch_id INTEGER, tool_use_id TEXT, launch_time TEXT, seen_time TEXT,
  parent_agent_id TEXT, depth INTEGER, error_type TEXT, permission_mode TEXT, project TEXT,
  input_size INTEGER, output_size INTEGER, time_source TEXT
);
CREATE INDEX idx_invocations_timestamp ON agent_invocations(timestamp);
CREATE INDEX idx_invocations_session ON agent_invocations(session_id, start_time, end_time);
CREATE INDEX idx_invocations_run ON agent_invocations(session_id, agent_id) WHERE agent_id IS NOT NULL;

CREATE TABLE agent_tool_uses(
  id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT, session_id TEXT, agent_name TEXT, agent_invocation_id INTEGER,
  tool_name TEXT, tool_input TEXT, tool_output TEXT, duration_seconds REAL, status TEXT, error TEXT,
  sequence_number INTEGER, start_time TEXT, end_time TEXT,
  stored_by TEXT, tool_use_id TEXT, agent_id TEXT, input_digest TEXT, first_time TEXT, outcome_time TEXT, error_type TEXT,
  permission_mode TEXT, model TEXT, project TEXT, input_size INTEGER, output_size INTEGER, time_source TEXT
);
CREATE UNIQUE INDEX idx_tool_uses_id ON agent_tool_uses(session_id, tool_use_id) WHERE tool_use_id IS NOT NULL;
CREATE INDEX idx_tool_uses_input ON agent_tool_uses(session_id, tool_name, input_digest);
CREATE INDEX idx_tool_uses_run ON agent_tool_uses(session_id, agent_id, first_time) WHERE agent_id IS NOT NULL;

CREATE TABLE agent_launches(
  id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, launched_type TEXT, tool_name TEXT,
  tool_input TEXT, tool_output TEXT, duration_seconds REAL, status TEXT, error TEXT, start_time TEXT, end_time TEXT,
  tool_use_id TEXT, agent_id TEXT, input_digest TEXT, first_time TEXT, outcome_time TEXT, error_type TEXT,
  permission_mode TEXT, model TEXT, project TEXT, input_size INTEGER, output_size INTEGER,
  launched_agent_id TEXT, background INTEGER, prompt TEXT, result TEXT, resolved_model TEXT
);
CREATE UNIQUE INDEX idx_launches_id ON agent_launches(session_id, tool_use_id) WHERE tool_use_id IS NOT NULL;
CREATE INDEX idx_launches_input ON agent_launches(session_id, tool_name, input_digest);

CREATE TABLE lifecycle(
  id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, agent_id TEXT, name TEXT NOT NULL, time TEXT NOT NULL,
  agent_type TEXT, word TEXT, model TEXT, permission_mode TEXT, project TEXT, cwd TEXT
);
CREATE UNIQUE INDEX idx_lifecycle ON lifecycle(session_id, coalesce(agent_id, ''), name, time);

CREATE TABLE permission_requests(
  id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT, agent_id TEXT, tool_name TEXT, input_digest TEXT, time TEXT,
  resolved_time TEXT, outcome TEXT
);
CREATE INDEX idx_permission_requests ON permission_requests(session_id, tool_name, input_digest);

CREATE TABLE compactions(id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT, agent_id TEXT, time TEXT, "trigger" TEXT);
CREATE INDEX idx_compactions ON compactions(session_id, time);

CREATE TABLE events(
  id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT, session_id TEXT, agent_id TEXT, name TEXT, notification_type TEXT,
  size INTEGER, unknown_fields TEXT
);
CREATE INDEX idx_events ON events(session_id, time);

CREATE TABLE model_requests(
  id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, agent_id TEXT, message_id TEXT NOT NULL,
  request_id TEXT NOT NULL, model TEXT, time TEXT, input_tokens INTEGER, output_tokens INTEGER,
  cache_read_input_tokens INTEGER, cache_creation_input_tokens INTEGER, UNIQUE(message_id, request_id)
);

CREATE TABLE imported_lines(digest TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE unknown_fields(name TEXT, field TEXT, PRIMARY KEY(name, field));
CREATE TABLE refusals(reason TEXT PRIMARY KEY, count INTEGER NOT NULL, last_time TEXT);
CREATE TABLE settings(name TEXT PRIMARY KEY, value);
`;

/**
 * Version 2: what `agentcol retention` leaves of a session, for `agentcol import` to know what was there once. Nothing of the session
 * of before that time comes back. `time_source` as it was.
 */
const VERSION_2 = `
CREATE TABLE IF NOT EXISTS retired_sessions(
  session_id TEXT PRIMARY KEY, before_time TEXT NOT NULL, time_source TEXT
) WITHOUT ROWID;
`;

/** Version 3: the row of the run that launched a run, as calls have that of the run that they are inside of. */
const VERSION_3 = `ALTER TABLE agent_invocations ADD COLUMN parent_invocation_id INTEGER;`;

/** Index i brings `user_version` from i to i + 1; a fresh database goes through all of them. */
export const migrations: readonly string[] = [VERSION_1, VERSION_2, VERSION_3];

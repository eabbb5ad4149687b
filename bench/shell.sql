-- The work of the agent_workflow preset in plain SQL, for the sqlite3 shell: what agentcol's first read is compared with.
-- Histograms, open rows and seconds() are left out: the shell does less than agentcol.
SELECT agent_name, phase, status, count(*), sum(duration_seconds), max(start_time)
  FROM agent_invocations NOT INDEXED GROUP BY agent_name, phase, status;
SELECT tool_name, status, count(*), sum(duration_seconds), max(start_time)
  FROM agent_tool_uses NOT INDEXED GROUP BY tool_name, status;
SELECT count(*) FROM (
  SELECT session_id FROM sessions
  UNION SELECT session_id FROM agent_invocations NOT INDEXED
  UNION SELECT session_id FROM agent_tool_uses NOT INDEXED);
SELECT agent_name,
       sum(CASE WHEN json_valid(raw_output) THEN json_extract(raw_output, '$.usage.input_tokens') END),
       sum(CASE WHEN json_valid(raw_output) THEN json_extract(raw_output, '$.usage.output_tokens') END),
       sum(CASE WHEN json_valid(raw_output) THEN json_extract(raw_output, '$.usage.cache_read_input_tokens') END),
       sum(CASE WHEN json_valid(raw_output) THEN json_extract(raw_output, '$.usage.cache_creation_input_tokens') END)
  FROM agent_invocations NOT INDEXED GROUP BY agent_name;

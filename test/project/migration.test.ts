import { describe, expect, it } from 'vitest';
import { migrationTable } from './migration-table.ts';

/** All that the former exporter published. */
const FORMER = [
  ...['agent_invocation_total', 'agent_duration_seconds', 'agent_last_execution_timestamp', 'agent_error_total'],
  ...['agent_success_rate', 'phase_distribution_total', 'total_unique_agents', 'total_sessions'],
  ...['active_sessions_count', 'avg_agents_per_session', 'parallel_executions_current', 'session_duration_seconds'],
  ...['session_agents_total', 'session_phases_completed', 'session_success_rate', 'session_error_count'],
  ...['session_total_agent_time', 'session_idle_time', 'session_efficiency_ratio', 'session_parallel_factor'],
  ...['session_start_timestamp', 'session_agent_diversity', 'session_completion_status'],
  ...['session_duration_by_first_agent', 'agent_tool_usage_total', 'agent_tool_duration_seconds'],
  ...['agent_tool_success_rate', 'tools_per_agent_invocation', 'agent_tool_diversity', 'agent_primary_tool'],
  ...['agent_workflow_database', 'exporter_memory_usage_mb', 'exporter_query_duration_seconds'],
  ...['exporter_query_result_count'],
];

describe('docs/migration.md', () => {
  const table = migrationTable();

  it('has each of the 34 former families once', () => {
    expect(table.map(({ family }) => family).sort()).toEqual(FORMER.toSorted());
    expect(FORMER).toHaveLength(34);
  });

  it.each(table)('says what to ask instead of $family, or why it cannot be had', ({ expressions, reason }) => {
    if (reason === undefined) expect(expressions).not.toEqual([]);
    else expect(reason).toMatch(/^cannot be had.*: .{20}/);
  });
});

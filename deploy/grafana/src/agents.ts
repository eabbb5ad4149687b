import { dashboard, labelVariable, minimumVariable } from './dashboard.ts';
import { COUNT, distributionPanel, SECONDS } from './panels.ts';
import { AGENT, inRange, PHASE, quantile, series, TOOL } from './promql.ts';
import { matrixPanel, tablePanel } from './table-panel.ts';

const SETTLED = 'agent_workflow_invocations_total';
const DURATION = 'gen_ai_invoke_agent_duration_seconds';
const TOOL_CALLS = 'agent_workflow_tool_calls_total';

const byAgent = (expression: string): string => `sum by (gen_ai_agent_name) (${expression})`;
const withStatus = (status: string): string =>
  byAgent(inRange(series(SETTLED, AGENT, PHASE, `agent_workflow_status="${status}"`)));
const failures = series(`${DURATION}_count`, AGENT, PHASE, 'error_type!=""');
const byErrorType = (expression: string): string => `sum by (gen_ai_agent_name, error_type) (${expression})`;

export const agents = dashboard({
  uid: 'agentcol-agents',
  title: 'Agents',
  description: 'Each agent: its runs, failures, durations, tokens and tools.',
  variables: [
    // Calls outside of any invocation have an agent too: unknown, or direct.
    labelVariable('agent', 'Agent', '{__name__=~"agent_workflow_(invocations|tool_calls)_total"}', 'gen_ai_agent_name'),
    labelVariable('phase', 'Phase', SETTLED, 'agent_workflow_phase'),
    labelVariable('tool', 'Tool', TOOL_CALLS, 'gen_ai_tool_name'),
    minimumVariable(),
  ],
  panels: [
    tablePanel({
      title: 'Runs',
      description: 'Invocations that settled in the time range; those open now; the last start ever.',
      width: 24,
      height: 9,
      labels: { gen_ai_agent_name: 'Agent' },
      sortBy: 'Last run',
      columns: [
        { title: 'Completed', expr: withStatus('completed'), unit: COUNT },
        { title: 'Failed', expr: withStatus('failed'), unit: COUNT },
        { title: 'Abandoned', expr: withStatus('abandoned'), unit: COUNT },
        { title: 'Open', expr: byAgent(series('agent_workflow_invocations_active', AGENT, PHASE)), unit: COUNT },
        { title: 'p95', expr: quantile(0.95, 'gen_ai_agent_name', DURATION, AGENT, PHASE), unit: SECONDS },
        {
          title: 'Last run',
          expr: `max by (gen_ai_agent_name) (${series('agent_workflow_invocation_last_start_timestamp_seconds', AGENT)}) * 1000`,
          unit: { unit: 'dateTimeFromNow' },
        },
      ],
    }),
    tablePanel({
      title: 'Failures by error type',
      description:
        'Failed invocations with a duration. The first failure of its kind begins a series, and Prometheus sees no increase in that: "ever" has it.',
      width: 12,
      height: 9,
      noValue: 'no failures',
      labels: { gen_ai_agent_name: 'Agent', error_type: 'Error type' },
      sortBy: 'In the time range',
      columns: [
        { title: 'In the time range', expr: byErrorType(inRange(failures)), unit: COUNT },
        { title: 'Ever', expr: byErrorType(failures), unit: COUNT },
      ],
    }),
    distributionPanel({
      title: 'Duration distribution',
      description: 'Complete invocations of the time range in each bucket: up to so many seconds.',
      unit: COUNT,
      width: 12,
      height: 9,
      queries: [{ expr: `sum by (le) (${inRange(series(`${DURATION}_bucket`, AGENT, PHASE))})` }],
    }),
    matrixPanel({
      title: 'Tokens by type',
      description:
        "Tokens of invocations that completed in the time range. An agent's usage covers its final request only.",
      unit: { unit: 'short' },
      width: 12,
      height: 9,
      row: 'gen_ai_agent_name',
      rowTitle: 'Agent',
      column: 'gen_ai_token_type',
      noValue: 'no tokens',
      queries: [
        {
          expr: `sum by (gen_ai_agent_name, gen_ai_token_type) (${inRange(series('agent_workflow_tokens_total', AGENT))})`,
        },
      ],
    }),
    tablePanel({
      title: 'Tools used',
      description: 'Tool calls that settled in the time range.',
      width: 12,
      height: 9,
      noValue: 'no tool calls',
      labels: { gen_ai_agent_name: 'Agent', gen_ai_tool_name: 'Tool' },
      sortBy: 'Calls',
      columns: [
        {
          title: 'Calls',
          expr: `sum by (gen_ai_agent_name, gen_ai_tool_name) (${inRange(series(TOOL_CALLS, AGENT, TOOL))}) > 0`,
          unit: COUNT,
        },
      ],
    }),
  ],
});

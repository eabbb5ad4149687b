import { dashboard, labelVariable, minimumVariable } from './dashboard.ts';
import { barsPanel, COUNT, eventsPanel, numberPanel, piePanel, RATIO, SECONDS } from './panels.ts';
import { AGENT, inEachInterval, inRange, orZero, quantile, ratio, series, TOOL } from './promql.ts';
import { tablePanel } from './table-panel.ts';

const CALLS = 'agent_workflow_tool_calls_total';
const DURATION = 'gen_ai_execute_tool_duration_seconds';

const calls = series(CALLS, TOOL, AGENT);
const failed = series(CALLS, TOOL, AGENT, 'agent_workflow_status="failed"');
const run = series(CALLS, TOOL, AGENT, 'agent_workflow_status=~"completed|failed"');
const active = series('agent_workflow_tool_calls_active', TOOL, AGENT);
const requests = series('agent_workflow_permission_requests_total', TOOL);

export const tools = dashboard({
  uid: 'agentcol-tools',
  title: 'Tools',
  description: 'Each tool: its calls, errors and durations, what is open, what was asked for.',
  variables: [
    labelVariable('tool', 'Tool', CALLS, 'gen_ai_tool_name'),
    labelVariable('agent', 'Agent', CALLS, 'gen_ai_agent_name'),
    minimumVariable(),
  ],
  panels: [
    numberPanel({
      title: 'Calls',
      description: 'Tool calls that settled in the time range.',
      unit: COUNT,
      width: 8,
      height: 4,
      queries: [{ expr: orZero(`sum(${inRange(calls)})`) }],
    }),
    numberPanel({
      title: 'Error ratio',
      description: 'Failed of all calls of the time range that ran to their end.',
      unit: RATIO,
      width: 8,
      height: 4,
      noValue: 'too few',
      queries: [{ expr: ratio(`sum(${inRange(failed)})`, `sum(${inRange(run)})`) }],
    }),
    numberPanel({
      title: 'Open calls',
      description: 'Tool calls that are open now.',
      unit: COUNT,
      width: 8,
      height: 4,
      queries: [{ expr: orZero(`sum(${active})`) }],
    }),
    eventsPanel({
      title: 'Calls by tool',
      description: 'Tool calls that settled in each interval.',
      unit: COUNT,
      width: 24,
      height: 8,
      queries: [{ expr: inEachInterval('gen_ai_tool_name', calls), legend: '{{gen_ai_tool_name}}' }],
    }),
    tablePanel({
      title: 'Calls, errors and p95 by tool and agent',
      description:
        'Calls that settled in the time range, failed of those that ran to their end, and the time that 95 of 100 stayed below.',
      width: 14,
      height: 10,
      labels: { gen_ai_tool_name: 'Tool', gen_ai_agent_name: 'Agent' },
      sortBy: 'Calls',
      columns: [
        { title: 'Calls', expr: `${byToolAndAgent(inRange(calls))} > 0`, unit: COUNT },
        {
          title: 'Error ratio',
          expr: ratio(byToolAndAgent(inRange(failed)), byToolAndAgent(inRange(run))),
          unit: RATIO,
        },
        {
          title: 'p95',
          expr: quantile(0.95, 'gen_ai_tool_name, gen_ai_agent_name', DURATION, TOOL, AGENT),
          unit: SECONDS,
        },
      ],
    }),
    piePanel({
      title: 'Mix',
      description: 'Tool calls that settled in the time range, by tool.',
      unit: COUNT,
      width: 10,
      height: 10,
      queries: [
        { expr: `sort_desc(sum by (gen_ai_tool_name) (${inRange(calls)}) > 0)`, legend: '{{gen_ai_tool_name}}' },
      ],
    }),
    barsPanel({
      title: 'Open calls by tool',
      description: 'Tool calls that are open now. What is open for 24 hours counts as abandoned.',
      unit: COUNT,
      width: 12,
      height: 8,
      queries: [
        {
          expr: orZero(`sort_desc(sum by (gen_ai_tool_name) (${active}) > 0)`),
          legend: '{{gen_ai_tool_name}}',
        },
      ],
    }),
    eventsPanel({
      title: 'Permission requests',
      description:
        "Requests for permission by what became of them, in each interval. agentcol's own hooks tell of them.",
      unit: COUNT,
      width: 12,
      height: 8,
      queries: [
        {
          expr: orZero(inEachInterval('agent_workflow_outcome', requests)),
          legend: '{{agent_workflow_outcome}}',
        },
      ],
    }),
  ],
});

function byToolAndAgent(expression: string): string {
  return `sum by (gen_ai_tool_name, gen_ai_agent_name) (${expression})`;
}

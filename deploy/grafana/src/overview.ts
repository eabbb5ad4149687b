import { dashboard, labelVariable, minimumVariable } from './dashboard.ts';
import { barsPanel, COUNT, eventsPanel, heatmapPanel, numberPanel, RATIO, SECONDS } from './panels.ts';
import { AGENT, inEachInterval, inRange, orZero, PHASE, quantile, ratio, series } from './promql.ts';
import { tablePanel } from './table-panel.ts';

const SETTLED = 'agent_workflow_invocations_total';
const DURATION = 'gen_ai_invoke_agent_duration_seconds';

const settled = series(SETTLED, AGENT, PHASE);
const completed = series(SETTLED, AGENT, PHASE, 'agent_workflow_status="completed"');
const active = series('agent_workflow_invocations_active', AGENT, PHASE);
const quantileOf = (q: number): string => quantile(q, 'gen_ai_agent_name', DURATION, AGENT, PHASE);

export const overview = dashboard({
  uid: 'agentcol-overview',
  title: 'Workflow overview',
  description: 'What agents did: how much, how well, how fast.',
  variables: [
    labelVariable('agent', 'Agent', SETTLED, 'gen_ai_agent_name'),
    labelVariable('phase', 'Phase', SETTLED, 'agent_workflow_phase'),
    minimumVariable(),
  ],
  panels: [
    numberPanel({
      title: 'Invocations',
      description: 'Invocations that completed, failed or were abandoned in the time range.',
      unit: COUNT,
      width: 8,
      height: 4,
      queries: [{ expr: orZero(`sum(${inRange(settled)})`) }],
    }),
    numberPanel({
      title: 'Success',
      description: 'Completed of all that settled in the time range.',
      unit: RATIO,
      width: 8,
      height: 4,
      noValue: 'too few',
      queries: [{ expr: ratio(`sum(${inRange(completed)})`, `sum(${inRange(settled)})`) }],
    }),
    numberPanel({
      title: 'Active',
      description: 'Invocations that are open now.',
      unit: COUNT,
      width: 8,
      height: 4,
      queries: [{ expr: orZero(`sum(${active})`) }],
    }),
    eventsPanel({
      title: 'Invocations by status',
      description: 'Invocations that settled in each interval.',
      unit: COUNT,
      width: 24,
      height: 8,
      queries: [{ expr: inEachInterval('agent_workflow_status', settled), legend: '{{agent_workflow_status}}' }],
    }),
    tablePanel({
      title: 'Duration by agent',
      description:
        'Quantiles of complete invocations of the time range, over all phases and error types. Buckets double: a quantile is right within a factor of two.',
      width: 16,
      height: 9,
      noValue: 'too few',
      labels: { gen_ai_agent_name: 'Agent' },
      sortBy: 'p95',
      columns: [
        { title: 'p50', expr: quantileOf(0.5), unit: SECONDS },
        { title: 'p95', expr: quantileOf(0.95), unit: SECONDS },
        { title: 'p99', expr: quantileOf(0.99), unit: SECONDS },
      ],
    }),
    barsPanel({
      title: 'Phases',
      description: 'Invocations that settled in the time range, by phase.',
      unit: COUNT,
      width: 8,
      height: 9,
      queries: [
        { expr: `sort_desc(sum by (agent_workflow_phase) (${inRange(settled)}))`, legend: '{{agent_workflow_phase}}' },
      ],
    }),
    heatmapPanel({
      title: 'Throughput',
      description: 'Complete invocations in each interval, by how long they took.',
      unit: COUNT,
      width: 24,
      height: 9,
      queries: [{ expr: inEachInterval('le', series(`${DURATION}_bucket`, AGENT, PHASE)) }],
    }),
  ],
});

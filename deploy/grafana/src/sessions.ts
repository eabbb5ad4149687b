import { dashboard, minimumVariable } from './dashboard.ts';
import { COUNT, distributionPanel, linesPanel, numberPanel, SECONDS } from './panels.ts';
import { inRange, orZero, quantile } from './promql.ts';
import { tablePanel, type Column } from './table-panel.ts';

const DURATION = 'agent_workflow_session_duration_seconds';
const ACTIVE = 'agent_workflow_sessions_active';

export const sessions = dashboard({
  uid: 'agentcol-sessions',
  title: 'Sessions',
  description: 'Sessions: how many, how long, and what the newest were made of.',
  variables: [minimumVariable()],
  panels: [
    numberPanel({
      title: 'Active',
      description: 'Sessions with a sign of life in the last 30 minutes.',
      unit: COUNT,
      width: 6,
      height: 4,
      queries: [{ expr: orZero(`sum(${ACTIVE})`) }],
    }),
    numberPanel({
      title: 'New',
      description: 'Sessions that were seen for the first time in the time range.',
      unit: COUNT,
      width: 6,
      height: 4,
      queries: [{ expr: orZero(`sum(${inRange('agent_workflow_sessions_total')})`) }],
    }),
    numberPanel({
      title: 'Median duration',
      description: 'Of sessions that fell silent in the time range, from the start to the last sign of life.',
      unit: SECONDS,
      width: 6,
      height: 4,
      noValue: 'too few',
      queries: [{ expr: quantile(0.5, '', DURATION) }],
    }),
    numberPanel({
      title: 'p95 of the duration',
      description: 'Of sessions that fell silent in the time range, from the start to the last sign of life.',
      unit: SECONDS,
      width: 6,
      height: 4,
      noValue: 'too few',
      queries: [{ expr: quantile(0.95, '', DURATION) }],
    }),
    linesPanel({
      title: 'Active sessions',
      description: 'Sessions with a sign of life in the last 30 minutes.',
      unit: COUNT,
      width: 12,
      height: 8,
      queries: [{ expr: orZero(`sum(${ACTIVE})`), legend: 'active' }],
    }),
    distributionPanel({
      title: 'Durations',
      description: 'Sessions that fell silent in the time range, in each bucket: up to so many seconds.',
      unit: COUNT,
      width: 12,
      height: 8,
      queries: [{ expr: `sum by (le) (${inRange(`${DURATION}_bucket`)})` }],
    }),
    tablePanel({
      title: 'The newest sessions',
      description: 'Of the newest 50 sessions. Needs the preset agent_workflow_sessions.',
      width: 24,
      height: 12,
      noValue: 'Needs the preset agent_workflow_sessions',
      labels: { session_id: 'Session' },
      sortBy: 'Started',
      columns: [
        column('Started', 'start_timestamp_seconds', { unit: 'dateTimeFromNow' }, ' * 1000'),
        column('Invocations', 'invocations', COUNT),
        column('Errors', 'errors', COUNT),
        column('Agent time', 'agent_time_seconds', SECONDS),
        column('Idle time', 'idle_time_seconds', SECONDS),
        column('Phases', 'phases', COUNT),
        column('Agents', 'agents', COUNT),
      ],
    }),
  ],
});

function column(title: string, metric: string, unit: Column['unit'], scale = ''): Column {
  return { title, expr: `max by (session_id) (agent_workflow_session_${metric})${scale}`, unit };
}

import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from './dashboard.ts';
import { BYTES, COUNT, linesPanel, numberPanel, SECONDS } from './panels.ts';
import { inRange, orZero } from './promql.ts';
import { tablePanel } from './table-panel.ts';

const PAGE = 'agentcol_sqlite_page_duration_seconds';
const READER = '{{instance}} {{receiver}} {{reader}}';

export const collectorHealth = dashboard({
  uid: 'agentcol-health',
  title: 'Collector health',
  description: "agentcol's own metrics: does it keep up, and does it get rid of what it has.",
  variables: [],
  panels: [
    numberPanel(
      {
        title: 'Targets',
        description: 'Whether Prometheus reaches agentcol. Jobs are called agentcol and agentcol-telemetry.',
        unit: COUNT,
        width: 8,
        height: 5,
        noValue: 'no job agentcol',
        queries: [{ expr: 'min by (job) (up{job=~"agentcol.*"})', legend: '{{job}}' }],
      },
      yesOrNo('down', 'up'),
    ),
    numberPanel(
      {
        title: 'Reload',
        description: 'Whether the configuration was good when it was last read.',
        unit: COUNT,
        width: 8,
        height: 5,
        queries: [{ expr: 'min(agentcol_config_last_reload_successful)' }],
      },
      yesOrNo('refused', 'good'),
    ),
    numberPanel({
      title: 'Export failures',
      description: 'Metric points, spans and log records that could not be handed over in the time range.',
      unit: COUNT,
      width: 8,
      height: 5,
      queries: [
        { expr: orZero(failed('metric_points')), legend: 'metric points' },
        { expr: orZero(failed('spans')), legend: 'spans' },
        { expr: orZero(failed('log_records')), legend: 'log records' },
      ],
    }),
    linesPanel({
      title: 'Lag',
      description: 'Rows still to be read.',
      unit: COUNT,
      width: 12,
      height: 8,
      queries: [{ expr: 'max by (instance, receiver, reader) (agentcol_sqlite_rows_behind)', legend: READER }],
    }),
    linesPanel({
      title: 'Open rows',
      description: 'Rows that are not complete yet.',
      unit: COUNT,
      width: 12,
      height: 8,
      queries: [{ expr: 'max by (instance, receiver, reader) (agentcol_sqlite_open_rows)', legend: READER }],
    }),
    linesPanel({
      title: 'Cycle time',
      description: 'How long reading a page took, in one read transaction. Nothing is read while nothing is new.',
      unit: SECONDS,
      width: 12,
      height: 8,
      queries: [
        { expr: pageDuration(0.5), legend: 'p50 {{instance}} {{receiver}}' },
        { expr: pageDuration(0.99), legend: 'p99 {{instance}} {{receiver}}' },
      ],
    }),
    linesPanel({
      title: 'Scrape time',
      description: 'How long Prometheus waited for agentcol.',
      unit: SECONDS,
      width: 12,
      height: 8,
      queries: [{ expr: 'scrape_duration_seconds{job=~"agentcol.*"}', legend: '{{job}} {{instance}}' }],
    }),
    linesPanel({
      title: 'Memory',
      description: 'Resident memory.',
      unit: BYTES,
      width: 12,
      height: 8,
      queries: [{ expr: 'max by (instance) (otelcol_process_memory_rss_bytes)', legend: '{{instance}}' }],
    }),
    linesPanel({
      title: 'Source changes',
      description:
        'What happened to sources besides growing, since the collector started: rows deleted, an older copy, a new source.',
      unit: COUNT,
      width: 12,
      height: 8,
      queries: [
        {
          expr: orZero('sum by (receiver, reason) (agentcol_sqlite_source_changes_total)'),
          legend: '{{receiver}} {{reason}}',
        },
      ],
    }),
    tablePanel({
      title: 'Sources',
      description: 'Whether sources can be read: 1, or 0 with the reason why not.',
      width: 12,
      height: 9,
      labels: { instance: 'Instance', receiver: 'Receiver', reader: 'Reader', reason: 'Reason' },
      sortBy: 'Reason',
      columns: [
        { title: 'Up', expr: 'min by (instance, receiver, reader, reason) (agentcol_sqlite_source_up)', unit: COUNT },
      ],
    }),
    tablePanel({
      title: 'Exporters and extensions',
      description: 'Whether they work, the state that is kept among them: 1, or 0 with the reason why not.',
      width: 12,
      height: 9,
      labels: { instance: 'Instance', kind: 'Kind', component: 'Component', reason: 'Reason' },
      sortBy: 'Reason',
      columns: [
        { title: 'Up', expr: 'min by (instance, kind, component, reason) (agentcol_component_up)', unit: COUNT },
      ],
    }),
  ],
});

function yesOrNo(no: string, yes: string): Parameters<typeof numberPanel>[1] {
  return [
    {
      type: MappingType.ValueToText,
      options: { 0: { text: no, color: 'red' }, 1: { text: yes, color: 'green' } },
    },
  ];
}

function failed(what: string): string {
  return `sum(${inRange(`otelcol_exporter_send_failed_${what}_total`)})`;
}

function pageDuration(q: number): string {
  return `histogram_quantile(${q}, sum by (le, instance, receiver) (increase(${PAGE}_bucket[$__rate_interval])))`;
}

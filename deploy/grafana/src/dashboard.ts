import {
  CustomVariableBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE, type Panel } from './panels.ts';

const TAG = 'agentcol';

export interface DashboardOptions {
  /** Unique in a Grafana, and its address: /d/<uid>. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly (QueryVariableBuilder | CustomVariableBuilder)[];
  readonly panels: readonly Panel[];
}

/** A dashboard as Grafana reads it from a file. */
export function dashboard({ uid, title, description, variables, panels }: DashboardOptions): object {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .time({ from: 'now-24h', to: 'now' })
    .refresh('1m')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder(TAG)
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .keepTime(true)
        .includeVars(true),
    )
    .variables([new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'), ...variables]);
  for (const [index, panel] of panels.entries()) builder.withPanel(panel.id(index + 1));
  return builder.build();
}

/** Which values of a label of a metric are looked at: some of them, or all. */
export function labelVariable(name: string, label: string, metric: string, of: string): QueryVariableBuilder {
  const query = `label_values(${metric}, ${of})`;
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query({ query, refId: 'A' })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalCaseInsensitiveAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ text: ['All'], value: ['$__all'] });
}

/** How many events it takes until a ratio or a quantile is shown. */
export function minimumVariable(): CustomVariableBuilder {
  return new CustomVariableBuilder('min_count')
    .label('Ratios and quantiles of at least')
    .values('1,3,5,10,20,50')
    .current({ text: '3', value: '3' });
}

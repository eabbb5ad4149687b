import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import * as common from '@grafana/grafana-foundation-sdk/common';
import type { ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import * as piechart from '@grafana/grafana-foundation-sdk/piechart';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import type * as table from '@grafana/grafana-foundation-sdk/table';

/** The data source that is chosen on the dashboard. */
export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

/** A unit of Grafana. */
export interface Unit {
  readonly unit: string;
  readonly decimals?: number;
}
/** Prometheus extrapolates increases; what is counted is whole. */
export const COUNT: Unit = { unit: 'none', decimals: 0 };
export const RATIO: Unit = { unit: 'percentunit', decimals: 1 };
export const SECONDS: Unit = { unit: 's' };
export const BYTES: Unit = { unit: 'bytes' };

/** A query, and what its series are called: text with {{label}}. */
export interface Query {
  readonly expr: string;
  readonly legend?: string;
}

/** What every panel has. The width is of 24, the height of rows of the grid. */
export interface PanelOptions {
  readonly title: string;
  readonly description: string;
  readonly unit: Unit;
  readonly width: number;
  readonly height: number;
  readonly queries: readonly Query[];
  /** What is shown where there is nothing to show. */
  readonly noValue?: string;
}

export type Panel =
  | bargauge.PanelBuilder
  | heatmap.PanelBuilder
  | piechart.PanelBuilder
  | stat.PanelBuilder
  | table.PanelBuilder
  | timeseries.PanelBuilder;

/** Intervals of a graph of events: half an hour each on a day, so that a handful of events are bars and not hairs. */
const INTERVALS = 48;

const STATUS_COLORS = [
  ['completed', 'green'],
  ['allowed', 'green'],
  ['failed', 'red'],
  ['denied', 'purple'],
  ['abandoned', 'orange'],
] as const;

/** What the panels of all types have in common. */
export function filled<P extends Panel>(panel: P, options: PanelOptions, query: (to: DataqueryBuilder) => void): P {
  const { title, description, width, height, unit, noValue, queries } = options;
  panel.title(title).description(description).datasource(DATASOURCE).span(width).height(height).unit(unit.unit);
  if (unit.decimals !== undefined) panel.decimals(unit.decimals);
  if (noValue !== undefined) panel.noValue(noValue);
  for (const [index, { expr, legend }] of queries.entries()) {
    const to = new DataqueryBuilder().refId(refIdOf(index)).datasource(DATASOURCE).expr(expr);
    if (legend !== undefined) to.legendFormat(legend);
    query(to);
    panel.withTarget(to);
  }
  return panel;
}

/** Queries are called A, B, C. */
export function refIdOf(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

/** One number, as it is now. */
export function numberPanel(options: PanelOptions, mappings: readonly ValueMapping[] = []): stat.PanelBuilder {
  return filled(new stat.PanelBuilder(), options, (to) => to.instant())
    .reduceOptions(lastValue())
    .graphMode(common.BigValueGraphMode.None)
    .colorMode(common.BigValueColorMode.None)
    .mappings([...mappings]);
}

/** What happened in each interval, as bars on top of each other. */
export function eventsPanel(options: PanelOptions): timeseries.PanelBuilder {
  const panel = filled(new timeseries.PanelBuilder(), options, (to) => to.range())
    .maxDataPoints(INTERVALS)
    .interval('1m')
    .drawStyle(common.GraphDrawStyle.Bars)
    .stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal))
    .fillOpacity(80)
    .lineWidth(0)
    .min(0)
    .legend(legend());
  for (const [status, fixedColor] of STATUS_COLORS) {
    panel.overrideByName(status, [{ id: 'color', value: { mode: 'fixed', fixedColor } }]);
  }
  return panel;
}

/** How something went on. */
export function linesPanel(options: PanelOptions): timeseries.PanelBuilder {
  return filled(new timeseries.PanelBuilder(), options, (to) => to.range())
    .lineWidth(1)
    .fillOpacity(10)
    .min(0)
    .legend(legend());
}

/** What is in each bucket of a histogram, in each interval: queries by `le`. */
export function heatmapPanel(options: PanelOptions): heatmap.PanelBuilder {
  return filled(new heatmap.PanelBuilder(), options, (to) =>
    to.range().format(PromQueryFormat.Heatmap).legendFormat('{{le}}'),
  )
    .maxDataPoints(INTERVALS)
    .interval('1m')
    .calculate(false)
    .yAxis(new heatmap.YAxisConfigBuilder().unit(SECONDS.unit))
    .cellValues(new heatmap.CellValuesBuilder().unit(COUNT.unit).decimals(0));
}

/** What is in each bucket of a histogram now: queries by `le`. */
export function distributionPanel(options: PanelOptions): bargauge.PanelBuilder {
  return gauges(options, (to) => to.instant().format(PromQueryFormat.Heatmap).legendFormat('{{le}}')).orientation(
    common.VizOrientation.Vertical,
  );
}

/** One bar for each series, as it is now. */
export function barsPanel(options: PanelOptions): bargauge.PanelBuilder {
  return gauges(options, (to) => to.instant()).orientation(common.VizOrientation.Horizontal);
}

/** How a whole is made up now. */
export function piePanel(options: PanelOptions): piechart.PanelBuilder {
  return filled(new piechart.PanelBuilder(), options, (to) => to.instant())
    .reduceOptions(lastValue())
    .pieType(piechart.PieChartType.Donut)
    .legend(
      new piechart.PieChartLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.Table)
        .placement(common.LegendPlacement.Right)
        .showLegend(true)
        .values([piechart.PieChartLegendValues.Value, piechart.PieChartLegendValues.Percent]),
    );
}

function gauges(options: PanelOptions, query: (to: DataqueryBuilder) => void): bargauge.PanelBuilder {
  return filled(new bargauge.PanelBuilder(), options, query)
    .reduceOptions(lastValue())
    .displayMode(common.BarGaugeDisplayMode.Gradient)
    .min(0);
}

function lastValue(): common.ReduceDataOptionsBuilder {
  return new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false);
}

function legend(): common.VizLegendOptionsBuilder {
  return new common.VizLegendOptionsBuilder()
    .displayMode(common.LegendDisplayMode.List)
    .placement(common.LegendPlacement.Bottom)
    .showLegend(true);
}

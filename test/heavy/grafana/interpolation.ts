/** A query of a panel, with its variables as they are written. */
export interface PanelQuery {
  readonly panel: string;
  readonly refId: string;
  readonly expr: string;
  readonly instant: boolean;
  /** The panel's minimal interval. */
  readonly interval: string | undefined;
  readonly maxDataPoints: number | undefined;
}

export interface Variable {
  readonly name: string;
  readonly query: string;
  /** What stands for all values; undefined where there is no choice of all. */
  readonly allValue: string | undefined;
  /** What is chosen when the dashboard is opened. */
  readonly current: string;
}

/** The time range of a dashboard, and the scrape interval that its data source is told. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
  readonly scrapeMs: number;
}

/** How wide a graph is on a screen, in pixels. */
const WIDTH = 600;

/** The step of a range query: the range divided over the points, not below the panel's interval. Grafana rounds it, and queries do for any. */
export function stepOf({ interval, maxDataPoints = WIDTH }: PanelQuery, { fromMs, toMs, scrapeMs }: TimeRange): number {
  return Math.max((toMs - fromMs) / maxDataPoints, interval === undefined ? scrapeMs : milliseconds(interval));
}

/** The query as Grafana's data source for Prometheus sends it: variables first, then what depends on range and step. */
export function interpolated(query: PanelQuery, range: TimeRange, values: ReadonlyMap<string, string>): string {
  const stepMs = stepOf(query, range);
  const rangeSeconds = Math.round((range.toMs - range.fromMs) / 1000);
  const rateMs = Math.max(stepMs + range.scrapeMs, 4 * range.scrapeMs);
  const builtIn = new Map([
    ['__interval_ms', String(stepMs)],
    ['__range', `${rangeSeconds}s`],
    ['__rate_interval_ms', String(rateMs)],
    ['__rate_interval', `${rateMs}ms`],
  ]);
  return query.expr.replace(/\$(\w+)/g, (_, name: string) => {
    const value = builtIn.get(name) ?? values.get(name);
    if (value === undefined) throw new Error(`${query.panel}: there is no variable $${name}`);
    return value;
  });
}

/** Several chosen values as a regular expression inside of a PromQL string. */
export function anyOf(values: readonly string[]): string {
  const escaped = values.map((value) =>
    value.replace(/\\/g, '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, (special) => `\\\\${special}`),
  );
  return escaped.length === 1 ? escaped.join() : `(${escaped.join('|')})`;
}

function milliseconds(interval: string): number {
  const match = /^(\d+)(s|m)$/.exec(interval);
  if (match === null) throw new Error(`not an interval: ${interval}`);
  return Number(match[1]) * (match[2] === 's' ? 1000 : 60_000);
}

import fs from 'node:fs';
import path from 'node:path';
import type { PanelQuery, Variable } from './interpolation.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../../deploy/grafana/dashboards');

interface DashboardJson {
  readonly title: string;
  readonly panels: readonly {
    readonly title: string;
    readonly interval?: string;
    readonly maxDataPoints?: number;
    readonly targets: readonly { readonly refId: string; readonly expr: string; readonly instant: boolean }[];
  }[];
  readonly templating: {
    readonly list: readonly {
      readonly type: string;
      readonly name: string;
      readonly query: string | { readonly query: string };
      readonly allValue?: string;
      readonly current?: { readonly value: string | readonly string[] };
    }[];
  };
}

export interface Dashboard {
  readonly title: string;
  readonly variables: readonly Variable[];
  readonly queries: readonly PanelQuery[];
}

/** The committed dashboards, as Grafana reads them. */
export function dashboards(): readonly Dashboard[] {
  return fs
    .readdirSync(FOLDER)
    .map((name) => JSON.parse(fs.readFileSync(path.join(FOLDER, name), 'utf8')) as DashboardJson)
    .map(({ title, panels, templating }) => ({
      title,
      variables: templating.list
        .filter(({ type }) => type !== 'datasource')
        .map(({ name, query, allValue, current }) => ({
          name,
          query: typeof query === 'string' ? query : query.query,
          allValue,
          current: String(current?.value),
        })),
      queries: panels.flatMap(({ title: panel, interval, maxDataPoints, targets }) =>
        targets.map(({ refId, expr, instant }) => ({ panel, refId, expr, instant, interval, maxDataPoints })),
      ),
    }));
}

import * as common from '@grafana/grafana-foundation-sdk/common';
import type { DataTransformerConfig } from '@grafana/grafana-foundation-sdk/dashboard';
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as table from '@grafana/grafana-foundation-sdk/table';
import { COUNT, filled, refIdOf, type PanelOptions, type Unit } from './panels.ts';

/** A column of numbers: the title, the query, and its unit. */
export interface Column {
  readonly title: string;
  readonly expr: string;
  readonly unit: Unit;
}

export interface TableOptions extends Omit<PanelOptions, 'queries' | 'unit'> {
  /** Label -> the title of its column. All queries are by these labels: a row is what has them in common. */
  readonly labels: Readonly<Record<string, string>>;
  readonly columns: readonly Column[];
  /** The title of the column that has its highest on top. */
  readonly sortBy: string;
}

/** One row for each set of labels, with the values of all queries as they are now. */
export function tablePanel({ labels, columns, sortBy, ...options }: TableOptions): table.PanelBuilder {
  const queries = columns.map(({ expr }) => ({ expr }));
  const panel = instant({ ...options, unit: COUNT, queries })
    .transformations([{ id: 'merge', options: {} }, named(labels, columns)])
    .sortBy([new common.TableSortByFieldStateBuilder().displayName(sortBy).desc(true)]);
  for (const { title, unit } of columns) {
    const properties = [{ id: 'unit', value: unit.unit }];
    panel.overrideByName(
      title,
      unit.decimals === undefined ? properties : [...properties, { id: 'decimals', value: unit.decimals }],
    );
  }
  return panel;
}

/** One row for each value of one label, one column for each of another. */
export function matrixPanel(
  options: PanelOptions & { readonly row: string; readonly rowTitle: string; readonly column: string },
): table.PanelBuilder {
  const { row, rowTitle, column, ...rest } = options;
  return instant(rest).transformations([
    { id: 'groupingToMatrix', options: { rowField: row, columnField: column, valueField: 'Value' } },
    { id: 'organize', options: { renameByName: { [`${row}\\${column}`]: rowTitle } } },
  ]);
}

function instant(options: PanelOptions): table.PanelBuilder {
  return filled(new table.PanelBuilder(), options, (to) => to.instant().format(PromQueryFormat.Table)).filterable(true);
}

/** Grafana calls the only number `Value`, and several `Value #A`, `Value #B`. */
function named(labels: Readonly<Record<string, string>>, columns: readonly Column[]): DataTransformerConfig {
  const numbers = columns.map(({ title }, index): [string, string] => [
    columns.length === 1 ? 'Value' : `Value #${refIdOf(index)}`,
    title,
  ]);
  const renameByName = { ...labels, ...Object.fromEntries(numbers) };
  const indexByName = Object.fromEntries(Object.keys(renameByName).map((name, index) => [name, index]));
  return { id: 'organize', options: { excludeByName: { Time: true }, renameByName, indexByName } };
}

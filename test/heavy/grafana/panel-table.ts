import type { Sample } from '../prometheus-server.ts';
import type { PanelQuery } from './interpolation.ts';

/** What a query gave: its series, each with one value. */
export interface Row {
  readonly query: PanelQuery;
  readonly series: readonly Sample[];
}

/** A Markdown table of panels: the query, how many series it gave, and one of them. */
export function panelTable(rows: readonly Row[]): string {
  const lines = rows.map(({ query: { panel, expr }, series }) => {
    const sample = series.find(({ value }) => value !== 0) ?? series[0];
    const cells = [panel, code(expr), String(series.length), sample === undefined ? '' : sampleText(sample)];
    return `| ${cells.join(' | ')} |`;
  });
  return ['| Panel | Query | Series | One of them |', '| --- | --- | --- | --- |', ...lines, ''].join('\n');
}

/** As code in a cell of a table. */
export function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``;
}

function sampleText({ labels, value }: Sample): string {
  const pairs = Object.entries(labels).map(([name, text]) => `${name}="${text}"`);
  const number = String(Number(value.toPrecision(4)));
  return pairs.length === 0 ? number : `${code(`{${pairs.join(', ')}}`)} ${number}`;
}

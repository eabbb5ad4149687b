import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { files } from '../../deploy/grafana/src/files.ts';
import { dashboards } from '../heavy/grafana/dashboards.ts';
import { code } from '../heavy/grafana/panel-table.ts';

const folder = path.resolve(import.meta.dirname, '../../deploy/grafana');
const read = (...names: readonly string[]): string => fs.readFileSync(path.join(folder, ...names), 'utf8');
/** What Grafana puts in by itself. */
const BUILT_IN = ['__range', '__interval_ms', '__rate_interval', '__rate_interval_ms'];

describe('the dashboards for Grafana', () => {
  it('are what their sources make: npm run dashboards', () => {
    expect(fs.readdirSync(path.join(folder, 'dashboards')).sort()).toEqual([...files.keys()].sort());
    for (const [name, text] of files) expect(read('dashboards', name), name).toBe(text);
  });

  it.each([...files])('%s names no data source but the one that is chosen', (_, text) => {
    const named = [...text.matchAll(/"uid": "([^"]*)"/g)].map(([, uid]) => uid);
    const chosen = named.filter((uid) => uid === '${datasource}');
    expect(chosen.length).toBeGreaterThan(1);
    expect(named.filter((uid) => uid !== '${datasource}')).toEqual([expect.stringMatching(/^agentcol-\w+$/)]);
  });

  it.each(dashboards().map((dashboard) => [dashboard.title, dashboard] as const))(
    '%s has every variable that its queries use, and uses every variable that it has',
    (_, { variables, queries }) => {
      const used = queries.flatMap(({ expr }) => [...expr.matchAll(/\$(\w+)/g)].map(([, name]) => name!));
      expect(new Set(used.filter((name) => !BUILT_IN.includes(name)))).toEqual(
        new Set(variables.map(({ name }) => name)),
      );
    },
  );

  it('are listed, query by query, with what they were answered', () => {
    const listed = read('panels.md').split('\n');
    const missing = dashboards().flatMap(({ queries }) =>
      queries
        .map(({ panel, expr }) => `| ${panel} | ${code(expr)} | `)
        .filter((start) => !listed.some((line) => line.startsWith(start))),
    );
    expect(missing, 'deploy/grafana/README.md says how to write panels.md anew').toEqual([]);
  });

  it('come with a data source that knows how often the shipped prometheus.yml scrapes', () => {
    const source: unknown = parse(read('provisioning', 'datasources', 'prometheus.yaml'));
    const prometheus: unknown = parse(read('..', 'prometheus', 'prometheus.yml'));
    const interval = (prometheus as { readonly global: { readonly scrape_interval: string } }).global.scrape_interval;
    expect(source).toMatchObject({ datasources: [{ type: 'prometheus', jsonData: { timeInterval: interval } }] });
  });
});

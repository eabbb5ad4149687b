import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MINUTE } from '../../main-job/harness.ts';
import { prometheus } from '../prometheus-server.ts';
import { requirement } from '../requirement.ts';
import { dashboards, type Dashboard } from './dashboards.ts';
import { anyOf, interpolated, stepOf, type PanelQuery, type TimeRange, type Variable } from './interpolation.ts';
import { panelTable, type Row } from './panel-table.ts';
import { SCRAPE_MS, Stage } from './stage.ts';

const corpus = process.env.AGENTCOL_CORPUS ?? '';
const recordings = {
  database: path.join(corpus, 'data/origin-db/attio.db'),
  hooks: path.join(corpus, 'data/hooks'),
};
const recorded = requirement(
  'recorded data ($AGENTCOL_CORPUS/data)',
  Object.values(recordings).every((file) => fs.existsSync(file)),
);
/** What an increase may differ from what happened: it is extrapolated by half a scrape to each side. */
const EXTRAPOLATED = 0.1;
/** As often as everything is replayed: as many events of a kind as are needed for a ratio, and one. */
const REPLAYS = 4;
const REQUESTS = 4;

describe.skipIf(!prometheus.met || !recorded.met)(`the dashboards${prometheus.reason}${recorded.reason}`, () => {
  let stage: Stage;
  let range: TimeRange;
  const answered = new Map<string, readonly Row[]>();

  beforeAll(async () => {
    stage = new Stage(recordings);
    await stage.start();
    for (let replay = 0; replay < REPLAYS; replay += 1) await stage.replay();
    await stage.ask(REQUESTS, recordings.hooks);
    range = rangeUntil(await stage.settled());
  });

  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    const tables = [...answered].map(([title, rows]) => `\n## ${title}\n\n${panelTable(rows)}`);
    const text = ['# What every panel asks, and what it was answered\n', ...tables].join('');
    console.log(text);
    if (process.env.AGENTCOL_PANELS !== undefined) fs.writeFileSync(process.env.AGENTCOL_PANELS, text);
  });

  /** The series that a panel gets, each as its last value that is a number. */
  async function ask(query: PanelQuery, values: ReadonlyMap<string, string>): Promise<Row['series']> {
    const expression = interpolated(query, range, values);
    if (query.instant) return stage.prometheus.query(expression, range.toMs);
    // To the end of an interval, so that what is newest is in one.
    const { fromMs, toMs } = rangeUntil(Math.ceil(range.toMs / MINUTE) * MINUTE);
    const series = await stage.prometheus.queryRange(expression, fromMs, toMs, stepOf(query, range));
    return series.map(({ labels, values: samples }) => ({
      labels,
      value: samples.findLast((value) => !Number.isNaN(value)) ?? NaN,
    }));
  }

  async function chosen({ variables }: Dashboard, choose: (variable: Variable) => Promise<string>) {
    return new Map(
      await Promise.all(variables.map(async (variable) => [variable.name, await choose(variable)] as const)),
    );
  }

  const everything = async ({ allValue, current }: Variable): Promise<string> => allValue ?? current;

  it.each(dashboards().map((dashboard) => [dashboard.title, dashboard] as const))(
    '%s: every variable has values, and every query has data for all of them, and for a choice of them',
    async (_, dashboard) => {
      const all = await chosen(dashboard, everything);
      const each = await chosen(dashboard, async ({ query, allValue, current }) => {
        if (allValue === undefined) return current;
        const values = await labelValues(query);
        expect(values.length, query).toBeGreaterThan(1);
        return anyOf(values);
      });
      const rows: Row[] = [];
      for (const query of dashboard.queries) {
        const series = await ask(query, all);
        const name = `${query.panel}, ${query.refId}: ${interpolated(query, range, all)}`;
        expect(series.filter(({ value }) => Number.isFinite(value)).length, name).toBeGreaterThan(0);
        expect((await ask(query, each)).length, `of each value, ${name}`).toBe(series.length);
        rows.push({ query, series });
      }
      answered.set(dashboard.title, rows);
    },
  );

  it('counts what happened', async () => {
    const overview = dashboards().find(({ title }) => title === 'Workflow overview')!;
    const values = await chosen(overview, everything);
    const invocations = overview.queries.find(({ panel }) => panel === 'Invocations')!;
    const [{ value } = { value: NaN }] = await ask(invocations, values);
    expect(Math.abs(value - stage.invocations), String(value)).toBeLessThan(EXTRAPOLATED * stage.invocations);
  });

  async function labelValues(query: string): Promise<readonly string[]> {
    const match = /^label_values\((.+), (\w+)\)$/.exec(query);
    if (match === null) throw new Error(`not a query for the values of a label: ${query}`);
    return stage.prometheus.labelValues(match[2]!, match[1]!);
  }
});

function rangeUntil(toMs: number): TimeRange {
  return { fromMs: toMs - 10 * MINUTE, toMs, scrapeMs: SCRAPE_MS };
}

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOUR, NOON, Workspace } from '../../main-job/harness.ts';
import { prometheus, PrometheusServer } from '../prometheus-server.ts';
import { dashboards } from './dashboards.ts';
import { interpolated, stepOf, type PanelQuery } from './interpolation.ts';

const SCRAPE_MS = 15_000;
const DAY = 24 * HOUR;
/** Scrapes fall where they fall, not on the edges of intervals. */
const FIRST_SCRAPE = NOON - DAY - 3700;
/** The hours at which invocations completed: between two scrapes, at the edges of intervals, some in one scrape. */
const HOURS = [1, 7.99, 8.01, 12, 12.001, 12.3, 15.501, 15.502, 15.503, 15.504, 15.505, 15.506, 23.99];
const COMPLETED = HOURS.map((hours) => NOON - DAY + hours * HOUR);
const VARIABLES = new Map([
  ['agent', '.*'],
  ['phase', '.*'],
  ['min_count', '1'],
]);

/** What was scraped in a day and a bit, as text of OpenMetrics with times. */
function scrapes(): string {
  const lines = ['# TYPE agent_workflow_invocations counter'];
  const labels = (status: string): string =>
    `{gen_ai_agent_name="architect",agent_workflow_phase="planning",agent_workflow_status="${status}"}`;
  for (const status of ['completed', 'failed']) {
    for (let at = FIRST_SCRAPE; at <= NOON; at += SCRAPE_MS) {
      const count = status === 'failed' ? 0 : COMPLETED.filter((moment) => moment <= at).length;
      lines.push(`agent_workflow_invocations_total${labels(status)} ${count} ${at / 1000}`);
    }
  }
  return `${lines.join('\n')}\n# EOF\n`;
}

describe.skipIf(!prometheus.met)(`a handful of events in a day${prometheus.reason}`, () => {
  const workspace = new Workspace();
  let server: PrometheusServer;

  beforeAll(async () => {
    fs.writeFileSync(workspace.file('scrapes'), scrapes());
    const words = ['tsdb', 'create-blocks-from', 'openmetrics', workspace.file('scrapes'), workspace.file('tsdb')];
    const { status, stderr } = spawnSync('promtool', words, { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    fs.writeFileSync(workspace.file('prometheus.yml'), '');
    server = await PrometheusServer.start(workspace.folder);
  });

  afterAll(async () => {
    await server.stop();
    workspace[Symbol.dispose]();
  });

  function of(panel: string): PanelQuery {
    const query = dashboards()
      .find(({ title }) => title === 'Workflow overview')
      ?.queries.find((one) => one.panel === panel);
    if (query === undefined) throw new Error(`there is no panel ${panel}`);
    return query;
  }

  it.each([
    ['a day', DAY],
    ['six hours', 6 * HOUR],
    ['an hour', HOUR],
  ])('is drawn whole, each once: %s', async (_, length) => {
    const query = of('Invocations by status');
    for (let end = NOON; end > NOON - DAY; end -= length) {
      const range = { fromMs: end - length, toMs: end, scrapeMs: SCRAPE_MS };
      const stepMs = stepOf(query, range);
      const series = await server.queryRange(interpolated(query, range, VARIABLES), range.fromMs + stepMs, end, stepMs);
      const bars = series.find(({ labels }) => labels.agent_workflow_status === 'completed')?.values ?? [];
      // An event is seen by the first scrape after it.
      const seen = (from: number, to: number): number =>
        COMPLETED.filter((moment) => {
          const scrape = FIRST_SCRAPE + Math.ceil((moment - FIRST_SCRAPE) / SCRAPE_MS) * SCRAPE_MS;
          return scrape > from && scrape <= to;
        }).length;
      const expected = bars.map((__, index) =>
        seen(range.fromMs + index * stepMs, range.fromMs + (index + 1) * stepMs),
      );
      expect(bars.map((value) => Math.round(value))).toEqual(expected);
    }
  });

  it('is counted', async () => {
    const range = { fromMs: NOON - DAY, toMs: NOON, scrapeMs: SCRAPE_MS };
    const [invocations] = await server.query(interpolated(of('Invocations'), range, VARIABLES), NOON);
    expect(Math.round(invocations!.value)).toBe(COMPLETED.length);
    const [success] = await server.query(interpolated(of('Success'), range, VARIABLES), NOON);
    expect(success?.value).toBe(1);
  });

  it('tells no ratio of fewer than the least that was chosen', async () => {
    const range = { fromMs: NOON - DAY, toMs: NOON, scrapeMs: SCRAPE_MS };
    const variables = new Map([...VARIABLES, ['min_count', '20']]);
    expect(await server.query(interpolated(of('Success'), range, variables), NOON)).toEqual([]);
  });

  it('is nothing, and no gap, before anything was ever counted', async () => {
    const range = { fromMs: NOON - 3 * DAY, toMs: NOON - 2 * DAY, scrapeMs: SCRAPE_MS };
    const [invocations] = await server.query(interpolated(of('Invocations'), range, VARIABLES), range.toMs);
    expect(invocations?.value).toBe(0);
  });
});

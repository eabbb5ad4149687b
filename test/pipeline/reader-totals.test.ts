import { expect, test } from 'vitest';
import type { Page, Reader } from '../../src/component.ts';
import type { MetricPoints } from '../../src/pipeline/signals.ts';
import { active, calls, durations, longest, published, rowCount } from './ledger.ts';
import { Folder, Stepped } from './running.ts';

/** A reader that delivers the given points, a page each. */
class Points implements Reader {
  readonly id = 'points';
  readonly keyScope = 'points';
  readonly metrics = [calls, active, longest, rowCount, durations].map((metric) => ({ metric, digest: '1' }));
  readonly pages: (readonly MetricPoints[])[] = [];
  #count = 0;

  read(): Page | undefined {
    const metrics = this.pages.shift();
    if (metrics === undefined) return undefined;
    const batch = { signal: 'metrics', metrics } as const;
    const position = { page: (this.#count += 1) };
    return { batch, position, opened: [], closed: [], keys: [], rows: 1, remaining: 0, caughtUp: true };
  }
}

function run(directory?: string): { readonly page: (...points: MetricPoints[]) => void; readonly stepped: Stepped } {
  const reader = new Points();
  const stepped = new Stepped(directory, reader);
  const page = (...points: MetricPoints[]): void => {
    reader.pages.push(points);
    stepped.turn();
    stepped.state.commit();
  };
  return { page, stepped };
}

const x = { series: 'x' };
const y = { series: 'y' };

test('a snapshot replaces the one before: what is missing is gone, what comes back is new', () => {
  const { page, stepped } = run();
  const removed: unknown[] = [];
  stepped.store.onCommit((changes) => {
    for (const change of changes) if (change.removed) removed.push(change.series.attributes);
  });
  const rows = (...series: readonly [Readonly<Record<string, string>>, number][]): MetricPoints => ({
    metric: rowCount,
    mode: 'snapshot',
    points: series.map(([attributes, value]) => ({ attributes, value: [value] })),
  });
  page(rows([x, 1], [y, 2]));
  expect(published(stepped.store)).toEqual({ 'rows{series=x}': 1, 'rows{series=y}': 2 });
  page(rows([x, 3]));
  expect(published(stepped.store)).toEqual({ 'rows{series=x}': 3 });
  expect(removed).toEqual([y]);
  page(rows([y, 4]));
  expect(published(stepped.store)).toEqual({ 'rows{series=y}': 4 });
  page(rows([{ ...y }, 5]));
  page(rows());
  expect(published(stepped.store)).toEqual({});
  page(rows([y, 6]));
  expect(published(stepped.store)).toEqual({ 'rows{series=y}': 6 });
  stepped.state.close();
});

test('a zero creates its series', () => {
  const { page, stepped } = run();
  page({
    metric: calls,
    mode: 'delta',
    points: [
      { attributes: x, value: [] },
      { attributes: y, value: [0] },
    ],
  });
  expect(published(stepped.store)).toEqual({ 'calls{series=x}': 0, 'calls{series=y}': 0 });
  stepped.state.close();
});

test('an up-down counter is what is kept and what is open, and only the first survives a restart', () => {
  using folder = new Folder();
  const first = run(folder.path);
  first.page(
    { metric: active, mode: 'delta', points: [{ attributes: x, value: [10] }] },
    { metric: active, mode: 'open', points: [{ attributes: x, value: [0.1] }] },
  );
  first.page({ metric: active, mode: 'open', points: [{ attributes: x, value: [0.2] }] });
  expect(published(first.stepped.store)).toEqual({ 'active{series=x}': 10.3 });
  first.stepped.state.close();
  const second = run(folder.path);
  second.page();
  expect(published(second.stepped.store)).toEqual({ 'active{series=x}': 10 });
  second.stepped.state.close();
});

test('a gauge keeps the largest over restarts', () => {
  using folder = new Folder();
  const point = (value: number): MetricPoints => ({
    metric: longest,
    mode: 'delta',
    points: [{ attributes: x, value: [value] }],
  });
  const first = run(folder.path);
  first.page(point(5));
  first.stepped.state.close();
  const second = run(folder.path);
  second.page(point(4));
  expect(published(second.stepped.store)).toEqual({ 'longest{series=x}': 5 });
  second.stepped.state.close();
});

test.each([
  ['the points of calls are not those of a counter', { metric: calls, mode: 'delta', histograms: [] }],
  ['the points of durations are not those of a histogram', { metric: durations, mode: 'delta', points: [] }],
  ['the metric longest takes the max, and open rows only add', { metric: longest, mode: 'open', points: [] }],
] as const)('refuses a page: %s', (message, points) => {
  const { page, stepped } = run();
  page({ metric: calls, mode: 'delta', points: [{ attributes: x, value: [1] }] }, points);
  expect(stepped.reader.failure).toMatchObject({ reason: 'error', message });
  expect(published(stepped.store)).toEqual({});
  stepped.state.close();
});

import { expect, test } from 'vitest';
import type { SeriesChange } from '../../src/component.ts';
import type { Attributes, Metric } from '../../src/pipeline/signals.ts';
import { MetricStore, type Reading } from '../../src/pipeline/store.ts';
import { addTotals, metricKey, type Total } from '../../src/pipeline/total.ts';
import { calls, durations, longest, published, recorder, rowCount } from './ledger.ts';

class Shown {
  readonly log = recorder();
  readonly store = new MetricStore('metrics', this.log);
  readonly changes: string[] = [];

  constructor() {
    this.store.onCommit((changes) => this.changes.push(changes.map(describe).join()));
  }

  show(
    owner: object,
    metric: Metric,
    value: Total,
    { startTimeMs = 1, attributes = {} }: { startTimeMs?: number; attributes?: Attributes } = {},
  ): void {
    this.store.show(owner, metric, JSON.stringify(attributes), { attributes, startTimeMs, value });
  }
}

function describe({ family, series, removed }: SeriesChange): string {
  return `${removed ? '-' : '+'}${family.metric.name}=${JSON.stringify(series.value)}`;
}

const [one, two] = [{}, {}];
const settled = (value: boolean): Reading => ({ read: 10, remaining: 5, settled: value });

test('combines the parts of a series: counters add, a gauge takes the largest or the latest', () => {
  const shown = new Shown();
  shown.show(one, calls, [1]);
  shown.show(two, calls, [2]);
  shown.show(one, longest, [5]);
  shown.show(two, longest, [3]);
  shown.show(one, rowCount, [7]);
  shown.show(two, rowCount, [4]);
  shown.store.announce();
  expect(published(shown.store)).toEqual({ calls: 3, longest: 5, rows: 4 });
  shown.show(one, rowCount, [6]);
  shown.store.announce();
  expect(published(shown.store)['rows']).toBe(6);
});

test('adds histograms bucket by bucket', () => {
  const shown = new Shown();
  shown.show(one, durations, { count: 2, sum: [3], bucketCounts: [1, 1, 0] });
  shown.show(two, durations, { count: 1, sum: [20.5], bucketCounts: [0, 0, 1] });
  shown.store.announce();
  expect([...shown.store.families.values()][0]?.series.get('{}')?.value).toEqual({
    count: 3,
    sum: 23.5,
    bucketCounts: [1, 1, 1],
  });
});

test('a series counts since its oldest part', () => {
  const shown = new Shown();
  shown.show(one, calls, [1], { startTimeMs: 20 });
  shown.show(two, calls, [1], { startTimeMs: 10 });
  shown.store.announce();
  expect([...shown.store.families.values()][0]?.series.get('{}')?.startTimeMs).toBe(10);
});

test('tells changes once, and nothing when nobody can see a difference', () => {
  const shown = new Shown();
  shown.show(one, calls, [1]);
  shown.store.announce();
  shown.store.announce();
  shown.show(one, calls, [1]);
  shown.store.announce();
  shown.show(one, calls, [2]);
  shown.store.announce();
  expect(shown.changes).toEqual(['+calls=1', '+calls=2']);
});

test('a series without parts is gone; the family and the series that stay are the same objects', () => {
  const shown = new Shown();
  shown.show(one, rowCount, [1]);
  shown.show(one, rowCount, [1], { attributes: { x: 1 } });
  shown.store.announce();
  const family = shown.store.families.get(metricKey(rowCount));
  const series = family?.series.get('{}');
  shown.store.hide(one, rowCount, '{"x":1}');
  shown.store.hide(two, rowCount, '{}');
  shown.store.hide(two, longest, '{}');
  shown.show(one, rowCount, [9]);
  shown.store.announce();
  expect(shown.changes[1]).toBe('-rows=1,+rows=9');
  expect(shown.store.families.get(metricKey(rowCount))).toBe(family);
  expect(family?.series.get('{}')).toBe(series);
  expect(family?.series.size).toBe(1);
});

test('a series that comes and goes between two commits is never heard of', () => {
  const shown = new Shown();
  shown.show(one, rowCount, [1]);
  shown.store.hide(one, rowCount, '{}');
  shown.store.announce();
  expect(shown.changes.filter((change) => change !== '')).toEqual([]);
  expect(published(shown.store)).toEqual({});
});

test('keeps of an owner only what is wanted', () => {
  const shown = new Shown();
  shown.show(one, calls, [1]);
  shown.show(one, calls, [2], { attributes: { x: 1 } });
  shown.show(two, calls, [3], { attributes: { x: 1 } });
  shown.store.keepOnly(one, (_, key) => key === '{}');
  shown.store.announce();
  expect(published(shown.store)).toEqual({ calls: 1, 'calls{x=1}': 3 });
});

test('is ready when all have settled, says so once, and is never unready again', () => {
  const { store, changes } = new Shown();
  let reading = settled(false);
  store.expect({
    get read() {
      return reading.read;
    },
    get remaining() {
      return reading.remaining;
    },
    get settled() {
      return reading.settled;
    },
  });
  store.expect(settled(true));
  store.announce();
  expect(store.progress()).toEqual({ read: 20, total: 30 });
  expect(changes).toEqual([]);
  reading = settled(true);
  store.announce();
  expect(store.progress()).toBeUndefined();
  reading = settled(false);
  store.announce();
  expect(store.progress()).toBeUndefined();
  expect(changes).toEqual(['']);
});

test('a listener that throws does not keep the others from hearing', () => {
  const shown = new Shown();
  const heard: number[] = [];
  const first = shown.store.onCommit(() => {
    throw new Error('deaf');
  });
  const second = shown.store.onCommit((changes) => heard.push(changes.length));
  shown.show(one, calls, [1]);
  shown.store.announce();
  expect(heard).toEqual([1]);
  expect(shown.log.lines).toEqual(['error a listener of the metrics failed (deaf)']);
  first[Symbol.dispose]();
  second[Symbol.dispose]();
  shown.show(one, calls, [2]);
  shown.store.announce();
  expect(heard).toEqual([1]);
});

test('numbers and histograms do not add', () => {
  expect(() => addTotals(durations, [1], { count: 1, sum: [1], bucketCounts: [1, 0, 0] })).toThrow(
    'durations: a number and a histogram do not add',
  );
});

test('metrics of equal name, type, unit, aggregation and boundaries are one, whatever the description', () => {
  expect(metricKey({ ...calls, description: 'other' })).toBe(metricKey(calls));
  for (const other of [{ name: 'x' }, { type: 'updowncounter' }, { unit: 's' }, { aggregation: 'max' }] as const) {
    expect(metricKey({ ...calls, ...other })).not.toBe(metricKey(calls));
  }
  expect(metricKey({ ...durations, boundaries: [1] })).not.toBe(metricKey(durations));
});

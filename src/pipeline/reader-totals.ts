import type { MetricDefinition } from '../component.ts';
import type { State } from '../state/state.ts';
import {
  attributesKey,
  type Attributes,
  type AttributeValue,
  type Metric,
  type MetricPoints,
  type MetricsBatch,
  type NumberPoint,
} from './signals.ts';
import type { Showcase } from './store.ts';
import { addInto, addTotals, copyOf, metricKey, type RunningTotal, type Total } from './total.ts';

/** One series of one reader. */
interface SeriesTotal {
  readonly of: MetricTotals;
  readonly key: string;
  readonly attributes: Attributes;
  readonly startTimeMs: number;
  /** From `delta` points: survives a restart. Added to in place, so whoever is shown it gets a copy. */
  kept: RunningTotal | undefined;
  /** From `open` and `snapshot` points: begins at nothing at every start. */
  live: Total | undefined;
  /** `kept` differs from what is stored. */
  unsaved: boolean;
  /** In the list of what changed since the last commit. */
  changed: boolean;
  /** Left its metric: attributes that still lead here lead nowhere. */
  gone: boolean;
}

interface MetricTotals {
  readonly id: number;
  readonly metric: Metric;
  readonly series: Map<string, SeriesTotal>;
  /** Receivers and processors pass the same object for the same series. */
  readonly byAttributes: WeakMap<Attributes, SeriesTotal>;
}

export interface ReaderTotalsOptions {
  readonly state: State;
  readonly store: Showcase;
  readonly definitions: readonly MetricDefinition[];
  /** Of the pipeline's processors: they decide what is counted as much as the definitions do. */
  readonly processorsDigest: string;
  readonly now: () => number;
}

/** The definitions by metricKey; the digests are of everything that decides what is counted, processors included. */
export function definitionsOf(
  state: Pick<State, 'digest'>,
  definitions: readonly MetricDefinition[],
  processorsDigest: string,
): ReadonlyMap<string, MetricDefinition> {
  const merged = new Map<string, MetricDefinition>();
  for (const { metric, digest } of definitions) {
    const key = metricKey(metric);
    merged.set(key, { metric, digest: state.digest(`${merged.get(key)?.digest ?? processorsDigest} ${digest}`) });
  }
  return merged;
}

/** What one reader has counted: in memory, as last committed in the state, and as published in the pipeline's store. */
export class ReaderTotals {
  readonly #state: State;
  readonly #store: Showcase;
  readonly #now: () => number;
  readonly #definitions: ReadonlyMap<string, MetricDefinition>;
  readonly #metrics = new Map<string, MetricTotals>();
  #changed: SeriesTotal[] = [];
  /** Whether the store shows this reader's totals as they are here. */
  #shown = false;

  constructor({ state, store, definitions, processorsDigest, now }: ReaderTotalsOptions) {
    this.#state = state;
    this.#store = store;
    this.#now = now;
    this.#definitions = definitionsOf(state, definitions, processorsDigest);
  }

  /** Whether a metric is defined otherwise than what is stored of `readerId`, or was not defined then. */
  isStale(readerId: number): boolean {
    const stored = new Map(this.#state.sql.metrics.all(readerId).map(({ metric, digest }) => [metric, digest]));
    return [...this.#definitions].some(([key, { digest }]) => stored.get(key) !== digest);
  }

  /** Drops what is stored of the reader. Runs in load's transaction. */
  reset(readerId: number): void {
    for (const { id } of this.#state.sql.metrics.all(readerId)) this.#drop(id);
  }

  /** Reads what is stored; the totals of metrics that are defined no more are dropped. Runs in load's transaction. */
  load(readerId: number): void {
    const { sql } = this.#state;
    this.#metrics.clear();
    this.#changed = [];
    this.#shown = false;
    for (const { id, metric } of sql.metrics.all(readerId)) {
      if (!this.#definitions.has(metric)) this.#drop(id);
    }
    const ids = new Map(sql.metrics.all(readerId).map(({ id, metric }) => [metric, id]));
    for (const [key, { metric, digest }] of this.#definitions) {
      const id = ids.get(key) ?? Number(sql.addMetric.run(readerId, key, digest).lastInsertRowid);
      const totals: MetricTotals = { id, metric, series: new Map(), byAttributes: new WeakMap() };
      this.#metrics.set(key, totals);
      for (const row of sql.series.iterate(id)) {
        const attributes = parseAttributes(row.attributes);
        const kept = parseTotal(row.value);
        totals.series.set(row.attributes, newSeries(totals, row.attributes, attributes, row.start_time_ms, kept));
      }
    }
  }

  /**
   * Shows the totals of the last run until those of this one are complete. Up-down counters are left out: what the open
   * rows add is not known yet.
   */
  showStored(): void {
    for (const { metric, series } of this.#metrics.values()) {
      if (metric.type === 'updowncounter') continue;
      for (const total of series.values()) this.#show(total);
    }
  }

  /** Every series that there is. */
  *series(): Iterable<readonly [metric: Metric, attributes: Attributes]> {
    for (const { metric, series } of this.#metrics.values()) {
      for (const { attributes } of series.values()) yield [metric, attributes];
    }
  }

  /** Folds the points in. Throws before anything has changed where the batch breaks the contract. */
  apply(batch: MetricsBatch): void {
    const groups = batch.metrics.map((points) => ({ totals: this.#accept(points), points }));
    for (const { totals, points } of groups) {
      if ('histograms' in points) {
        for (const { attributes, ...total } of points.histograms) this.#add(this.#series(totals, attributes), total);
      } else if (points.mode === 'delta') {
        for (const { attributes, value } of points.points) this.#add(this.#series(totals, attributes), value);
      } else if (points.mode === 'open') {
        for (const { attributes, value } of points.points) this.#addLive(this.#series(totals, attributes), value);
      } else {
        this.#replaceLive(totals, points.points);
      }
    }
  }

  /** Runs in the transaction that is about to be committed. */
  write(): void {
    const { sql } = this.#state;
    for (const series of this.#changed) {
      if (!series.unsaved || series.kept === undefined) continue;
      sql.saveSeries.run(series.of.id, series.key, series.startTimeMs, JSON.stringify(series.kept));
      series.unsaved = false;
    }
  }

  /** After the commit: shows what changed; the first time everything, in place of what was shown before. */
  publish(): void {
    if (this.#shown) {
      for (const series of this.#changed) this.#show(series);
    } else {
      this.#store.keepOnly(this, (metric, key) => this.#metrics.get(metric)?.series.has(key) === true);
      for (const { series } of this.#metrics.values()) for (const total of series.values()) this.#show(total);
      this.#shown = true;
    }
    this.discardChanges();
  }

  /** After a commit while nothing may be shown yet. */
  discardChanges(): void {
    for (const series of this.#changed) series.changed = false;
    this.#changed = [];
  }

  #accept(points: MetricPoints): MetricTotals {
    const { metric } = points;
    const totals = this.#metrics.get(metricKey(metric));
    if (totals === undefined) throw new Error(`the metric ${metric.name} is not one that the reader declares`);
    if ('histograms' in points !== (metric.type === 'histogram')) {
      throw new Error(`the points of ${metric.name} are not those of a ${metric.type}`);
    }
    if (points.mode === 'open' && metric.aggregation !== 'sum') {
      throw new Error(`the metric ${metric.name} takes the ${metric.aggregation}, and open rows only add`);
    }
    return totals;
  }

  #series(totals: MetricTotals, attributes: Attributes): SeriesTotal {
    let series = totals.byAttributes.get(attributes);
    if (series !== undefined && !series.gone) return series;
    const key = attributesKey(attributes);
    series = totals.series.get(key);
    if (series === undefined) {
      series = newSeries(totals, key, attributes, this.#now(), undefined);
      totals.series.set(key, series);
    }
    totals.byAttributes.set(attributes, series);
    return series;
  }

  #add(series: SeriesTotal, total: Total): void {
    if (series.kept === undefined) series.kept = copyOf(total);
    else if (!addInto(series.of.metric, series.kept, total)) return;
    series.unsaved = true;
    this.#mark(series);
  }

  #addLive(series: SeriesTotal, total: Total): void {
    series.live = series.live === undefined ? total : addTotals(series.of.metric, series.live, total);
    this.#mark(series);
  }

  #replaceLive(totals: MetricTotals, points: readonly NumberPoint[]): void {
    const before = [...totals.series.values()].filter(({ live }) => live !== undefined);
    for (const series of before) series.live = undefined;
    for (const { attributes, value } of points) this.#addLive(this.#series(totals, attributes), value);
    for (const series of before) {
      if (series.live === undefined) this.#mark(series);
    }
  }

  #mark(series: SeriesTotal): void {
    if (series.changed) return;
    series.changed = true;
    this.#changed.push(series);
  }

  #show(series: SeriesTotal): void {
    const { of, key, attributes, startTimeMs, kept, live } = series;
    const { metric } = of;
    if (kept === undefined && live === undefined) {
      // A snapshot's series that is missing now; should it come back, it is a new one.
      series.gone = true;
      of.series.delete(key);
      this.#store.hide(this, metric, key);
      return;
    }
    const safe = kept === undefined ? undefined : copyOf(kept);
    const value = safe === undefined ? live : live === undefined ? safe : addTotals(metric, safe, live);
    if (value !== undefined) this.#store.show(this, metric, key, { attributes, startTimeMs, value });
  }

  #drop(metricId: number): void {
    this.#state.sql.dropSeries.run(metricId);
    this.#state.sql.dropMetric.run(metricId);
  }
}

function newSeries(
  of: MetricTotals,
  key: string,
  attributes: Attributes,
  startTimeMs: number,
  kept: RunningTotal | undefined,
): SeriesTotal {
  return { of, key, attributes, startTimeMs, kept, live: undefined, unsaved: false, changed: false, gone: false };
}

// What we wrote ourselves, into a file that is private to us: its form is not checked again.

function parseAttributes(key: string): Attributes {
  return Object.fromEntries(JSON.parse(key) as [string, AttributeValue][]);
}

function parseTotal(json: string): RunningTotal {
  return JSON.parse(json) as RunningTotal;
}

import type { Family, HistogramValue, Logger, MetricSource, Progress, Series, SeriesChange } from '../component.ts';
import { describeError } from '../errors.ts';
import { attributesKey, type Attributes, type Metric } from './signals.ts';
import { addTotals, metricKey, publicValue, type Total } from './total.ts';

/** What one reader adds to a series, as committed. */
export interface Part {
  readonly attributes: Attributes;
  readonly startTimeMs: number;
  readonly value: Total;
}

/** Whose first read the pipeline waits for. */
export interface Reading {
  /** Rows, since the start. */
  readonly read: number;
  /** Rows still to be read, as far as it can tell. */
  readonly remaining: number;
  /** Everything was read once, or something stands in the way that is no brief lock. */
  readonly settled: boolean;
}

export interface LaneReading extends Reading {
  /** As settled, but for readers that a lock keeps from their source, however long: it passes, and then they are read. */
  readonly conclusive: boolean;
}

/** Where the readers of a lane show what they have committed. */
export interface Showcase {
  /** Nothing is published before this has settled too. */
  expect(reading: LaneReading): void;
  /** Sets the part of `owner` in a series. Seen by listeners at the next announce. */
  show(owner: object, metric: Metric, key: string, part: Part): void;
  /** Takes the part of `owner` out of a series; a series without parts is gone. */
  hide(owner: object, metric: Metric, key: string): void;
  /** Hides the parts of `owner` that `keep` does not want. */
  keepOnly(owner: object, keep: (metric: string, key: string) => boolean): void;
  /** Computes what was touched and tells the listeners, also of having become ready. */
  announce(): void;
}

interface ExposedFamily extends Family {
  readonly series: Map<string, ExposedSeries>;
}

interface ExposedSeries extends Series {
  startTimeMs: number;
  value: number | HistogramValue;
  readonly family: ExposedFamily;
  readonly key: string;
  /** In the order in which they last changed: one nearly always, so a list. */
  readonly parts: { readonly owner: object; readonly part: Part }[];
  announced: boolean;
}

/** The committed metrics of one pipeline: the parts of all its readers, combined, as exporters see them. */
export class MetricStore implements MetricSource, Showcase {
  readonly id: string;
  readonly #logger: Logger;
  readonly #families = new Map<string, ExposedFamily>();
  readonly #readings = new Set<Reading>();
  readonly #listeners = new Set<(changes: readonly SeriesChange[]) => void>();
  readonly #touched = new Set<ExposedSeries>();
  #resource: Attributes = {};
  /** Parts were withdrawn since the last announce. */
  #withdrawn = false;
  /** The resource has changed since the last announce. */
  #described = false;
  #ready = false;

  constructor(id: string, logger: Logger) {
    this.id = id;
    this.#logger = logger;
  }

  get families(): ReadonlyMap<string, Family> {
    return this.#families;
  }

  get resource(): Attributes {
    return this.#resource;
  }

  /** Says what everything of the pipeline is about. Seen by listeners at the next announce. */
  describe(resource: Attributes): void {
    if (attributesKey(resource) === attributesKey(this.#resource)) return;
    this.#resource = resource;
    this.#described = true;
  }

  progress(): Progress | undefined {
    if (this.#ready) return undefined;
    let read = 0;
    let remaining = 0;
    for (const reading of this.#readings) {
      read += reading.read;
      remaining += reading.remaining;
    }
    return { read, total: read + remaining };
  }

  onCommit(listener: (changes: readonly SeriesChange[]) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  expect(reading: Reading): void {
    this.#readings.add(reading);
  }

  /** Its lane is gone: nobody waits for it any more. */
  dismiss(reading: Reading): void {
    this.#readings.delete(reading);
  }

  show(owner: object, metric: Metric, key: string, part: Part): void {
    const series = this.#series(metric, key, part);
    removePart(series, owner);
    series.parts.push({ owner, part });
    this.#touched.add(series);
  }

  hide(owner: object, metric: Metric, key: string): void {
    const series = this.#families.get(metricKey(metric))?.series.get(key);
    if (series !== undefined && removePart(series, owner)) this.#touched.add(series);
  }

  keepOnly(owner: object, keep: (metric: string, key: string) => boolean): void {
    for (const [metric, { series }] of this.#families) {
      for (const one of series.values()) {
        if (!keep(metric, one.key) && removePart(one, owner)) this.#touched.add(one);
      }
    }
  }

  /** Hides all parts of an owner that is gone. Metrics that nobody else has are gone with it: another may take their name. */
  withdraw(owner: object): void {
    this.keepOnly(owner, () => false);
    this.#withdrawn = true;
  }

  announce(): void {
    const changes: SeriesChange[] = [];
    for (const series of this.#touched) {
      const change = settle(series);
      if (change !== undefined) changes.push(change);
    }
    this.#touched.clear();
    if (this.#withdrawn) this.#dropEmptyFamilies();
    const becameReady = !this.#ready && [...this.#readings].every(({ settled }) => settled);
    if (becameReady) this.#ready = true;
    if (changes.length === 0 && !becameReady && !this.#described) return;
    this.#described = false;
    for (const listener of this.#listeners) {
      try {
        listener(changes);
      } catch (error) {
        this.#logger.error('a listener of the metrics failed', { pipeline: this.id, reason: describeError(error) });
      }
    }
  }

  #dropEmptyFamilies(): void {
    this.#withdrawn = false;
    for (const [id, { series }] of this.#families) {
      if (series.size === 0) this.#families.delete(id);
    }
  }

  #series(metric: Metric, key: string, { attributes, startTimeMs }: Part): ExposedSeries {
    const id = metricKey(metric);
    let family = this.#families.get(id);
    if (family === undefined) {
      family = { metric, series: new Map() };
      this.#families.set(id, family);
    }
    let series = family.series.get(key);
    if (series === undefined) {
      series = { attributes, startTimeMs, value: 0, family, key, parts: [], announced: false };
      family.series.set(key, series);
    }
    return series;
  }
}

function removePart(series: ExposedSeries, owner: object): boolean {
  const index = series.parts.findIndex((entry) => entry.owner === owner);
  if (index === -1) return false;
  series.parts.splice(index, 1);
  return true;
}

/** Brings a touched series up to date; undefined when nobody can see a difference. */
function settle(series: ExposedSeries): SeriesChange | undefined {
  const { family, parts } = series;
  const [first, ...others] = parts;
  if (first === undefined) {
    family.series.delete(series.key);
    return series.announced ? { family, series, removed: true } : undefined;
  }
  let total = first.part.value;
  let { startTimeMs } = first.part;
  for (const { part } of others) {
    total = addTotals(family.metric, total, part.value);
    startTimeMs = Math.min(startTimeMs, part.startTimeMs);
  }
  const value = publicValue(total);
  if (series.announced && value === series.value && startTimeMs === series.startTimeMs) return undefined;
  series.value = value;
  series.startTimeMs = startTimeMs;
  series.announced = true;
  return { family, series, removed: false };
}

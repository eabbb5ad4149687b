import type { Family, HistogramValue, MetricSource, Progress, Series, SeriesChange } from '../../../src/component.ts';
import { attributesKey, type Attributes, type Metric } from '../../../src/pipeline/signals.ts';

interface MutableSeries extends Series {
  value: number | HistogramValue;
}

interface MutableFamily extends Family {
  readonly series: Map<string, MutableSeries>;
}

export const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** The least that an exporter sees of a pipeline: series that a test sets, and commits when it says so. */
export class MemorySource implements MetricSource {
  readonly id: string;
  readonly families = new Map<string, MutableFamily>();
  behind: Progress | undefined;
  resource: Attributes = {};
  readonly #listeners = new Set<(changes: readonly SeriesChange[]) => void>();
  #changes: SeriesChange[] = [];

  constructor(id = 'metrics') {
    this.id = id;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  progress(): Progress | undefined {
    return this.behind;
  }

  onCommit(listener: (changes: readonly SeriesChange[]) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  set(metric: Metric, attributes: Attributes, value: number | HistogramValue, startTimeMs = START_MS): this {
    const id = JSON.stringify(metric);
    const family = this.families.get(id) ?? { metric, series: new Map<string, MutableSeries>() };
    this.families.set(id, family);
    const key = attributesKey(attributes);
    const series = family.series.get(key) ?? { attributes, startTimeMs, value };
    series.value = value;
    family.series.set(key, series);
    this.#changes.push({ family, series, removed: false });
    return this;
  }

  remove(metric: Metric, attributes: Attributes): this {
    const family = this.families.get(JSON.stringify(metric));
    const series = family?.series.get(attributesKey(attributes));
    if (family === undefined || series === undefined) return this;
    family.series.delete(attributesKey(attributes));
    this.#changes.push({ family, series, removed: true });
    return this;
  }

  commit(): void {
    const changes = this.#changes;
    this.#changes = [];
    for (const listener of this.#listeners) listener(changes);
  }
}

export function metric(name: string, type: Metric['type'], options: Partial<Metric> = {}): Metric {
  return {
    name,
    type,
    unit: '',
    description: '',
    aggregation: type === 'gauge' ? 'last' : 'sum',
    ...(type === 'histogram' ? { boundaries: [0.1, 1, 10] } : {}),
    ...options,
  };
}

import type { Processor, TracedAttribute } from '../../src/component.ts';
import { remembered } from '../../src/pipeline/attributes.ts';
import {
  mapMetricPoints,
  type Attributes,
  type Batch,
  type Metric,
  type MetricPoints,
} from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';
import { anyOf, matchesWhole } from './matcher.ts';

type Verdict = 'all' | 'none' | ((attributes: Attributes) => boolean);

export class FilterProcessor implements Processor {
  readonly withheld = new Map<string, number>();
  readonly #config: Config;
  readonly #verdicts = new Map<string, Verdict>();

  constructor(config: Config) {
    this.#config = config;
  }

  traceAttributes(attributes: readonly TracedAttribute[], { name }: Metric): readonly TracedAttribute[] | undefined {
    return this.#verdict(name) === 'none' ? undefined : attributes;
  }

  process(batch: Batch): Batch | undefined {
    const metrics = batch.metrics.flatMap((points) => {
      const kept = this.#keep(points);
      return kept === undefined ? [] : [kept];
    });
    if (metrics.length === 0) return undefined;
    const unchanged = metrics.length === batch.metrics.length && metrics.every((one, at) => one === batch.metrics[at]);
    return unchanged ? batch : { ...batch, metrics };
  }

  /** A snapshot of which nothing is kept goes on without points: what was there before is gone. */
  #keep(points: MetricPoints): MetricPoints | undefined {
    const verdict = this.#verdict(points.metric.name);
    if (verdict === 'all') return points;
    if (verdict === 'none') {
      this.#count(points, 'histograms' in points ? points.histograms.length : points.points.length);
      return undefined;
    }
    let dropped = 0;
    const kept = mapMetricPoints(points, (attributes) => {
      if (verdict(attributes)) return attributes;
      dropped += 1;
      return undefined;
    });
    this.#count(points, dropped);
    return kept;
  }

  #count({ metric: { name } }: MetricPoints, dropped: number): void {
    if (dropped > 0) this.withheld.set(name, (this.withheld.get(name) ?? 0) + dropped);
  }

  #verdict(metric: string): Verdict {
    let verdict = this.#verdicts.get(metric);
    if (verdict === undefined) {
      verdict = verdictOf(this.#config, metric);
      this.#verdicts.set(metric, verdict);
    }
    return verdict;
  }
}

function verdictOf({ include, exclude = [] }: Config, metric: string): Verdict {
  const included = include === undefined ? () => true : anyOf(include)(metric);
  if (included === undefined || matchesWhole(exclude, metric)) return 'none';
  const excluded = anyOf(exclude)(metric);
  const all = include === undefined || matchesWhole(include, metric);
  if (all && excluded === undefined) return 'all';
  return remembered((attributes) => included(attributes) && excluded?.(attributes) !== true);
}

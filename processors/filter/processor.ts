import type { Processor, TracedAttribute } from '../../src/component.ts';
import {
  mapAttributes,
  mapMetricPoints,
  type Attributes,
  type Batch,
  type LogsBatch,
  type MetricPoints,
  type Signal,
  type Subject,
  type TracesBatch,
} from '../../src/pipeline/signals.ts';
import { remembered } from '../../src/pipeline/attributes.ts';
import type { Config } from './config.ts';
import { anyOf, matchesWhole, type Test } from './matcher.ts';

type Verdict = 'all' | 'none' | ((attributes: Attributes) => boolean);

/** Spans may have names that never come again: what is known of more than so many is forgotten. */
const MAX_NAMES = 1000;

export class FilterProcessor implements Processor {
  readonly withheld = new Map<string, number>();
  readonly #config: Config;
  readonly #signal: Signal;
  readonly #verdicts = new Map<string, Verdict>();

  constructor(config: Config, signal: Signal) {
    this.#config = config;
    this.#signal = signal;
  }

  traceAttributes(attributes: readonly TracedAttribute[], { name }: Subject): readonly TracedAttribute[] | undefined {
    // What spans and log records are called is told by rows.
    if (this.#signal !== 'metrics') return attributes;
    return this.#verdict(name) === 'none' ? undefined : attributes;
  }

  process(batch: Batch): Batch | undefined {
    if (batch.signal !== 'metrics') return this.#keepRecords(batch);
    const metrics = batch.metrics.flatMap((points) => {
      const kept = this.#keep(points);
      return kept === undefined ? [] : [kept];
    });
    if (metrics.length === 0) return undefined;
    const unchanged = metrics.length === batch.metrics.length && metrics.every((one, at) => one === batch.metrics[at]);
    return unchanged ? batch : { ...batch, metrics };
  }

  #keepRecords(batch: TracesBatch | LogsBatch): Batch | undefined {
    let dropped = 0;
    let kept = 0;
    const filtered = mapAttributes(batch, (attributes, { name }) => {
      const verdict = this.#verdict(name);
      const keeps = verdict === 'all' || (verdict !== 'none' && verdict(attributes));
      if (keeps) kept += 1;
      else dropped += 1;
      return keeps ? attributes : undefined;
    });
    this.#count(batch.signal === 'traces' ? 'spans' : 'log_records', dropped);
    return kept === 0 ? undefined : filtered;
  }

  /** A snapshot of which nothing is kept goes on without points: what was there before is gone. */
  #keep(points: MetricPoints): MetricPoints | undefined {
    const { name } = points.metric;
    const verdict = this.#verdict(name);
    if (verdict === 'all') return points;
    if (verdict === 'none') {
      this.#count(name, 'histograms' in points ? points.histograms.length : points.points.length);
      return undefined;
    }
    let dropped = 0;
    const kept = mapMetricPoints(points, (attributes) => {
      if (verdict(attributes)) return attributes;
      dropped += 1;
      return undefined;
    });
    this.#count(name, dropped);
    return kept;
  }

  #count(name: string, dropped: number): void {
    if (dropped > 0) this.withheld.set(name, (this.withheld.get(name) ?? 0) + dropped);
  }

  #verdict(name: string): Verdict {
    let verdict = this.#verdicts.get(name);
    if (verdict === undefined) {
      verdict = verdictOf(this.#config, this.#signal, name);
      if (this.#verdicts.size >= MAX_NAMES) this.#verdicts.clear();
      this.#verdicts.set(name, verdict);
    }
    return verdict;
  }
}

function verdictOf({ include, exclude = [] }: Config, signal: Signal, name: string): Verdict {
  const included: Test = include === undefined ? () => true : anyOf(include, signal)(name);
  if (included === undefined || matchesWhole(exclude, signal, name)) return 'none';
  const excluded = anyOf(exclude, signal)(name);
  const all = include === undefined || matchesWhole(include, signal, name);
  if (all && excluded === undefined) return 'all';
  return remembered((attributes) => included(attributes) && excluded?.(attributes) !== true);
}

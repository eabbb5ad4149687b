import type { Logger, Processor, Settings, TracedAttribute } from '../../src/component.ts';
import {
  attributesKey,
  mapMetricPoints,
  type Attributes,
  type Batch,
  type Metric,
  type MetricPoints,
} from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';

/** The SDKs' name for it. */
const OVERFLOW: Attributes = { 'otel.metric.overflow': true };

/**
 * Who was admitted stays so, and once the limit is reached nobody else is: so an open row takes back what it added from the
 * very series that it added it to.
 */
export class CardinalityLimitProcessor implements Processor {
  readonly withheld = new Map<string, number>();
  readonly #config: Config;
  readonly #logger: Logger;
  /** By metric name: keys of the series that go on as themselves. */
  readonly #admitted = new Map<string, Set<string>>();

  constructor(config: Config, settings: Settings) {
    this.#config = config;
    this.#logger = settings.logger;
  }

  traceAttributes(attributes: readonly TracedAttribute[]): readonly TracedAttribute[] {
    const overflow = Object.keys(OVERFLOW).map((name) => ({ name, treatments: ['where series are folded'] }));
    return [...attributes, ...overflow];
  }

  recall({ name }: Metric, attributes: Attributes): void {
    const key = attributesKey(attributes);
    if (key !== attributesKey(OVERFLOW)) this.#admittedOf(name).add(key);
  }

  process(batch: Batch): Batch | undefined {
    if (batch.signal !== 'metrics') return batch;
    if (batch.metrics.length === 0) return undefined;
    const metrics = batch.metrics.map((points) => this.#limit(points));
    return metrics.every((points, index) => points === batch.metrics[index]) ? batch : { ...batch, metrics };
  }

  #limit(points: MetricPoints): MetricPoints {
    const { name } = points.metric;
    // A snapshot is all there is now: it is limited by itself, in its own order, whatever was in those before.
    const admitted = points.mode === 'snapshot' ? new Set<string>() : this.#admittedOf(name);
    const room = this.#limitOf(name) - 1;
    let folded = 0;
    const limited = mapMetricPoints(points, (attributes) => {
      const key = attributesKey(attributes);
      if (admitted.has(key)) return attributes;
      if (admitted.size < room) {
        admitted.add(key);
        return attributes;
      }
      folded += 1;
      return OVERFLOW;
    });
    if (folded > 0) this.#count(name, folded);
    return limited;
  }

  #count(name: string, folded: number): void {
    const before = this.withheld.get(name) ?? 0;
    this.withheld.set(name, before + folded);
    if (before > 0) return;
    this.#logger.warn(`${name} has more than ${this.#limitOf(name)} series: what comes later is folded into one`, {
      metric: name,
    });
  }

  #admittedOf(name: string): Set<string> {
    let admitted = this.#admitted.get(name);
    if (admitted === undefined) {
      admitted = new Set();
      this.#admitted.set(name, admitted);
    }
    return admitted;
  }

  #limitOf(name: string): number {
    const { limit, metrics } = this.#config;
    return Object.hasOwn(metrics, name) ? (metrics[name] ?? limit) : limit;
  }
}

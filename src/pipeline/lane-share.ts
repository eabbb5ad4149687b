import type { Metric } from './signals.ts';
import type { LaneReading, MetricStore, Part, Showcase } from './store.ts';
import { metricKey } from './total.ts';

interface Staged {
  readonly metric: Metric;
  readonly key: string;
  readonly part: Part;
}

/**
 * What one lane shows in its pipeline's store. Where it replaces another lane, the former one's parts stay, as they were,
 * until this one has read everything, and then give way to it at once: no value is half a total, or missing, or there twice.
 */
export class LaneShare implements Showcase {
  readonly #store: MetricStore;
  readonly #readings = new Set<LaneReading>();
  readonly #owners = new Set<object>();
  /** By owner, then by series; empty but while the former lane's parts are shown. */
  readonly #staged = new Map<object, Map<string, Staged>>();
  #former: LaneShare | undefined;

  constructor(store: MetricStore, former: LaneShare | undefined) {
    this.#store = store;
    this.#former = former;
  }

  expect(reading: LaneReading): void {
    this.#readings.add(reading);
    this.#store.expect(reading);
  }

  show(owner: object, metric: Metric, key: string, part: Part): void {
    this.#owners.add(owner);
    if (this.#former === undefined) this.#store.show(owner, metric, key, part);
    else this.#stagedBy(owner).set(seriesKey(metricKey(metric), key), { metric, key, part });
  }

  hide(owner: object, metric: Metric, key: string): void {
    if (this.#former === undefined) this.#store.hide(owner, metric, key);
    else this.#stagedBy(owner).delete(seriesKey(metricKey(metric), key));
  }

  keepOnly(owner: object, keep: (metric: string, key: string) => boolean): void {
    if (this.#former === undefined) {
      this.#store.keepOnly(owner, keep);
      return;
    }
    const staged = this.#stagedBy(owner);
    for (const [id, { metric, key }] of staged) {
      if (!keep(metricKey(metric), key)) staged.delete(id);
    }
  }

  announce(): void {
    if (this.#former !== undefined && [...this.#readings].every(({ conclusive }) => conclusive))
      this.#takeOver(this.#former);
    this.#store.announce();
  }

  /** Its lane reads no more: what it shows stays until somebody takes it over, or it is withdrawn. */
  retire(): void {
    for (const reading of this.#readings) this.#store.dismiss(reading);
  }

  /** Hides everything that it shows, or that is still shown in its place. Seen at the next announce. */
  withdraw(): void {
    this.#former?.withdraw();
    for (const owner of this.#owners) this.#store.withdraw(owner);
  }

  #takeOver(former: LaneShare): void {
    former.withdraw();
    this.#former = undefined;
    for (const [owner, staged] of this.#staged) {
      for (const { metric, key, part } of staged.values()) this.#store.show(owner, metric, key, part);
    }
    this.#staged.clear();
  }

  #stagedBy(owner: object): Map<string, Staged> {
    let staged = this.#staged.get(owner);
    if (staged === undefined) {
      staged = new Map();
      this.#staged.set(owner, staged);
    }
    return staged;
  }
}

function seriesKey(metric: string, key: string): string {
  return `${metric} ${key}`;
}

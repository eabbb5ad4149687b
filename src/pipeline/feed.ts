import type { ExporterCounts, Family, MetricSource, Progress, SeriesChange } from '../component.ts';
import type { Attributes } from './signals.ts';

/** A pipeline's metrics on their way to one exporter: counts the points that it takes and those that it fails to take. */
export class Feed implements MetricSource, ExporterCounts {
  readonly #source: MetricSource;
  #sent = 0;
  #failed = 0;

  constructor(source: MetricSource) {
    this.#source = source;
  }

  get id(): string {
    return this.#source.id;
  }

  get resource(): Attributes {
    return this.#source.resource;
  }

  get families(): ReadonlyMap<string, Family> {
    return this.#source.families;
  }

  get sent(): number {
    return this.#sent;
  }

  get failed(): number {
    return this.#failed;
  }

  progress(): Progress | undefined {
    return this.#source.progress();
  }

  onCommit(listener: (changes: readonly SeriesChange[]) => void): Disposable {
    return this.#source.onCommit((changes) => {
      let taken = false;
      try {
        listener(changes);
        taken = true;
      } finally {
        if (taken) this.#sent += changes.length;
        else this.#failed += changes.length;
      }
    });
  }
}

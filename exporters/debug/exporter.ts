import type {
  BatchExporter,
  MetricsExporter,
  MetricSource,
  RetryPolicy,
  Series,
  SeriesChange,
} from '../../src/component.ts';
import { durationMs } from '../../src/config/fragments.ts';
import { RetryableError } from '../../src/errors.ts';
import type { Attributes, LogsBatch, TracesBatch } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';
import { describeRecords } from './records.ts';
import { describeChanges } from './text.ts';

/** Whoever reads standard output may be slow. */
const RETRY: RetryPolicy = {
  enabled: true,
  initialMs: 200,
  multiplier: 1.5,
  randomizationFactor: 0,
  maxMs: 2_000,
  maxElapsedMs: 0,
};

export interface Output {
  write(text: string): unknown;
  /** Whoever reads it has not kept up. */
  readonly writableNeedDrain: boolean;
}

/** What of a source is not written yet: at most one change a series. */
interface Pending extends Disposable {
  readonly source: MetricSource;
  readonly changes: Map<Series, SeriesChange>;
}

/** Of metrics, writes what changed since it last wrote, with the values of the last commit. Nothing before the source has caught up. */
export class DebugExporter implements MetricsExporter, BatchExporter {
  readonly retry = RETRY;
  readonly #verbosity: Config['verbosity'];
  readonly #intervalMs: number;
  readonly #output: Output;
  #pending: readonly Pending[] = [];
  #started = false;
  #timer: NodeJS.Timeout | undefined;
  #lastMs = -Infinity;

  constructor(config: Config, output: Output) {
    this.#verbosity = config.verbosity;
    this.#intervalMs = durationMs(config.interval);
    this.#output = output;
  }

  connect(sources: readonly MetricSource[]): void {
    this.#disconnect();
    this.#pending = sources.map((source) => {
      const changes = new Map<Series, SeriesChange>();
      for (const family of source.families.values()) {
        for (const series of family.series.values()) changes.set(series, { family, series, removed: false });
      }
      const subscription = source.onCommit((committed) => {
        for (const change of committed) changes.set(change.series, change);
        this.#schedule();
      });
      return { source, changes, [Symbol.dispose]: () => subscription[Symbol.dispose]() };
    });
    if (this.#started) this.#schedule();
  }

  async export(batch: TracesBatch | LogsBatch, resource: Attributes): Promise<undefined> {
    if (this.#output.writableNeedDrain) throw new RetryableError('standard output is not read');
    this.#output.write(describeRecords(batch, resource, this.#verbosity));
    return undefined;
  }

  async start(): Promise<void> {
    this.#started = true;
    this.#schedule();
  }

  async shutdown(): Promise<void> {
    if (this.#started) this.#write();
    this.#started = false;
    this.#disconnect();
  }

  #disconnect(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const pending of this.#pending) pending[Symbol.dispose]();
    this.#pending = [];
  }

  /** Not at once: whoever commits does not wait for the output. */
  #schedule(): void {
    if (!this.#started || this.#timer !== undefined || !this.#pending.some(isDue)) return;
    const dueMs = this.#lastMs + this.#intervalMs - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        // Changes are kept by series, so that waiting for a slow reader takes no more memory.
        this.#lastMs = performance.now();
        if (!this.#output.writableNeedDrain) this.#write();
        this.#schedule();
      },
      Math.max(0, dueMs),
    );
  }

  #write(): void {
    for (const { source, changes } of this.#pending.filter(isDue)) {
      this.#output.write(describeChanges(source, [...changes.values()], this.#verbosity));
      changes.clear();
    }
  }
}

function isDue({ source, changes }: Pending): boolean {
  return changes.size > 0 && source.progress() === undefined;
}

import type { Metric } from '../../src/pipeline/signals.ts';
import type { HistogramValue } from '../../src/component.ts';
import { escapeHelp, prometheusType, type FamilyName } from './names.ts';

/** The text format 0.0.4 and OpenMetrics 1.0. */
export type Format = 'text' | 'openmetrics';

/** https://prometheus.io/docs/instrumenting/exposition_formats, https://github.com/prometheus/OpenMetrics (v1.0.0). */
export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** What stands after the last family. */
export const ENDINGS: Readonly<Record<Format, string>> = { text: '', openmetrics: '# EOF\n' };

/** What is written of a series. */
export interface Sample {
  readonly startTimeMs: number;
  readonly value: number | HistogramValue;
}

/** One family's lines, in either format. */
export class FamilyWriter {
  readonly #name: FamilyName;
  readonly #metric: Metric;
  /** `le="0.5"} `, one a boundary, +Inf last. */
  readonly #bucketEnds: readonly string[];

  constructor(name: FamilyName, metric: Metric) {
    this.#name = name;
    this.#metric = metric;
    this.#bucketEnds =
      metric.type === 'histogram'
        ? [...(metric.boundaries ?? []), Infinity].map((le) => `le="${canonical(le)}"} `)
        : [];
  }

  /** How many lines a series takes in the text format. */
  get linesPerSeries(): number {
    return this.#metric.type === 'histogram' ? this.#bucketEnds.length + 2 : 1;
  }

  /** HELP, TYPE and UNIT: once a family, before its first series. */
  header(format: Format): string {
    const openMetrics = format === 'openmetrics';
    const name = this.#metric.type === 'counter' && !openMetrics ? `${this.#name.base}_total` : this.#name.base;
    const { description } = this.#metric;
    return (
      (description === '' ? '' : `# HELP ${name} ${escapeHelp(description, openMetrics)}\n`) +
      `# TYPE ${name} ${prometheusType(this.#metric)}\n` +
      (openMetrics && this.#name.unit !== '' ? `# UNIT ${name} ${this.#name.unit}\n` : '')
    );
  }

  /** All lines of one series; `labels` as labelText gives them. */
  series(labels: string, sample: Sample, format: Format): string {
    const { base } = this.#name;
    const braces = labels === '' ? ' ' : `{${labels}} `;
    const created =
      format === 'openmetrics' && (this.#metric.type === 'counter' || this.#metric.type === 'histogram')
        ? `${base}_created${braces}${number(sample.startTimeMs / 1000)}\n`
        : '';
    if (typeof sample.value !== 'number') return this.#histogram(labels, braces, sample.value) + created;
    const total = this.#metric.type === 'counter' ? '_total' : '';
    return `${base}${total}${braces}${number(sample.value)}\n${created}`;
  }

  #histogram(labels: string, braces: string, value: HistogramValue): string {
    const { base } = this.#name;
    const bucket = labels === '' ? `${base}_bucket{` : `${base}_bucket{${labels},`;
    let text = '';
    let cumulative = 0;
    for (let index = 0; index < this.#bucketEnds.length; index += 1) {
      cumulative += value.bucketCounts[index] ?? 0;
      text += `${bucket}${this.#bucketEnds[index]!}${cumulative}\n`;
    }
    return `${text}${base}_sum${braces}${number(value.sum)}\n${base}_count${braces}${number(value.count)}\n`;
  }
}

/** A sample's value; NaN and the infinities as Go writes them. */
function number(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

/**
 * A bucket's bound as OpenMetrics' canonical numbers have it: 0.25, 1.0, 1e+06. The older format takes any spelling;
 * with one for both, a series keeps its labels whatever a scraper negotiates (Prometheus 3 rewrites them to this one).
 */
export function canonical(value: number): string {
  if (!Number.isFinite(value)) return number(value);
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
  const power = Number(exponent);
  // As Go's strconv.FormatFloat(value, 'g', -1, 64): outside of this range an exponent, of at least two digits.
  if (value !== 0 && (power < -4 || power >= 6)) {
    return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  const plain = String(value);
  return plain.includes('.') ? plain : `${plain}.0`;
}

import type { AttributeValue, Metric } from '../../src/pipeline/signals.ts';
import { MAX_MAGNITUDE } from '../../src/pipeline/sum.ts';

/** What SQLite gives back in raw mode. */
export type SqlValue = string | number | bigint | Buffer | null;
export type Row = readonly SqlValue[];

/** OpenTelemetry's customary limit; longer values make unreadable labels. */
const MAX_ATTRIBUTE_LENGTH = 1024;
/** The columns of a statement under construction: equal expressions share one. */
export class Columns {
  readonly #expressions: string[] = [];

  add(expression: string): number {
    const known = this.#expressions.indexOf(expression);
    if (known >= 0) return known;
    return this.#expressions.push(expression) - 1;
  }

  /** Adds a column at the next index, even if there is an equal one. */
  reserve(expression: string): void {
    this.#expressions.push(expression);
  }

  get sql(): string {
    return this.#expressions.map((expression) => `(${expression})`).join(', ');
  }
}

/** Counts values that were left out, by reason. */
export class Skips {
  readonly #counts: Record<string, number> = {};

  count(reason: string): void {
    this.#counts[reason] = (this.#counts[reason] ?? 0) + 1;
  }

  get counts(): Readonly<Record<string, number>> | undefined {
    return Object.keys(this.#counts).length === 0 ? undefined : this.#counts;
  }
}

/** Only up-downs and gauges may be negative. Says why a value is left out. */
export function acceptable(value: Exclude<SqlValue, null>, metric: Metric, skips: Skips): value is number {
  if (typeof value !== 'number' || Number.isNaN(value)) {
    skips.count('not_a_number');
    return false;
  }
  if (value > MAX_MAGNITUDE || value < -MAX_MAGNITUDE) {
    skips.count('too_large');
    return false;
  }
  if (value < 0 && (metric.type === 'counter' || metric.type === 'histogram')) {
    skips.count('negative');
    return false;
  }
  return true;
}

/** undefined = the attribute is absent. */
export function attributeValue(value: SqlValue, skips: Skips): AttributeValue | undefined {
  if (value === null) return undefined;
  if (typeof value === 'string') {
    if (value.length <= MAX_ATTRIBUTE_LENGTH) return value;
    // A character beyond the BMP is two units of the text's length.
    const characters = Array.from(value.slice(0, 2 * MAX_ATTRIBUTE_LENGTH + 1));
    if (characters.length <= MAX_ATTRIBUTE_LENGTH) return value;
    skips.count('attribute_cut');
    return characters.slice(0, MAX_ATTRIBUTE_LENGTH).join('');
  }
  if (typeof value === 'number') return value;
  skips.count('attribute_not_text');
  return undefined;
}

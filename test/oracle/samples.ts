/** What an exposition says, as `name{label="value",...}` with sorted labels -> value. Buckets are cumulative. */
export type Samples = Map<string, number>;

export function sampleKey(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.keys(labels)
    .sort()
    .map((label) => `${label}=${JSON.stringify(labels[label])}`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}

export function add(samples: Samples, name: string, labels: Readonly<Record<string, string>>, value: number): void {
  const key = sampleKey(name, labels);
  samples.set(key, (samples.get(key) ?? 0) + value);
}

/** Adds the cumulative buckets, the count and the sum of these observations; nothing where there are none. */
export function observe(
  samples: Samples,
  name: string,
  labels: Readonly<Record<string, string>>,
  boundaries: readonly number[],
  values: readonly number[],
): void {
  if (values.length === 0) return;
  for (const boundary of boundaries) {
    const count = values.filter((value) => value <= boundary).length;
    add(samples, `${name}_bucket`, { ...labels, le: String(boundary) }, count);
  }
  add(samples, `${name}_bucket`, { ...labels, le: '+Inf' }, values.length);
  add(samples, `${name}_count`, labels, values.length);
  const sum = values.reduce((total, value) => total + value, 0);
  add(samples, `${name}_sum`, labels, sum);
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/s;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?/gsy;

/** Reads the Prometheus text format 0.0.4. Throws on a line it cannot read and on a sample given twice. */
export function parseExposition(text: string): Samples {
  const samples: Samples = new Map();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = SAMPLE.exec(line);
    if (match === null) throw new Error(`not a sample: ${line}`);
    const labels: Record<string, string> = {};
    const source = match[2] ?? '';
    let read = 0;
    for (const pair of source.matchAll(LABEL)) {
      labels[pair[1]!] = pair[2]!.replace(/\\(.)/gs, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
      read = pair.index + pair[0].length;
    }
    if (read !== source.length) throw new Error(`not a list of labels: ${line}`);
    if (labels.le !== undefined && labels.le !== '+Inf') labels.le = String(Number(labels.le));
    const key = sampleKey(match[1]!, labels);
    if (samples.has(key)) throw new Error(`given twice: ${key}`);
    samples.set(key, match[3] === '+Inf' ? Infinity : Number(match[3]));
  }
  return samples;
}

export interface CompareOptions {
  /** Families to leave out, by the beginning of their name. */
  readonly ignore?: readonly string[];
}

/**
 * The differences of two sets of samples, readable, at most `limit`; empty when they are equal. Numbers are equal exactly,
 * but for sums of reals and timestamps (1e-9 relative). An up-down without open rows may be 0 or absent: after a restart
 * nobody knows that it was ever more. So may a counter without labels that never counted.
 */
export function differences(expected: Samples, actual: Samples, options: CompareOptions = {}, limit = 25): string[] {
  const found: string[] = [];
  for (const key of [...new Set([...expected.keys(), ...actual.keys()])].sort()) {
    if (options.ignore?.some((start) => key.startsWith(start)) === true) continue;
    const want = expected.get(key);
    const have = actual.get(key);
    if (want === have) continue;
    if (mayBeAbsent(key) && (want ?? 0) === (have ?? 0)) continue;
    if (want !== undefined && have !== undefined && isReal(key) && close(want, have)) continue;
    found.push(`${key}: expected ${String(want ?? 'none')}, got ${String(have ?? 'none')}`);
  }
  return found.length > limit ? [...found.slice(0, limit), `and ${found.length - limit} more`] : found;
}

const nameOf = (key: string): string => key.split('{', 1)[0]!;
const mayBeAbsent = (key: string): boolean => nameOf(key).endsWith('_active') || !key.includes('{');
const isReal = (key: string): boolean => /_sum$|_timestamp_seconds$/.test(nameOf(key));
const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b), 1e-3);

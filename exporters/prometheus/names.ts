import type { Attributes, Metric } from '../../src/pipeline/signals.ts';

/** UCUM -> the words of Prometheus names, as in the OpenTelemetry Collector's and Prometheus' own translation. */
const UNITS: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  TiBy: 'tibibytes',
  KBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  TBy: 'terabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '1': '',
  '%': 'percent',
};

const PER_UNITS: Readonly<Record<string, string>> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
  y: 'year',
};

export interface FamilyName {
  /** The OpenMetrics family name: with the unit, without `_total`. */
  readonly base: string;
  /** The unit's words where the name ends with them, else empty: OpenMetrics allows no other unit. */
  readonly unit: string;
}

/**
 * The name by the rules of OpenTelemetry's "Prometheus and OpenMetrics Compatibility"; undefined where nothing of it
 * would be left.
 */
export function familyName(metric: Metric, namespace: string): FamilyName | undefined {
  let words = wordsOf(metric.name);
  if (metric.type === 'counter') words = words.filter((word) => word !== 'total');
  if (words.length === 0) return undefined;
  const [main, per] = unitWords(metric.unit);
  if (main !== '' && !words.includes(main)) words.push(...wordsOf(main));
  if (per !== '' && !words.includes(per)) words.push('per', ...wordsOf(per));
  const isRatio = metric.unit === '1' && metric.type === 'gauge';
  if (isRatio) words = [...words.filter((word) => word !== 'ratio'), 'ratio'];
  const name = [...wordsOf(namespace), ...words].join('_');
  const base = /^\d/.test(name) ? `_${name}` : name;
  const unit = isRatio ? 'ratio' : [main, per === '' ? '' : `per_${per}`].filter((part) => part !== '').join('_');
  return { base, unit: unit !== '' && base.endsWith(`_${unit}`) ? unit : '' };
}

export function prometheusType(metric: Metric): 'counter' | 'gauge' | 'histogram' {
  return metric.type === 'updowncounter' ? 'gauge' : metric.type;
}

/** Every name that the family's samples and metadata use in either format. */
export function sampleNames(base: string, type: Metric['type']): readonly string[] {
  switch (type) {
    case 'counter':
      return [base, `${base}_total`, `${base}_created`];
    case 'histogram':
      return [base, `${base}_bucket`, `${base}_sum`, `${base}_count`, `${base}_created`];
    case 'gauge':
    case 'updowncounter':
      return [base];
  }
}

/**
 * Attributes as they stand between the braces, sorted by label name. Attributes whose names become equal are joined with
 * `;` in the order of the original names. A label without a value is the same as none to Prometheus, so it is left out.
 */
export function labelText(attributes: Attributes, type: Metric['type']): string {
  const labels = new Map<string, string>();
  for (const name of Object.keys(attributes).sort()) {
    const value = String(attributes[name]);
    let label = labelName(name);
    // The bucket's own label; Prometheus gives this name to a label of which there would be two.
    if (label === 'le' && type === 'histogram') label = 'exported_le';
    const before = labels.get(label);
    labels.set(label, before === undefined ? value : `${before};${value}`);
  }
  return [...labels]
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, value]) => `${label}="${escapeLabelValue(value)}"`)
    .join(',');
}

const labelNames = new Map<string, string>();

/** Attribute names come from the configuration, so there are few; the bound is for those that do not. */
const REMEMBERED_LABEL_NAMES = 1_000;

export function labelName(attribute: string): string {
  let label = labelNames.get(attribute);
  if (label === undefined) {
    label = attribute.replace(/[^a-zA-Z0-9_]/g, '_').replace(/_{2,}/g, '_');
    // `key` is what the Collector and Prometheus put in front of a label that may not begin as it does.
    if (/^[0-9]/.test(label)) label = `key_${label}`;
    else if (label.startsWith('_') || label === '') label = `key${label}`;
    if (labelNames.size < REMEMBERED_LABEL_NAMES) labelNames.set(attribute, label);
  }
  return label;
}

/** NUL ends the input for Prometheus' own parser, and a lone surrogate has no UTF-8. */
const UNPRINTABLE = /[\0\p{Cs}]/gu;

export function escapeLabelValue(value: string): string {
  return replaceUnprintable(value).replace(/[\\"\n]/g, escapeOne);
}

/** `quotes`: OpenMetrics escapes them in HELP, the older text format does not. */
export function escapeHelp(text: string, quotes: boolean): string {
  return replaceUnprintable(text).replace(quotes ? /[\\"\n]/g : /[\\\n]/g, escapeOne);
}

function replaceUnprintable(text: string): string {
  return text.replace(UNPRINTABLE, '\uFFFD');
}

function escapeOne(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}

function wordsOf(name: string): string[] {
  return name.split(/[^a-zA-Z0-9]+/).filter((word) => word !== '');
}

/** The unit's main and per parts: `By/s` -> bytes, second. An annotation such as `{call}` says nothing. */
function unitWords(unit: string): readonly [main: string, per: string] {
  const [main = '', per = ''] = unit.replace(/\{[^}]*\}/g, '').split('/', 2);
  return [unitWord(main, UNITS), unitWord(per, PER_UNITS)];
}

function unitWord(ucum: string, words: Readonly<Record<string, string>>): string {
  const trimmed = ucum.trim();
  return Object.hasOwn(words, trimmed) ? words[trimmed]! : wordsOf(trimmed).join('_');
}

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
export function labelText(attributes: Attributes): string {
  let text = '';
  for (const { label, names } of labelsOf(Object.keys(attributes))) {
    const value = names.map((name) => String(attributes[name])).join(';');
    if (value !== '') text += `${text === '' ? '' : ','}${label}="${escapeLabelValue(value)}"`;
  }
  return text;
}

interface Label {
  readonly label: string;
  /** The attributes that it shows, sorted. */
  readonly names: readonly string[];
}

const labelSets = new Map<string, readonly Label[]>();

/** Attribute names come from the configuration, so there are few sets of them; the bound is for those that do not. */
const REMEMBERED_LABEL_SETS = 1_000;

function labelsOf(names: readonly string[]): readonly Label[] {
  const key = JSON.stringify(names);
  let labels = labelSets.get(key);
  if (labels === undefined) {
    const byLabel = new Map<string, string[]>();
    for (const name of [...names].sort()) {
      const label = labelName(name);
      byLabel.set(label, [...(byLabel.get(label) ?? []), name]);
    }
    labels = [...byLabel]
      .map(([label, sources]) => ({ label, names: sources }))
      .sort((a, b) => (a.label < b.label ? -1 : 1));
    if (labelSets.size < REMEMBERED_LABEL_SETS) labelSets.set(key, labels);
  }
  return labels;
}

export function labelName(attribute: string): string {
  const label = attribute.replace(/[^a-zA-Z0-9_]/g, '_').replace(/_{2,}/g, '_');
  // `key` is what the Collector and Prometheus put in front of a label that may not begin as it does.
  if (/^[0-9]/.test(label)) return `key_${label}`;
  // What Prometheus makes of a label that would be there twice: these belong to buckets and to summaries alone.
  if (label === 'le' || label === 'quantile') return `exported_${label}`;
  return label.startsWith('_') || label === '' ? `key${label}` : label;
}

/** Quotes, backslashes, line ends; NUL, which ends the input for Prometheus' parser; halves of surrogate pairs. */
const NOTABLE = /[\\"\n\0\ud800-\udfff]/;

export function escapeLabelValue(value: string): string {
  return NOTABLE.test(value) ? replaceUnprintable(value).replace(/[\\"\n]/g, escapeOne) : value;
}

/** `quotes`: OpenMetrics escapes them in HELP, the older text format does not. */
export function escapeHelp(text: string, quotes: boolean): string {
  return replaceUnprintable(text).replace(quotes ? /[\\"\n]/g : /[\\\n]/g, escapeOne);
}

/** A lone surrogate has no UTF-8. */
function replaceUnprintable(text: string): string {
  return text.replace(/[\0\p{Cs}]/gu, '\uFFFD');
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

import { linearRegexp } from '../../src/config/linear-regexp.ts';
import { matchesAny } from '../../src/pipeline/attributes.ts';
import type { Attributes, AttributeValue } from '../../src/pipeline/signals.ts';
import type { Condition, Matcher } from './config.ts';

/** What a list of matchers asks of the points of one metric; undefined: none of them is about it. */
type MetricTest = ((attributes: Attributes) => boolean) | undefined;

/** Whether one of the matchers matches, a metric at a time. */
export function anyOf(matchers: readonly Matcher[]): (metric: string) => MetricTest {
  const compiled = matchers.map(({ metric_names, attributes = [] }) => ({
    named: metric_names === undefined ? () => true : matchesAny(metric_names),
    conditions: attributes.map(conditionOf),
  }));
  return (metric) => {
    const about = compiled.filter(({ named }) => named(metric));
    if (about.length === 0) return undefined;
    return (attributes) => about.some(({ conditions }) => conditions.every((holds) => holds(attributes)));
  };
}

/** Whether points of the metric match whatever their attributes are. */
export function matchesWhole(matchers: readonly Matcher[], metric: string): boolean {
  return matchers.some(
    ({ metric_names, attributes }) =>
      attributes === undefined && (metric_names === undefined || matchesAny(metric_names)(metric)),
  );
}

function conditionOf({ key, value, glob, regexp, present }: Condition): (attributes: Attributes) => boolean {
  const wanted = (attributes: Attributes): AttributeValue | undefined =>
    Object.hasOwn(attributes, key) ? attributes[key] : undefined;
  if (present !== undefined) return (attributes) => (wanted(attributes) !== undefined) === present;
  if (value !== undefined) return (attributes) => wanted(attributes) === value;
  const matches = glob === undefined ? linearRegexp(regexp ?? '') : matchesAny([glob]);
  return (attributes) => {
    const found = wanted(attributes);
    return found !== undefined && matches(String(found));
  };
}

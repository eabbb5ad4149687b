import { linearRegexp } from '../../src/config/linear-regexp.ts';
import { matchesAny } from '../../src/pipeline/attributes.ts';
import type { Attributes, AttributeValue, Signal } from '../../src/pipeline/signals.ts';
import type { Condition, Matcher } from './config.ts';

/** What a list of matchers asks of what has one name; undefined: none of them is about it. */
export type Test = ((attributes: Attributes) => boolean) | undefined;

/** Whether one of the matchers matches, a name at a time. */
export function anyOf(matchers: readonly Matcher[], signal: Signal): (name: string) => Test {
  const compiled = matchers.map((matcher) => ({
    named: namesOf(matcher, signal),
    conditions: (matcher.attributes ?? []).map(conditionOf),
  }));
  return (name) => {
    const about = compiled.filter(({ named }) => named(name));
    if (about.length === 0) return undefined;
    return (attributes) => about.some(({ conditions }) => conditions.every((holds) => holds(attributes)));
  };
}

/** Whether all of that name matches, whatever its attributes are. */
export function matchesWhole(matchers: readonly Matcher[], signal: Signal, name: string): boolean {
  return matchers.some((matcher) => matcher.attributes === undefined && namesOf(matcher, signal)(name));
}

/** One that names things of other signals only is not about this one. */
function namesOf({ metric_names, span_names, event_names }: Matcher, signal: Signal): (name: string) => boolean {
  const names = { metrics: metric_names, traces: span_names, logs: event_names };
  if (Object.values(names).every((globs) => globs === undefined)) return () => true;
  return matchesAny(names[signal] ?? []);
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

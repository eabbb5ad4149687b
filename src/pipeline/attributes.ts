import { mapAttributes, type Attributes, type AttributeValue, type Batch, type Signal } from './signals.ts';

/** Whether one of the globs is the whole of a name: `*` stands for any text, dots included, and `?` for one character. */
export function matchesAny(globs: readonly string[]): (name: string) => boolean {
  const patterns = globs.map((glob) => {
    const literal = glob.replace(/[\\^$.+()[\]{}|]/g, '\\$&');
    return new RegExp(`^${literal.replace(/\*+/g, '.*').replaceAll('?', '.')}$`, 'su');
  });
  return (name) => patterns.some((pattern) => pattern.test(name));
}

/**
 * Attributes with every value replaced by `map(value, name)`; undefined leaves the attribute out. Unchanged attributes are
 * the same object. Remembered per object, so `map` must be pure: receivers pass the same object for the same series.
 */
export function mapValues(
  map: (value: AttributeValue, name: string) => AttributeValue | undefined,
): (attributes: Attributes) => Attributes {
  return remembered((attributes) => replaceValues(attributes, map));
}

/** A pure function of attributes that is asked once for each object. */
export function remembered<T>(map: (attributes: Attributes) => T): (attributes: Attributes) => T {
  const known = new WeakMap<Attributes, { readonly result: T }>();
  return (attributes) => {
    let entry = known.get(attributes);
    if (entry === undefined) {
      entry = { result: map(attributes) };
      known.set(attributes, entry);
    }
    return entry.result;
  };
}

/** The same, not remembered. */
export function replaceValues(
  attributes: Attributes,
  map: (value: AttributeValue, name: string) => AttributeValue | undefined,
): Attributes {
  const entries: [string, AttributeValue][] = [];
  let changed = false;
  for (const [name, value] of Object.entries(attributes)) {
    const replaced = map(value, name);
    changed ||= replaced !== value;
    if (replaced !== undefined) entries.push([name, replaced]);
  }
  return changed ? Object.fromEntries(entries) : attributes;
}

/** What texts of spans and log records that are made of values are called where attributes are meant. */
export const SPAN_NAME = 'span name';
export const EVENT_NAME = 'event name';
export const BODY = 'body';

/** Those that a signal has. */
export const TEXTS: Readonly<Record<Signal, readonly string[]>> = {
  metrics: [],
  traces: [SPAN_NAME],
  logs: [EVENT_NAME, BODY],
};

/** The name of a span or an event of which nothing may be told. */
const UNTOLD = 'unknown';

/**
 * The batch with every attribute value, and every text of spans and log records besides, replaced by `map(value, name)`;
 * undefined leaves it out. `mapped` is mapValues(map).
 */
export function mapTexts(
  batch: Batch,
  map: (value: AttributeValue, name: string) => AttributeValue | undefined,
  mapped: (attributes: Attributes) => Attributes,
): Batch {
  const treated = mapAttributes(batch, mapped);
  const text = (value: string, name: string): string | undefined => {
    const replaced = map(value, name);
    return replaced === undefined ? undefined : String(replaced);
  };
  switch (treated.signal) {
    case 'metrics':
      return treated;
    case 'traces': {
      const spans = treated.spans.map((span) => {
        const name = text(span.name, SPAN_NAME) ?? UNTOLD;
        return name === span.name ? span : { ...span, name };
      });
      return spans.every((span, index) => span === treated.spans[index]) ? treated : { ...treated, spans };
    }
    case 'logs': {
      const records = treated.records.map((record) => {
        const eventName = text(record.eventName, EVENT_NAME) ?? UNTOLD;
        const { body: before, ...rest } = record;
        const body = before === undefined ? undefined : text(before, BODY);
        if (eventName === record.eventName && body === before) return record;
        return { ...rest, eventName, ...(body === undefined ? {} : { body }) };
      });
      return records.every((record, index) => record === treated.records[index]) ? treated : { ...treated, records };
    }
  }
}

import type { Attributes, AttributeValue } from './signals.ts';

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

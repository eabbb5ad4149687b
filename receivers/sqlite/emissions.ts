import type { RecordDefinition } from '../../src/component.ts';
import { BODY, EVENT_NAME, SPAN_NAME } from '../../src/pipeline/attributes.ts';
import type { Signal } from '../../src/pipeline/signals.ts';
import type { TableConfig, TableLogConfig, TableSpanConfig } from './config.ts';
import { attributesOf, digestOf, originsOf, type Of } from './mapping.ts';

/** What of a span is an expression besides its attributes. */
export const SPAN_FIELDS = ['name', 'kind', 'trace', 'id', 'parent', 'start', 'end', 'status', 'when'] as const;
/** Likewise of a log record. */
export const LOG_FIELDS = ['event_name', 'time', 'severity', 'body', 'trace', 'span', 'when'] as const;

type Field = (typeof SPAN_FIELDS)[number] | (typeof LOG_FIELDS)[number];
type Expand = (expression: string | number) => string;

/** One entry of `spans:` or `logs:`. All expressions are SQL over the source's own columns (and `each`). */
export interface Emission {
  readonly of: Exclude<Of, 'open'>;
  readonly fields: Readonly<Partial<Record<Field, string>>>;
  readonly attributes: readonly (readonly [name: string, expression: string])[];
}

export function planSpan(table: TableConfig, entry: TableSpanConfig, expand: Expand): Emission {
  return {
    of: entry.of,
    fields: expandAll(SPAN_FIELDS, entry, expand),
    attributes: attributesOf(table, entry, expand),
  };
}

export function planLog(table: TableConfig, entry: TableLogConfig, expand: Expand): Emission {
  return { of: entry.of, fields: expandAll(LOG_FIELDS, entry, expand), attributes: attributesOf(table, entry, expand) };
}

function expandAll<F extends Field>(
  names: readonly F[],
  entry: Readonly<Partial<Record<F, string | number | undefined>>>,
  expand: Expand,
): Partial<Record<F, string>> {
  const fields: Partial<Record<F, string>> = {};
  for (const name of names) {
    const expression = entry[name];
    if (expression !== undefined) fields[name] = expand(expression);
  }
  return fields;
}

/**
 * What of the rows leaves: attributes, and texts that are made of values. Ids are digests under a key, and tell nothing.
 * `rows`: what the table itself says of which rows there are.
 */
export function recordsOf(
  { id, signal, rows }: { readonly id: string; readonly signal: Signal; readonly rows: readonly unknown[] },
  emissions: readonly Emission[],
): readonly RecordDefinition[] {
  const title = `${signal === 'traces' ? 'spans' : 'log records'} of ${id}`;
  return emissions.map(({ of, fields, attributes }) => {
    const { name, event_name: eventName, body, when, trace, id: span } = fields;
    const origins = originsOf([
      ...attributes,
      ...(name === undefined ? [] : [[SPAN_NAME, name] as const]),
      ...(eventName === undefined ? [] : [[EVENT_NAME, eventName] as const]),
      ...(body === undefined ? [] : [[BODY, body] as const]),
    ]);
    const digest = digestOf([signal, rows, of, when, trace, span, eventName]);
    return { title, digest, attributes: [...origins.keys()], origins };
  });
}

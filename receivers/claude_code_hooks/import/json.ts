import { HOOK_RANGES } from '../settings.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text that is not empty. */
export function textOf(object: JsonObject | undefined, field: string): string | undefined {
  const value = object?.[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function objectOf(object: JsonObject | undefined, field: string): JsonObject | undefined {
  const value = object?.[field];
  return isObject(value) ? value : undefined;
}

/** Beyond it a payload is refused, whatever the settings are. */
const [, DEEPEST] = HOOK_RANGES.max_depth;

/** The same text for equal values, however they were written: without spaces, keys in order. Nothing of what is too deep. */
export function canonical(value: unknown): string {
  return JSON.stringify(inOrder(value, DEEPEST));
}

function inOrder(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return null;
  if (Array.isArray(value)) return value.map((element) => inOrder(element, levels - 1));
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, inOrder(inner, levels - 1)]));
}

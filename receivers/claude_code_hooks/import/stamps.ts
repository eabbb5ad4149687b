import type { JsonObject } from './json.ts';

/** Where those who record payloads write the time; the payload itself has none. */
const STAMP_FIELDS = ['logged_at', 'timestamp'] as const;

/** Epoch seconds below this are milliseconds above it: the year 5138 and 1973. */
const SECONDS_END = 1e11;

/** When a recorded payload was given, epoch milliseconds; without a zone it is read as local time. */
export function recordedStampMs(payload: JsonObject): number | undefined {
  for (const field of STAMP_FIELDS) {
    const stampMs = epochMs(payload[field]);
    if (stampMs !== undefined) return stampMs;
  }
  return undefined;
}

/** Of an ISO 8601 text, or of epoch seconds or milliseconds; undefined for anything else. */
export function epochMs(value: unknown): number | undefined {
  if (typeof value === 'number') {
    const ms = value < SECONDS_END ? value * 1000 : value;
    return ms > 0 && ms < 8.64e15 ? Math.round(ms) : undefined;
  }
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(value)) return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}

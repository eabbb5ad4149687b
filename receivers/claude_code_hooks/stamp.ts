/** Two processes that begin at once take their stamps in any order; what is told apart by time allows for this. */
export const TOLERANCE_MS = 2000;

/** `time`, an ISO 8601 text of UTC with milliseconds, moved by `ms`. */
export function shift(time: string, ms: number): string {
  return new Date(Date.parse(time) + ms).toISOString();
}

/** The smaller of two times, of which either may be unknown. */
export function earliest(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}

/** Whether `what` at `time` comes before `other`. Of one millisecond, the order is that of their texts, whichever is heard first. */
export function precedes(time: string, what: object, otherTime: string, other: object): boolean {
  return time === otherTime ? JSON.stringify(what) < JSON.stringify(other) : time < otherTime;
}

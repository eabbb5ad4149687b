import type { ReaderStatus } from '../component.ts';

/**
 * Shares of one reader as the one reader that a user knows. What each of them does costs time and is added up; what all of
 * them find in the same source is told once.
 */
export function withoutShares(statuses: readonly ReaderStatus[]): readonly ReaderStatus[] {
  const whole = new Map<string, ReaderStatus>();
  for (const status of statuses) {
    const before = whole.get(status.id);
    whole.set(status.id, before === undefined ? status : together(before, status));
  }
  return [...whole.values()];
}

function together(a: ReaderStatus, b: ReaderStatus): ReaderStatus {
  return {
    id: a.id,
    failure: a.failure ?? b.failure,
    lastFailure: (a.lastFailure?.untilMs ?? 0) >= (b.lastFailure?.untilMs ?? 0) ? a.lastFailure : b.lastFailure,
    rowsRead: a.rowsRead + b.rowsRead,
    rowsBehind: Math.max(a.rowsBehind, b.rowsBehind),
    openRows: Math.max(a.openRows, b.openRows),
    points: a.points + b.points,
    busy: a.busy + b.busy,
    changes: highest(a.changes, b.changes),
    skipped: highest(a.skipped, b.skipped),
    pageDuration: {
      boundaries: a.pageDuration.boundaries,
      count: a.pageDuration.count + b.pageDuration.count,
      sum: a.pageDuration.sum + b.pageDuration.sum,
      bucketCounts: a.pageDuration.bucketCounts.map((count, index) => count + b.pageDuration.bucketCounts[index]!),
    },
  };
}

function highest(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const both = new Map(a);
  for (const [reason, count] of b) both.set(reason, Math.max(both.get(reason) ?? 0, count));
  return both;
}

import type { ReaderStatus } from '../component.ts';

/** What of a reader's status can be told of several at once. */
export type Combinable = Omit<ReaderStatus, 'id' | 'lastFailure'>;

type Counts = ReadonlyMap<string, number>;

/**
 * Two readers as one. What they do is added up; of what they find, `found` says whether it is different things (add), or the
 * same in one source (Math.max). A failure of one is the failure of both.
 */
export function combined(a: Combinable, b: Combinable, found: (a: number, b: number) => number): Combinable {
  return {
    failure: a.failure ?? b.failure,
    rowsRead: a.rowsRead + b.rowsRead,
    rowsBehind: found(a.rowsBehind, b.rowsBehind),
    openRows: found(a.openRows, b.openRows),
    points: a.points + b.points,
    busy: a.busy + b.busy,
    changes: byReason(a.changes, b.changes, found),
    skipped: byReason(a.skipped, b.skipped, found),
    pageDuration: {
      boundaries: a.pageDuration.boundaries,
      count: a.pageDuration.count + b.pageDuration.count,
      sum: a.pageDuration.sum + b.pageDuration.sum,
      bucketCounts: a.pageDuration.bucketCounts.map((count, index) => count + b.pageDuration.bucketCounts[index]!),
    },
  };
}

/**
 * Shares of one reader as the one reader that a user knows: what each of them does costs time and is added up, what all of
 * them find in the same source is told once.
 */
export function withoutShares(statuses: readonly ReaderStatus[]): readonly ReaderStatus[] {
  const whole = new Map<string, ReaderStatus>();
  for (const status of statuses) {
    const before = whole.get(status.id);
    whole.set(status.id, before === undefined ? status : asOne(before, status));
  }
  return [...whole.values()];
}

function asOne(a: ReaderStatus, b: ReaderStatus): ReaderStatus {
  const isLater = (b.lastFailure?.untilMs ?? 0) > (a.lastFailure?.untilMs ?? 0);
  return { ...combined(a, b, Math.max), id: a.id, lastFailure: isLater ? b.lastFailure : a.lastFailure };
}

function byReason(a: Counts, b: Counts, found: (a: number, b: number) => number): Counts {
  const both = new Map(a);
  for (const [reason, count] of b) both.set(reason, found(both.get(reason) ?? 0, count));
  return both;
}

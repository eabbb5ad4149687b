import { expect, test } from 'vitest';
import type { ReaderStatus } from '../../src/component.ts';
import { withoutShares } from '../../src/pipeline/reader-status.ts';

function status(id: string, more: Partial<ReaderStatus>): ReaderStatus {
  return {
    id,
    failure: undefined,
    lastFailure: undefined,
    rowsRead: 0,
    rowsBehind: 0,
    openRows: 0,
    points: 0,
    busy: 0,
    changes: new Map(),
    skipped: new Map(),
    pageDuration: { boundaries: [1], count: 0, sum: 0, bucketCounts: [0, 0] },
    ...more,
  };
}

test('shares of one reader are told as one: work adds up, what they find is there once', () => {
  const failure = { reason: 'busy', message: 'locked', sinceMs: 5 };
  const shares = [
    status('jobs', {
      rowsRead: 10,
      openRows: 3,
      points: 20,
      changes: new Map([['rows_deleted', 1]]),
      lastFailure: { ...failure, untilMs: 9 },
      pageDuration: { boundaries: [1], count: 2, sum: 1.5, bucketCounts: [1, 1] },
    }),
    status('other', { openRows: 7 }),
    status('jobs', {
      failure,
      rowsRead: 4,
      rowsBehind: 6,
      openRows: 2,
      points: 8,
      busy: 1,
      changes: new Map([
        ['rows_deleted', 1],
        ['older_copy', 1],
      ]),
      skipped: new Map([['negative', 2]]),
      pageDuration: { boundaries: [1], count: 1, sum: 0.5, bucketCounts: [1, 0] },
    }),
  ];
  expect(withoutShares(shares)).toEqual([
    status('jobs', {
      failure,
      lastFailure: { ...failure, untilMs: 9 },
      rowsRead: 14,
      rowsBehind: 6,
      openRows: 3,
      points: 28,
      busy: 1,
      changes: new Map([
        ['rows_deleted', 1],
        ['older_copy', 1],
      ]),
      skipped: new Map([['negative', 2]]),
      pageDuration: { boundaries: [1], count: 3, sum: 2, bucketCounts: [2, 1] },
    }),
    shares[1],
  ]);
});

import type { ReaderStatus, Status } from '../component.ts';

/** Readers that share their labels, as one. */
export interface Tally extends Omit<ReaderStatus, 'id' | 'lastFailure'> {
  readonly labels: Readonly<Record<string, string>>;
}

/** The readers of several databases under one mapping differ in what follows their name: "@" and the database's path. */
const DATABASE = /@(?:\/|[A-Za-z]:[\\/]).*$/s;

/**
 * Sums the readers of all pipelines up by receiver, or by receiver and reader: labels stay few, and tell no path, however
 * many databases a receiver reads. A failure of one is the failure of all.
 */
export function talliesOf({ pipelines }: Status, by: 'receiver' | 'reader'): readonly Tally[] {
  const tallies = new Map<string, Tally>();
  for (const receiver of pipelines.flatMap(({ receivers }) => receivers)) {
    for (const reader of receiver.readers) {
      const labels = {
        receiver: receiver.id,
        ...(by === 'reader' ? { reader: reader.id.replace(DATABASE, '') } : {}),
      };
      const key = JSON.stringify(labels);
      const before = tallies.get(key);
      tallies.set(key, before === undefined ? { ...reader, labels } : sum(before, reader));
    }
  }
  return [...tallies.values()];
}

function sum(a: Tally, b: ReaderStatus): Tally {
  return {
    labels: a.labels,
    failure: a.failure ?? b.failure,
    rowsRead: a.rowsRead + b.rowsRead,
    rowsBehind: a.rowsBehind + b.rowsBehind,
    openRows: a.openRows + b.openRows,
    points: a.points + b.points,
    busy: a.busy + b.busy,
    changes: sumByReason(a.changes, b.changes),
    skipped: sumByReason(a.skipped, b.skipped),
    pageDuration: {
      boundaries: a.pageDuration.boundaries,
      count: a.pageDuration.count + b.pageDuration.count,
      sum: a.pageDuration.sum + b.pageDuration.sum,
      bucketCounts: a.pageDuration.bucketCounts.map((count, index) => count + b.pageDuration.bucketCounts[index]!),
    },
  };
}

function sumByReason(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const sums = new Map(a);
  for (const [reason, count] of b) sums.set(reason, (sums.get(reason) ?? 0) + count);
  return sums;
}

import type { Status } from '../component.ts';
import { combined, type Combinable } from '../pipeline/reader-status.ts';

/** Readers that share their labels, as one. */
export interface Tally extends Combinable {
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
      tallies.set(key, { ...(before === undefined ? reader : combined(before, reader, add)), labels });
    }
  }
  return [...tallies.values()];
}

function add(a: number, b: number): number {
  return a + b;
}

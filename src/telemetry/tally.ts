import type { Status } from '../component.ts';
import type { Signal } from '../pipeline/signals.ts';
import { combined, type Combinable } from '../pipeline/reader-status.ts';

/** Readers that share their labels, as one. */
export interface Tally extends Combinable {
  /** Of the pipelines; what readers bring there is points, spans or log records. */
  readonly signal: Signal;
  readonly labels: Readonly<Record<string, string>>;
}

/** The readers of several databases under one mapping differ in what follows their name: "@" and the database's path. */
const DATABASE = /@(?:\/|[A-Za-z]:[\\/]).*$/s;

/**
 * Sums the readers of all pipelines up by receiver, or by receiver and reader, for each exporter of records: labels stay few, and tell no path, however
 * many databases a receiver reads. A failure of one is the failure of all.
 */
export function talliesOf({ pipelines }: Status, by: 'receiver' | 'reader'): readonly Tally[] {
  const tallies = new Map<string, Tally>();
  const receivers = pipelines.flatMap((pipeline) =>
    pipeline.receivers.map((one) => ({ ...one, signal: pipeline.signal })),
  );
  for (const { signal, ...receiver } of receivers) {
    for (const reader of receiver.readers) {
      const labels = {
        receiver: receiver.id,
        ...(by === 'reader' ? { reader: reader.id.replace(DATABASE, '') } : {}),
        // What is sent goes at the pace of each exporter.
        ...(receiver.exporter === undefined ? {} : { signal, exporter: receiver.exporter }),
      };
      const key = JSON.stringify(labels);
      const before = tallies.get(key);
      tallies.set(key, { ...(before === undefined ? reader : combined(before, reader, add)), signal, labels });
    }
  }
  return [...tallies.values()];
}

function add(a: number, b: number): number {
  return a + b;
}

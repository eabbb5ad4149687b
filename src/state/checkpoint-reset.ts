import type Database from 'better-sqlite3';
import { ABSENT_ROWS } from './database.ts';
import { prepareStatements } from './statements.ts';

/** A reader as it is kept, with all metrics of it that are counted apart. */
export interface KeptUnder {
  readonly pipeline: string;
  readonly receiver: string;
  /** 'metrics', or the exporter that it sends to. */
  readonly sink: string;
  readonly reader: string;
  readonly keyScope: string;
}

/** What was dropped. */
export interface Dropped {
  readonly readers: number;
  readonly openRows: number;
  readonly onceKeys: number;
  readonly series: number;
}

/**
 * Drops all that is kept of these readers, in one transaction: they begin anew. What other readers of a pipeline add to the
 * same metrics stays and begins to count at `nowMs` too: the sum falls. The database is a state of nobody else's.
 */
export function resetReaders(db: Database.Database, readers: readonly KeptUnder[], nowMs: number): Dropped {
  db.exec(ABSENT_ROWS);
  const sql = prepareStatements(db);
  const dropped = { readers: 0, openRows: 0, onceKeys: 0, series: 0 };
  db.transaction(() => {
    for (const { pipeline, receiver, sink, reader, keyScope } of readers) {
      const lane = [pipeline, receiver, sink] as const;
      for (const share of sql.findShares.all({ pipeline, receiver, sink, reader })) {
        for (const metric of sql.metrics.all(share.id)) {
          dropped.series += sql.dropSeries.run(metric.id).changes;
          sql.dropMetric.run(metric.id);
          sql.restartSeries.run(nowMs, metric.metric, pipeline);
        }
        dropped.openRows += sql.dropOpenRows.run(share.id).changes;
        sql.dropAbsentRows.run(share.id);
        const scope = sql.findScope.get(...lane, keyScope + share.reader.slice(reader.length));
        if (scope !== undefined) dropped.onceKeys += sql.dropKeys.run(scope).changes;
        dropped.readers += sql.dropReader.run(share.id).changes;
      }
    }
  }).immediate();
  return dropped;
}

import type Database from 'better-sqlite3';

export interface OpenRowRecord {
  readonly row_id: number;
  readonly identity: string;
  readonly key: string | null;
  readonly first_seen_ms: number;
  readonly bases: string | null;
}

export interface SeriesRecord {
  readonly attributes: string;
  readonly start_time_ms: number;
  readonly value: string;
}

type Lane = [pipeline: string, receiver: string, sink: string];

/** Every statement on the state, prepared once for a connection. */
export type Statements = ReturnType<typeof prepareStatements>;

export function prepareStatements(db: Database.Database) {
  return {
    findReader: db.prepare<[...Lane, reader: string], { id: number; position: string | null; caught_up: number }>(
      'SELECT id, position, caught_up FROM readers WHERE pipeline = ? AND receiver = ? AND sink = ? AND reader = ?',
    ),
    addReader: db.prepare<[...Lane, reader: string]>(
      'INSERT INTO readers (pipeline, receiver, sink, reader) VALUES (?, ?, ?, ?)',
    ),
    saveReader: db.prepare<[position: string | null, caughtUp: number, id: number]>(
      'UPDATE readers SET position = ?, caught_up = ? WHERE id = ?',
    ),

    /** A reader and what was divided from it: its id, and its id with "+" and a number. */
    findShares: db.prepare<
      { pipeline: string; receiver: string; sink: string; reader: string },
      { id: number; reader: string; position: string | null }
    >(
      `SELECT id, reader, position FROM readers
       WHERE pipeline = :pipeline AND receiver = :receiver AND sink = :sink
         AND (reader = :reader OR (substr(reader, 1, length(:reader) + 1) = :reader || '+'
              AND substr(reader, length(:reader) + 2) NOT GLOB '*[^0-9]*'))
       ORDER BY id`,
    ),
    dropReader: db.prepare<[id: number]>('DELETE FROM readers WHERE id = ?'),

    openRows: db.prepare<[reader: number], OpenRowRecord>(
      'SELECT row_id, identity, key, first_seen_ms, bases FROM open_rows WHERE reader = ? ORDER BY row_id',
    ),
    saveOpenRow: db.prepare<[number, number, string, string | null, number, string | null]>(
      'REPLACE INTO open_rows (reader, row_id, identity, key, first_seen_ms, bases) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    dropOpenRow: db.prepare<[reader: number, rowId: number]>('DELETE FROM open_rows WHERE reader = ? AND row_id = ?'),
    dropOpenRows: db.prepare<[reader: number]>('DELETE FROM open_rows WHERE reader = ?'),

    absentRows: db.prepare<[reader: number], OpenRowRecord>(
      "SELECT row_id, identity, nullif(key, '') AS key, first_seen_ms, bases FROM absent_rows WHERE reader = ? ORDER BY row_id",
    ),
    saveAbsentRow: db.prepare<[number, number, string, string, number, string | null]>(
      'REPLACE INTO absent_rows (reader, row_id, identity, key, first_seen_ms, bases) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    dropAbsentRow: db.prepare<[reader: number, rowId: number, identity: string, key: string]>(
      'DELETE FROM absent_rows WHERE reader = ? AND row_id = ? AND identity = ? AND key = ?',
    ),
    dropAbsentRows: db.prepare<[reader: number]>('DELETE FROM absent_rows WHERE reader = ?'),
    /** Gives the absent rows of `to` the bases that those of `from` have too. */
    joinAbsentRows: db.prepare<{ to: number; from: number }>(
      `UPDATE absent_rows SET bases = json_patch(coalesce(absent_rows.bases, '{}'), other.bases) FROM absent_rows AS other
       WHERE absent_rows.reader = :to AND other.reader = :from AND other.bases IS NOT NULL
         AND (other.row_id, other.identity, other.key) = (absent_rows.row_id, absent_rows.identity, absent_rows.key)`,
    ),

    findScope: db
      .prepare<[...Lane, scope: string], number>(
        'SELECT id FROM key_scopes WHERE pipeline = ? AND receiver = ? AND sink = ? AND scope = ?',
      )
      .pluck(),
    addScope: db.prepare<[...Lane, scope: string]>(
      'INSERT INTO key_scopes (pipeline, receiver, sink, scope) VALUES (?, ?, ?, ?)',
    ),
    findKey: db
      .prepare<[scope: number, key: string], number>('SELECT 1 FROM once_keys WHERE scope = ? AND key = ?')
      .pluck(),
    takeKey: db.prepare<[scope: number, key: string]>('INSERT OR IGNORE INTO once_keys (scope, key) VALUES (?, ?)'),
    dropKeys: db.prepare<[scope: number]>('DELETE FROM once_keys WHERE scope = ?'),

    metrics: db.prepare<[reader: number], { id: number; metric: string; digest: string }>(
      'SELECT id, metric, digest FROM metrics WHERE reader = ?',
    ),
    addMetric: db.prepare<[reader: number, metric: string, digest: string]>(
      'INSERT INTO metrics (reader, metric, digest) VALUES (?, ?, ?)',
    ),
    moveMetrics: db.prepare<[to: number, from: number]>('UPDATE metrics SET reader = ? WHERE reader = ?'),
    dropMetric: db.prepare<[id: number]>('DELETE FROM metrics WHERE id = ?'),
    series: db.prepare<[metric: number], SeriesRecord>(
      'SELECT attributes, start_time_ms, value FROM series WHERE metric = ?',
    ),
    saveSeries: db.prepare<[metric: number, attributes: string, startTimeMs: number, value: string]>(
      'INSERT INTO series (metric, attributes, start_time_ms, value) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    ),
    /** Of one metric, in all readers of a pipeline: what it counts begins then. */
    restartSeries: db.prepare<[startTimeMs: number, metric: string, pipeline: string]>(
      `UPDATE series SET start_time_ms = ? WHERE metric IN (
         SELECT metrics.id FROM metrics JOIN readers ON readers.id = metrics.reader
         WHERE metrics.metric = ? AND readers.pipeline = ?)`,
    ),
    dropSeries: db.prepare<[metric: number]>('DELETE FROM series WHERE metric = ?'),
  };
}

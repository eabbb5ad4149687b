import { expect, test } from 'vitest';
import { resetReaders } from '../../src/state/checkpoint-reset.ts';
import { openDatabase } from '../../src/state/database.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

test('what other readers of the pipeline add to a metric of the table begins to count anew with it', () => {
  const { db } = openDatabase({ directory: undefined, digest: (text) => text, now: () => 0, logger: silent });
  const readers = [
    ['metrics', 'jobs'],
    ['metrics', 'errors'],
    ['metrics/other', 'errors'],
  ] as const;
  for (const [index, [pipeline, reader]] of readers.entries()) {
    db.prepare("INSERT INTO readers (id, pipeline, receiver, sink, reader) VALUES (?, ?, 'sqlite', 'metrics', ?)").run(
      index,
      pipeline,
      reader,
    );
    for (const metric of ['shared', reader]) {
      const { lastInsertRowid } = db
        .prepare("INSERT INTO metrics (reader, metric, digest) VALUES (?, ?, '')")
        .run(index, metric);
      db.prepare("INSERT INTO series (metric, attributes, start_time_ms, value) VALUES (?, '{}', 100, '1')").run(
        lastInsertRowid,
      );
    }
  }
  resetReaders(
    db,
    [{ pipeline: 'metrics', receiver: 'sqlite', sink: 'metrics', reader: 'jobs', keyScope: 'jobs' }],
    500,
  );
  const rows = db
    .prepare(
      `SELECT pipeline, readers.reader AS reader, metrics.metric AS metric, start_time_ms FROM series
       JOIN metrics ON metrics.id = series.metric JOIN readers ON readers.id = metrics.reader ORDER BY 1, 2, 3`,
    )
    .raw()
    .all();
  db.close();
  expect(rows).toEqual([
    ['metrics', 'errors', 'errors', 100],
    ['metrics', 'errors', 'shared', 500],
    ['metrics/other', 'errors', 'errors', 100],
    ['metrics/other', 'errors', 'shared', 100],
  ]);
});

import { existsSync } from 'node:fs';
import path from 'node:path';
import { openBeside } from './checkpoint-list.ts';
import { STATE_FILE } from './database.ts';

/** Whose position, open rows and totals the state keeps. */
export interface KeptReader {
  readonly pipeline: string;
  readonly receiver: string;
  /** 'metrics', or the exporter that it sends to. */
  readonly sink: string;
  /** Its id. */
  readonly reader: string;
}

/** What the state in a folder keeps, read beside a running collector; nothing where there is none. Throws Error with the reason. */
export function keptReaders(directory: string): readonly KeptReader[] {
  const file = path.join(directory, STATE_FILE);
  if (!existsSync(file)) return [];
  const database = openBeside(file);
  try {
    // "invocations+2" are metrics of "invocations" that were redefined and are counted anew.
    return database
      .prepare<[], KeptReader>(
        `SELECT DISTINCT pipeline, receiver, sink, iif(reader GLOB '*+[0-9]', substr(reader, 1, length(reader) - 2), reader) AS reader FROM readers ORDER BY id`,
      )
      .all();
  } finally {
    database.close();
  }
}

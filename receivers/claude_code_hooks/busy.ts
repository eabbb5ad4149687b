import Database from 'better-sqlite3';

/** So that 64 hooks that found the database locked at once do not come back at once. */
const LONGEST_PAUSE_MS = 20;

/**
 * What SQLite itself waits for a lock, in milliseconds, at each try; the rest of the patience is `whileBusy`, since SQLite
 * does not wait at all where it suspects a deadlock (BUSY_SNAPSHOT), another's recovery, or a change of the journal mode.
 */
export const LOCK_TIMEOUT_MS = 100;

/** Does `work` again as long as the database is locked; from `deadlineMs` of performance.now() on, throws what it threw. */
export function whileBusy<T>(deadlineMs: number, work: () => T): T {
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadlineMs) throw error;
      pause(1 + Math.random() * LONGEST_PAUSE_MS);
    }
  }
}

export function isBusy(error: unknown): boolean {
  // PROTOCOL: too many opened a write-ahead log in the same instant.
  return error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(error.code);
}

/** Blocks: nothing else happens in a process that writes one event. */
export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

import { statSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Database } from 'better-sqlite3';
import { isBusy } from './busy.ts';
import { openHookDatabase } from './database.ts';
import { decode } from './decode.ts';
import type { HookEvent, Refusal } from './event.ts';
import { prepareHookDatabase } from './prepare.ts';
import { hookDigest, hookSettings, writeHookSettings, type HookSettings } from './settings.ts';
import { HookWriter } from './writer.ts';

/** How long a locked database is tried again: an agent waits for the answer. */
const PATIENCE_MS = 2_000;
const LONGEST_PAUSE_MS = 20;
/** Writing the log back holds up the event that comes to it: of a hundred events, with SQLite's 1 000 pages, about one. */
const CHECKPOINT_PAGES = 4_000;

interface Connection {
  readonly db: Database;
  readonly writer: HookWriter;
  readonly digest: (text: string) => string;
  /** Device and inode. */
  readonly fileId: string;
}

/**
 * The database of the hooks, written to by a process that does other things as well: a lock is never waited for, but tried
 * again after a pause. A file that was deleted or replaced is opened anew, or made.
 */
export class HookStore {
  readonly #file: string;
  readonly #settings: HookSettings;
  readonly #patienceMs: number;
  #connection: Connection | undefined;

  /** The command finds these settings in the database, too. */
  constructor(file: string, settings: HookSettings, patienceMs = PATIENCE_MS) {
    this.#file = file;
    this.#settings = settings;
    this.#patienceMs = patienceMs;
  }

  /** Makes the database ready. Rejects with HookDatabaseError, and with what SQLite and the file system throw. */
  async open(): Promise<void> {
    await whenFree(this.#patienceMs, () => this.#connected());
  }

  /** Stores the event that a text tells of, or counts it as refused. Rejects as `open` does. */
  async store(text: Buffer, stampMs: number): Promise<Refusal | undefined> {
    let decoded: HookEvent | Refusal | undefined;
    return await whenFree(this.#patienceMs, () => {
      const { writer, digest } = this.#connected();
      decoded ??= decode(text, this.#settings, stampMs, digest);
      if (decoded.kind !== 'refusal') {
        writer.write(decoded);
        return undefined;
      }
      writer.refuse(decoded);
      return decoded;
    });
  }

  /** Counts what was refused unread. Rejects as `open` does. */
  async refuse(refusal: Refusal): Promise<void> {
    await whenFree(this.#patienceMs, () => {
      this.#connected().writer.refuse(refusal);
    });
  }

  close(): void {
    this.#connection?.db.close();
    this.#connection = undefined;
  }

  #connected(): Connection {
    const before = this.#connection;
    if (before !== undefined && before.fileId === fileId(this.#file)) return before;
    // Of a file that has gone, SQLite leaves the log of its successor alone.
    this.close();
    const db = openHookDatabase(this.#file) ?? prepareHookDatabase(this.#file, performance.now());
    try {
      db.pragma('busy_timeout = 0');
      db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      if (!isDeepStrictEqual(hookSettings(db), this.#settings)) writeHookSettings(db, this.#settings);
    } catch (error) {
      db.close();
      throw error;
    }
    const writer = new HookWriter(db, { live: true });
    const connection = { db, writer, digest: hookDigest(db), fileId: fileId(this.#file) };
    this.#connection = connection;
    return connection;
  }
}

function fileId(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.dev}:${stats.ino}`;
}

/** Does `work` again, after pauses, as long as the database is locked. */
async function whenFree<T>(patienceMs: number, work: () => T): Promise<T> {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadlineMs) throw error;
      await wait(1 + Math.random() * LONGEST_PAUSE_MS);
    }
  }
}

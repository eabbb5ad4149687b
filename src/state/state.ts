import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Logger } from '../component.ts';
import { ConfigError, describeError } from '../errors.ts';
import { fileIdOf, isUnusable, openDatabase, setAside, type OpenedDatabase } from './database.ts';
import { createDigest } from './digest.ts';
import { prepareStatements, type Statements } from './statements.ts';

/** A commit per page costs five times as much; a kill re-reads what was not committed. */
const COMMIT_INTERVAL_MS = 250;
/** Each key lands on a database page of its own once there are many, and a commit writes them all while the event loop waits. */
const KEYS_PER_COMMIT = 500;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;

/** Whoever keeps something in the state: the lanes. All are read, written and published together. */
export interface StateMember {
  /** Reads everything from the state, forgetting what is in memory. Runs in a transaction. */
  load(): void;
  /** Writes what changed since the last commit. Runs in the transaction. */
  write(): void;
  /** What was written is safe now: publish it. */
  committed(): void;
  /** Every member has published. */
  announce(): void;
  /** The state can be used again after a failure; `load` has been called. */
  resume(): void;
}

export interface StateOptions {
  /** Where the state is kept; undefined: in a temporary database that ends with the process. */
  readonly storage: { readonly directory: string; secret(name: string): Buffer; reclaim(): void } | undefined;
  readonly logger: Logger;
  readonly now: () => number;
  /** Called when the state cannot be written or read any more; everything on it stands still until it recovers. */
  readonly onFailure?: () => void;
  /** Monotonic milliseconds. */
  readonly elapsed?: () => number;
}

export interface StateFailure {
  readonly message: string;
  readonly sinceMs: number;
}

/**
 * The state database of one storage and its one transaction: pages are applied to memory (and their once-keys to the
 * pending transaction), `commit` writes the rest, and only then is anything published. A failure has one remedy, the same
 * as a crash: roll back, forget the memory, load again.
 */
export class State {
  readonly digest: (text: string) => string;
  readonly #options: StateOptions;
  readonly #elapsed: () => number;
  #members: StateMember[] = [];
  #opened: OpenedDatabase;
  #sql: Statements;
  #pendingSince: number | undefined;
  #pendingKeys = 0;
  #failure: (StateFailure & { readonly error: unknown }) | undefined;
  #available = true;
  #pauseMs = FIRST_PAUSE_MS;
  #retry: NodeJS.Timeout | undefined;

  /** Throws ConfigError where the user must act. */
  constructor(options: StateOptions) {
    this.#options = options;
    this.#elapsed = options.elapsed ?? (() => performance.now());
    this.digest = createDigest(options.storage?.secret('digest') ?? randomBytes(32));
    try {
      this.#opened = this.#open();
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      throw new ConfigError(`open the state in ${options.storage?.directory ?? 'memory'}: ${describeError(error)}`, {
        cause: error,
      });
    }
    this.#sql = prepareStatements(this.#opened.db);
  }

  /** The statements of the present connection: ask for them each time, never keep them. */
  get sql(): Statements {
    return this.#sql;
  }

  /** false while a failure lasts: nothing may be read or applied. */
  get available(): boolean {
    return this.#available;
  }

  /** Set from the first failure until a commit succeeds again. */
  get failure(): StateFailure | undefined {
    return this.#failure;
  }

  /**
   * Loads the member and takes it into every commit from now on. Throws where the first member cannot be loaded; where
   * there are others, it waits with them until the state can be used again.
   */
  join(member: StateMember): void {
    if (!this.#available) {
      this.#members.push(member);
      return;
    }
    try {
      this.#load([member]);
    } catch (error) {
      if (!isUnusable(error)) {
        if (this.#members.length === 0) throw error;
        this.#members.push(member);
        this.fail(error);
        return;
      }
      this.#setAside(error);
      this.#opened = this.#open();
      this.#sql = prepareStatements(this.#opened.db);
      this.#load([...this.#members, member]);
    }
    this.#members.push(member);
    member.announce();
  }

  /** Commits what the member has read and lets it go: what it keeps is for whoever joins under the same key. */
  leave(member: StateMember): void {
    this.commit();
    this.#members = this.#members.filter((other) => other !== member);
  }

  /** Reads a member's state again, as after a failure: what it keeps in the state is more than it was. */
  reload(member: StateMember): void {
    try {
      this.commit();
      if (this.#available) this.#load([member]);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Something in memory waits for a commit. */
  changed(): void {
    this.#pendingSince ??= this.#elapsed();
  }

  /** Takes once-keys, at once but in the pending transaction. */
  takeKeys(scope: number, keys: readonly string[]): void {
    if (!this.#opened.db.inTransaction) this.#opened.db.exec('BEGIN IMMEDIATE');
    for (const key of keys) this.#sql.takeKey.run(scope, key);
    this.#pendingKeys += keys.length;
  }

  /** Whether what is pending should be committed now, even though there is more to read. */
  get due(): boolean {
    return (
      this.#pendingSince !== undefined &&
      (this.#pendingKeys >= KEYS_PER_COMMIT || this.#elapsed() - this.#pendingSince >= COMMIT_INTERVAL_MS)
    );
  }

  /** Writes and publishes all that is pending. Never throws: a failure makes the state unavailable until it recovers. */
  commit(): void {
    if (this.#pendingSince === undefined || !this.#available) return;
    try {
      this.#checkFile();
      const { db } = this.#opened;
      if (!db.inTransaction) db.exec('BEGIN IMMEDIATE');
      for (const member of this.#members) member.write();
      db.exec('COMMIT');
      this.#opened.checkpoint?.step();
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#forgetPending();
    if (this.#failure !== undefined) {
      this.#options.logger.info('the state is written again');
      this.#failure = undefined;
      this.#pauseMs = FIRST_PAUSE_MS;
    }
    for (const member of this.#members) member.committed();
    for (const member of this.#members) member.announce();
  }

  /** Something on the state failed, or memory may disagree with it: start again from what is committed, after a pause. */
  fail(error: unknown): void {
    if (!this.#available) return;
    this.#available = false;
    this.#forgetPending();
    const message = describeError(error);
    if (this.#failure?.message !== message) {
      this.#options.logger.error('the state cannot be written; reading stops until it can', { reason: message });
    }
    this.#failure = { message, sinceMs: this.#failure?.sinceMs ?? this.#options.now(), error };
    this.#options.onFailure?.();
    this.#scheduleRecovery();
  }

  /** Commits what is pending and lets go of the file. */
  close(): void {
    this.commit();
    clearTimeout(this.#retry);
    this.#available = false;
    this.#opened.db.close();
  }

  #scheduleRecovery(): void {
    const pauseMs = this.#pauseMs * (0.5 + Math.random() / 2);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    this.#retry = setTimeout(() => {
      this.#recover();
    }, pauseMs);
  }

  #recover(): void {
    try {
      this.#reopen();
      this.#load(this.#members);
    } catch (error) {
      this.#options.logger.debug('the state cannot be opened yet', { reason: describeError(error) });
      if (this.#failure !== undefined) this.#failure = { ...this.#failure, error };
      if (this.#opened.path === undefined) this.#opened.db.close();
      this.#scheduleRecovery();
      return;
    }
    this.#available = true;
    for (const member of this.#members) member.resume();
  }

  /** A temporary database lives as long as its connection, so that one is kept as long as it can be rolled back. */
  #reopen(): void {
    const { db, path } = this.#opened;
    const error = this.#failure?.error;
    if (path === undefined && db.open && !isUnusable(error)) {
      if (db.inTransaction) db.exec('ROLLBACK');
      return;
    }
    if (isUnusable(error)) this.#setAside(error);
    else db.close();
    this.#options.storage?.reclaim();
    this.#opened = this.#open();
    this.#sql = prepareStatements(this.#opened.db);
  }

  #open(): OpenedDatabase {
    const { storage, now, logger } = this.#options;
    return openDatabase({ directory: storage?.directory, digest: this.digest, now, logger });
  }

  #setAside(error: unknown): void {
    const { db, path } = this.#opened;
    db.close();
    if (path === undefined || fileIdOf(path) === undefined) return;
    this.#options.logger.error('the state is corrupt and was set aside; everything is counted anew from the sources', {
      reason: describeError(error),
      kept: setAside(path, error, this.#options.now()),
    });
  }

  #load(members: readonly StateMember[]): void {
    const { db } = this.#opened;
    // A member may join while others have keys in the pending transaction: their commit stays their own.
    if (db.inTransaction) this.commit();
    db.exec('BEGIN IMMEDIATE');
    try {
      for (const member of members) member.load();
      db.exec('COMMIT');
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  #checkFile(): void {
    const { path, fileId } = this.#opened;
    if (path !== undefined && fileIdOf(path) !== fileId) throw new Error(`${path} was taken away`);
  }

  #forgetPending(): void {
    this.#pendingSince = undefined;
    this.#pendingKeys = 0;
  }
}

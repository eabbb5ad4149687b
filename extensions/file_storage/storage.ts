import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import type { StorageExtension } from '../../src/component.ts';
import { describeError } from '../../src/errors.ts';
import type { Config } from './config.ts';
import { preparePrivateDirectory, refused } from './directory.ts';
import { readOrCreateSecret } from './secret.ts';

const LOCK_FILE = 'lock.db';

/**
 * A private folder, locked while started. Node has no flock: the lock is an exclusive transaction on a small SQLite file of
 * its own, which the kernel releases when the process dies, however it dies, while the state beside it stays readable.
 */
export class FileStorage implements StorageExtension {
  readonly directory: string;
  readonly #secrets = new Map<string, Buffer>();
  #lock: Lock | undefined;

  constructor({ directory }: Config) {
    this.directory = path.resolve(directory);
  }

  async start(): Promise<void> {
    preparePrivateDirectory(this.directory);
    this.#lock ??= takeLock(this.directory);
  }

  async shutdown(): Promise<void> {
    this.#lock?.database.close();
    this.#lock = undefined;
  }

  secret(name: string): Buffer {
    if (this.#lock === undefined) throw new Error('the storage has not started');
    let secret = this.#secrets.get(name);
    if (secret === undefined) {
      secret = readOrCreateSecret(this.directory, name);
      this.#secrets.set(name, secret);
    }
    return secret;
  }

  reclaim(): void {
    const before = this.#lock;
    if (before === undefined) throw new Error('the storage has not started');
    preparePrivateDirectory(this.directory);
    if (fileId(this.directory) !== before.fileId) {
      // The lock on a file that nobody finds any more keeps nobody out.
      this.#lock = takeLock(this.directory);
      before.database.close();
    }
    for (const [name, secret] of this.#secrets) readOrCreateSecret(this.directory, name, secret);
  }
}

interface Lock {
  readonly database: Database.Database;
  /** Which file it is on. */
  readonly fileId: string;
}

function fileId(directory: string): string {
  const stats = statSync(path.join(directory, LOCK_FILE), { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.dev}:${stats.ino}`;
}

function takeLock(directory: string): Lock {
  const file = path.join(directory, LOCK_FILE);
  let lock: Database.Database | undefined;
  try {
    createPrivately(file);
    lock = new Database(file, { timeout: 0 });
    // Nothing is ever written into it: a journal would only be one more file to wonder about.
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
    return { database: lock, fileId: fileId(directory) };
  } catch (error) {
    lock?.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
      throw refused(
        `another agentcol uses ${directory}: stop it, or give this one a file_storage::directory of its own`,
      );
    }
    throw refused(`lock ${file}: ${describeError(error)}`);
  }
}

/** SQLite would create it under the umask. A file that is there is not opened: closing it again would end a lock on it of this process. */
function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    chmodSync(file, 0o600);
  }
}

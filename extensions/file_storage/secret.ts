import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, describeError } from '../../src/errors.ts';

const SECRET_BYTES = 32;

/**
 * The key file's bytes. When it is missing it is made: of `known`, which it held before it was taken away, or anew. Throws
 * ConfigError for a file that cannot be such a key.
 */
export function readOrCreateSecret(directory: string, name: string, known?: Buffer): Buffer {
  if (!/^[a-z][a-z0-9_-]*$/.test(name)) throw new Error(`not a name for a key file: ${name}`);
  const file = path.join(directory, `${name}.key`);
  const secret = readSecret(directory, file, known);
  if (secret.length !== SECRET_BYTES) {
    throw new ConfigError(
      `${file} holds ${secret.length} bytes instead of ${SECRET_BYTES}: restore it, or delete it (all that was made with it begins anew)`,
    );
  }
  return secret;
}

function readSecret(directory: string, file: string, known: Buffer | undefined): Buffer {
  try {
    if (statSync(file, { throwIfNoEntry: false }) === undefined) {
      createSecret(directory, file, known ?? randomBytes(SECRET_BYTES));
    }
    return readFileSync(file);
  } catch (error) {
    throw new ConfigError(`key file ${file}: ${describeError(error)}`, { cause: error });
  }
}

/** Whole and on disk, or not at all: a key that is lost after its first use would orphan all that was made with it. */
function createSecret(directory: string, file: string, secret: Buffer): void {
  const draft = `${file}.new`;
  // Left by a process that died here; the folder is locked, so it is nobody else's.
  rmSync(draft, { force: true });
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeFileSync(descriptor, secret);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
  syncDirectory(directory);
}

function syncDirectory(directory: string): void {
  // Windows cannot open a folder; its renames are journalled.
  if (process.platform === 'win32') return;
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

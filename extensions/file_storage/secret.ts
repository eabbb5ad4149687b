import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { refused } from './directory.ts';

const SECRET_BYTES = 32;

/** The key file's bytes; generated when missing. Throws ConfigError for a file that cannot be such a key. */
export function readOrCreateSecret(directory: string, name: string): Buffer {
  if (!/^[a-z][a-z0-9_-]*$/.test(name)) throw new Error(`not a name for a key file: ${name}`);
  const file = path.join(directory, `${name}.key`);
  if (statSync(file, { throwIfNoEntry: false }) === undefined) createSecret(directory, file);
  const secret = readFileSync(file);
  if (secret.length !== SECRET_BYTES) {
    throw refused(
      `${file} holds ${secret.length} bytes instead of ${SECRET_BYTES}: restore it, or delete it (all that was made with it begins anew)`,
    );
  }
  return secret;
}

/** Whole and on disk, or not at all: a key that is lost after its first use would orphan all that was made with it. */
function createSecret(directory: string, file: string): void {
  const draft = `${file}.new`;
  // Left by a process that died here; the folder is locked, so it is nobody else's.
  rmSync(draft, { force: true });
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeSync(descriptor, randomBytes(SECRET_BYTES));
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

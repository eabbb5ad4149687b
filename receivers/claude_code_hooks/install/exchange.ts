import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import path from 'node:path';

const BACKUPS_KEPT = 5;
const ROOT = 0;

/** undefined: somebody else changed the file meanwhile, and nothing was done. */
export type Exchanged = { readonly backup: string | undefined } | undefined;

/** Makes a file that was not there, private, and its folder where that is missing. */
export function create(target: string, text: string): Exchanged {
  const folder = path.dirname(target);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const temporary = writeTemporary(target, text, undefined);
  try {
    // Fails where somebody was faster; a rename would replace what they wrote.
    linkSync(temporary, target);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return undefined;
    throw error;
  } finally {
    unlinkSync(temporary);
  }
  synchronize(folder);
  return { backup: undefined };
}

/**
 * Replaces a file whose content is `before`. What was there is kept beside it, under the time, the newest five. The old file
 * or the new one is there at every instant. Only who replaces it between the last look and the rename, two system calls, is
 * overlooked: a file system cannot be asked to compare and rename at once.
 */
export function exchange(target: string, before: Buffer, text: string, nowMs: number): Exchanged {
  let temporary: string | undefined;
  let backup: string | undefined;
  try {
    temporary = writeTemporary(target, text, statSync(target));
    backup = keep(target, nowMs);
    if (!readFileSync(backup).equals(before) || !isSameFile(target, backup, before)) return undefined;
    renameSync(temporary, target);
    temporary = undefined;
    const kept = backup;
    backup = undefined;
    if (!readFileSync(kept).equals(before)) {
      // Somebody had it open, and wrote into it at that moment: it comes back, and is edited once more.
      renameSync(kept, target);
      return undefined;
    }
    synchronize(path.dirname(target));
    for (const old of backupsOf(target).slice(BACKUPS_KEPT)) unlinkSync(old);
    return { backup: kept };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  } finally {
    for (const left of [temporary, backup]) if (left !== undefined) rmSync(left, { force: true });
  }
}

/** Takes a file away whose content is `before`. */
export function takeAway(target: string, before: Buffer): Exchanged {
  if (!readFileSync(target).equals(before)) return undefined;
  unlinkSync(target);
  synchronize(path.dirname(target));
  return { backup: undefined };
}

/** What exchange has kept of a file, the newest first. */
export function backupsOf(target: string): readonly string[] {
  const folder = path.dirname(target);
  const prefix = `${path.basename(target)}.agentcol-`;
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && name.endsWith('.bak'))
    .sort()
    .reverse()
    .map((name) => path.join(folder, name));
}

/** A new private file beside the target, on the disk before anybody finds it. */
function writeTemporary(target: string, text: string, like: Stats | undefined): string {
  const file = `${target}.agentcol-${randomBytes(6).toString('hex')}.tmp`;
  const descriptor = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    writeFileSync(descriptor, text);
    if (like !== undefined) {
      if (process.getuid?.() === ROOT || (process.getuid !== undefined && process.getuid() !== like.uid)) {
        fchownSync(descriptor, like.uid, like.gid);
      }
      fchmodSync(descriptor, like.mode & 0o777);
    }
    fsyncSync(descriptor);
    return file;
  } catch (error) {
    unlinkSync(file);
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** A second name of the very file, so that what a slow writer adds is kept, too; a copy where links are unknown. */
function keep(target: string, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replaceAll(/[-:]/g, '');
  for (let number = 1; ; number += 1) {
    const backup = `${target}.agentcol-${time}-${number}.bak`;
    try {
      linkSync(target, backup);
      return backup;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') continue;
      if (codeOf(error) === 'ENOENT') throw error;
      copyFileSync(target, backup, constants.COPYFILE_EXCL);
      return backup;
    }
  }
}

/** The backup keeps its inode number from being used again, so an equal one is the file of before. */
function isSameFile(target: string, backup: string, before: Buffer): boolean {
  const kept = statSync(backup);
  return kept.nlink > 1 ? statSync(target).ino === kept.ino : readFileSync(target).equals(before);
}

/** So that a new name survives a power cut. */
function synchronize(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

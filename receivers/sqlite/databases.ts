import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Whether a path names files by a pattern: * and ? in its last element. */
export function isGlob(path: string): boolean {
  return /[*?]/.test(basename(path));
}

/** Whether the pattern stands where it is not understood. */
export function hasGlobInFolder(path: string): boolean {
  return /[*?]/.test(dirname(path));
}

/**
 * The files that exist for a path: itself, there or not, or what its pattern matches now, sorted. None in a folder that is
 * not there or cannot be listed now: it is looked at again.
 */
export function filesOf(path: string): string[] {
  if (!isGlob(path)) return [path];
  const folder = dirname(path);
  const pattern = patternOf(basename(path));
  try {
    return readdirSync(folder)
      .filter((name) => pattern.test(name))
      .sort()
      .map((name) => join(folder, name));
  } catch (error) {
    if (error instanceof Error && 'code' in error) return [];
    throw error;
  }
}

/** As a shell's: a leading dot must be written; SQLite's own companions never match. */
function patternOf(glob: string): RegExp {
  const body = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^(?!\\.)(?!.*-(?:wal|shm|journal)$)${body}$`);
}

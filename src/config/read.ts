import { closeSync, openSync, readSync } from 'node:fs';

/** Of one file, whether configuration or ${file:...}: far beyond any real one, and yaml needs a second for it at worst. */
const MAX_KIB = 256;
const MAX_BYTES = MAX_KIB * 1024;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
  ELOOP: 'too many symbolic links',
};

/** The text of a UTF-8 file, without a byte order mark. Throws Error with a reason fit for the user, without the name. */
export function readText(file: string): string {
  const bytes = readBytes(file);
  if (bytes.length > MAX_BYTES) throw new Error(`larger than ${MAX_KIB} KiB`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error('not UTF-8 text', { cause: error });
  }
}

/** At most one byte more than the limit, so that a pipe or a device that never ends is no trap. */
function readBytes(file: string): Buffer {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const buffer = Buffer.allocUnsafe(MAX_BYTES + 1);
      let length = 0;
      while (length < buffer.length) {
        const count = readSync(descriptor, buffer, length, buffer.length - length, null);
        if (count === 0) break;
        length += count;
      }
      return buffer.subarray(0, length);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const code =
      error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unreadable';
    throw new Error(REASONS[code] ?? code, { cause: error });
  }
}

import { constants } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';

const LINE_FEED = 0x0a;
const BLOCK_BYTES = 64 * 1024;

/** A file of whole lines that only grows. */
export class LineFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #inode: number;
  #size: number;

  private constructor(path: string, handle: FileHandle, inode: number, size: number) {
    this.#path = path;
    this.#handle = handle;
    this.#inode = inode;
    this.#size = size;
  }

  /** What follows the last line feed was never taken, because its writer died: it is cut off. */
  static async open(path: string): Promise<LineFile> {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o600);
    try {
      const { ino, size } = await handle.stat();
      const whole = await wholeLines(handle, size);
      if (whole < size) await handle.truncate(whole);
      await handle.chmod(0o600);
      return new LineFile(path, handle, ino, whole);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /** Whether the path still leads to it. */
  async isThere(): Promise<boolean> {
    try {
      return (await stat(this.#path)).ino === this.#inode;
    } catch {
      return false;
    }
  }

  /** Resolves once the line is on the disk. After an error, half of it may be: open the file again. */
  async append(line: Uint8Array): Promise<void> {
    const bytes = Buffer.concat([line, Buffer.of(LINE_FEED)]);
    await this.#handle.appendFile(bytes);
    await this.#handle.datasync();
    this.#size += bytes.length;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** The length of the file up to its last line feed. */
async function wholeLines(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(BLOCK_BYTES);
  for (let end = size; end > 0;) {
    const begin = Math.max(0, end - BLOCK_BYTES);
    const { bytesRead } = await handle.read(block, 0, end - begin, begin);
    const at = block.subarray(0, bytesRead).lastIndexOf(LINE_FEED);
    if (at >= 0) return begin + at + 1;
    end = begin;
  }
  return 0;
}

import { readSync } from 'node:fs';
import { pause } from './busy.ts';

const CHUNK_BYTES = 64 * 1024;

export interface Input {
  /** What came, up to `most` bytes of it. */
  readonly bytes: Buffer;
  /** How many came. */
  readonly size: number;
}

/**
 * Reads to the end, since the agent's write would fail otherwise, and keeps at most `most` bytes. What cannot be read (no
 * input, a folder) is empty.
 */
export function readInput(descriptor: number, most: number): Input {
  const kept: Buffer[] = [];
  let size = 0;
  for (;;) {
    const chunk = readChunk(descriptor);
    if (chunk.length === 0) return { bytes: Buffer.concat(kept), size };
    const room = most - size;
    if (room > 0) kept.push(chunk.subarray(0, room));
    size += chunk.length;
  }
}

function readChunk(descriptor: number): Buffer {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (;;) {
    try {
      return chunk.subarray(0, readSync(descriptor, chunk));
    } catch (error) {
      // Whoever holds the other end may have made the pipe non-blocking.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return chunk.subarray(0, 0);
      pause(1);
    }
  }
}

import { lstatSync } from 'node:fs';
import { connect, type Server } from 'node:net';

/** sun_path is 104 bytes on macOS and 108 on Linux, the closing NUL included. */
export const MAX_SOCKET_PATH_BYTES = 103;

/** Only the owner may connect. */
const OTHERS_MASK = 0o177;

/** Starts to listen on a socket file of mode 0600. There is no moment at which it is wider: bind(2) applies the umask. */
export function listenPrivately(server: Server, path: string): void {
  const before = process.umask(OTHERS_MASK);
  try {
    // Binds before it returns; only the event comes later.
    server.listen(path);
  } finally {
    process.umask(before);
  }
}

export type Occupant = 'stale' | 'live' | 'other file';

/** What is in the way of a socket at `path`. Whatever cannot be asked counts as live: it is never removed. */
export async function occupant(path: string): Promise<Occupant> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'stale';
  if (!stat.isSocket()) return 'other file';
  return await new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve('live');
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? 'stale' : 'live');
    });
  });
}

import { lstatSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import type { Logger } from '../component.ts';
import type { Endpoint } from '../config/fragments.ts';
import { ConfigError } from '../errors.ts';
import { codeOf } from './address.ts';

/** sun_path is 104 bytes on macOS and 108 on Linux, the closing NUL included. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Only the owner may connect. */
const OTHERS_MASK = 0o177;

/** Resolves when it listens. The socket that a dead process left is replaced. */
export async function listen(server: Server, endpoint: Endpoint, logger: Logger): Promise<void> {
  if (endpoint.kind === 'tcp') {
    const { host, port } = endpoint;
    await listening(server, () => server.listen({ host, port, exclusive: true }));
    return;
  }
  const { path } = endpoint;
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new ConfigError(`the path of a Unix socket has at most ${MAX_SOCKET_PATH_BYTES} bytes`);
  }
  try {
    await listening(server, () => listenPrivately(server, path));
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE') throw error;
    const found = await occupant(path);
    if (found === 'other file') throw new ConfigError('there is a file of that name that is not a socket');
    if (found === 'live') throw error;
    rmSync(path, { force: true });
    logger.info(`removed the socket that a dead process left at ${path}`);
    await listening(server, () => listenPrivately(server, path));
  }
}

function listening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    start();
  });
}

/** Starts to listen on a socket file of mode 0600. There is no moment at which it is wider: bind(2) applies the umask. */
function listenPrivately(server: Server, path: string): void {
  const before = process.umask(OTHERS_MASK);
  try {
    // Binds before it returns; only the event comes later.
    server.listen(path);
  } finally {
    process.umask(before);
  }
}

type Occupant = 'stale' | 'live' | 'other file';

/** What is in the way of a socket at `path`. Whatever cannot be asked counts as live: it is never removed. */
async function occupant(path: string): Promise<Occupant> {
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

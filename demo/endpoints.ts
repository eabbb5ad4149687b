import { once } from 'node:events';
import net from 'node:net';

const HOST = '127.0.0.1';

/** An address to listen on, and whether it is another than the usual one. */
export interface Endpoint {
  /** `127.0.0.1:9465` */
  readonly address: string;
  /** The usual port, where another program has it. */
  readonly instead?: number;
}

/** The usual port of this machine if nobody listens there, else any that is free. */
export async function endpoint(usualPort: number): Promise<Endpoint> {
  const usual = await listenFor(usualPort);
  if (usual !== undefined) return { address: `${HOST}:${usual}` };
  const other = await listenFor(0);
  if (other === undefined) throw new Error(`no port of ${HOST} is free`);
  return { address: `${HOST}:${other}`, instead: usualPort };
}

/** The port that it was, for a moment. undefined: taken. */
async function listenFor(port: number): Promise<number | undefined> {
  const server = net.createServer();
  try {
    server.listen(port, HOST);
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a server without a port');
    return address.port;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined;
    throw error;
  } finally {
    server.close();
  }
}

import type { Server } from 'node:http';
import { Socket } from 'node:net';

/** How long more connections than allowed may be open: long enough to hear what those that just came have to say. */
const GRACE_MS = 20;

/** So many more may be there meanwhile; beyond, connections are closed as they come. */
const GRACE_CONNECTIONS = 512;

/** In the order in which they have to go. */
type Rank = 'silent' | 'idle' | 'busy';
const RANKS: readonly Rank[] = ['silent', 'idle', 'busy'];

interface Connection {
  readonly socket: Socket;
  rank: Rank;
}

/**
 * The open connections of a server. When there are too many, those go first that have asked for nothing, or for nothing
 * that they may have; then those that wait between two requests; then the others; of each the oldest. So whoever opens
 * connections by the thousand closes his own, and one who asks at once gets an answer.
 */
export class Connections {
  readonly #max: number;
  /** The longest in its rank first. */
  readonly #open = new Map<Socket | string, Connection>();
  #isSweepDue = false;

  constructor(server: Server, max: number) {
    this.#max = max;
    server.maxConnections = max + GRACE_CONNECTIONS;
    server.on('connection', (socket) => {
      this.#add(socket);
    });
  }

  /** It asks for something that it may have. */
  busy(socket: Socket): void {
    this.#move(socket, 'busy');
  }

  /** It has its answer; where it was not one that it may have, it counts as silent still. */
  idle(socket: Socket): void {
    if (this.#open.get(keyOf(socket))?.rank === 'busy') this.#move(socket, 'idle');
  }

  closeAll(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  #add(socket: Socket): void {
    const key = keyOf(socket);
    this.#open.set(key, { socket, rank: 'silent' });
    socket.once('close', () => {
      if (this.#open.get(key)?.socket === socket) this.#open.delete(key);
    });
    if (this.#open.size <= this.#max || this.#isSweepDue) return;
    this.#isSweepDue = true;
    setTimeout(() => this.#sweep(), GRACE_MS).unref();
  }

  #move(socket: Socket, rank: Rank): void {
    const key = keyOf(socket);
    const connection = this.#open.get(key);
    if (connection === undefined) return;
    this.#open.delete(key);
    connection.rank = rank;
    this.#open.set(key, connection);
  }

  #sweep(): void {
    this.#isSweepDue = false;
    let surplus = this.#open.size - this.#max;
    for (const rank of RANKS) {
      for (const [key, { socket, rank: own }] of this.#open) {
        if (surplus <= 0) return;
        if (own !== rank) continue;
        this.#open.delete(key);
        socket.destroy();
        surplus -= 1;
      }
    }
  }
}

/** A TLS socket has the addresses of the one that it stands on. */
function keyOf(socket: Socket): Socket | string {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined || remotePort === undefined ? socket : `${remoteAddress} ${remotePort}`;
}

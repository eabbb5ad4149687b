import type { Server, Socket } from 'node:net';

/** How long more connections than allowed may be open, at least: those who are far away, or busy, take a while to ask. */
const GRACE_MS = 100;

/** So many more may be there meanwhile; beyond, each that comes closes one that waits, and is itself closed where none does. */
const GRACE_CONNECTIONS = 1_024;

/** In the order in which they have to go. Waiting: for a request. Proven: likewise, and it has shown credentials. */
type Rank = 'waiting' | 'proven' | 'busy';
const RANKS: readonly Rank[] = ['waiting', 'proven', 'busy'];

interface Connection {
  readonly socket: Socket;
  rank: Rank;
  /** What it may have to say has been heard. */
  heard: boolean;
}

/**
 * The open connections of a server. When there are too many, those go first that ask for nothing, or for what they may not
 * have; where there is authentication, those that got through it go after them; those with an answer under way go last. Of
 * each, the one goes for which nothing has been done for longest: whoever opens connections by the thousand closes his own,
 * and one who asks at once gets an answer.
 */
export class Connections {
  readonly #max: number;
  /** The rank of one that waits for its next request. */
  readonly #atRest: Rank;
  /** The longest in its rank first. */
  readonly #open = new Map<Socket | string, Connection>();
  #isSweepDue = false;

  /** `authenticates`: only those are made busy that have shown credentials. */
  constructor(server: Server, max: number, authenticates: boolean) {
    this.#max = max;
    this.#atRest = authenticates ? 'proven' : 'waiting';
    server.maxConnections = max + GRACE_CONNECTIONS;
    server.on('connection', (socket) => {
      this.#add(socket);
    });
  }

  /** It asks for something that it may have. */
  busy(socket: Socket): void {
    this.#move(socket, 'busy');
  }

  /** It has its answer. */
  atRest(socket: Socket): void {
    if (this.#open.get(keyOf(socket))?.rank === 'busy') this.#move(socket, this.#atRest);
  }

  closeAll(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  #add(socket: Socket): void {
    const key = keyOf(socket);
    this.#open.set(key, { socket, rank: 'waiting', heard: false });
    socket.once('close', () => {
      if (this.#open.get(key)?.socket === socket) this.#open.delete(key);
    });
    if (this.#open.size >= this.#max + GRACE_CONNECTIONS) this.#closeLongestWaiting();
    this.#sweepSoon();
  }

  /** The last to come may be the one who asks: it has yet to be heard. */
  #closeLongestWaiting(): void {
    for (const [key, { socket, rank }] of this.#open) {
      if (rank !== 'waiting') continue;
      this.#open.delete(key);
      socket.destroy();
      return;
    }
  }

  #move(socket: Socket, rank: Rank): void {
    const key = keyOf(socket);
    const connection = this.#open.get(key);
    if (connection === undefined) return;
    this.#open.delete(key);
    connection.rank = rank;
    this.#open.set(key, connection);
  }

  #sweepSoon(): void {
    if (this.#open.size <= this.#max || this.#isSweepDue) return;
    this.#isSweepDue = true;
    setTimeout(() => {
      for (const connection of this.#open.values()) connection.heard = true;
      // Hundreds are accepted in one turn of the event loop, before any of them is read in the next.
      setImmediate(() =>
        setImmediate(() => {
          this.#sweep();
        }),
      );
    }, GRACE_MS).unref();
  }

  #sweep(): void {
    let surplus = this.#open.size - this.#max;
    for (const rank of RANKS) {
      for (const [key, { socket, rank: own, heard }] of this.#open) {
        if (surplus <= 0 || own !== rank || !heard) continue;
        this.#open.delete(key);
        socket.destroy();
        surplus -= 1;
      }
    }
    this.#isSweepDue = false;
    this.#sweepSoon();
  }
}

/** A TLS socket has the addresses of the one that it stands on. */
function keyOf(socket: Socket): Socket | string {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined || remotePort === undefined ? socket : `${remoteAddress} ${remotePort}`;
}

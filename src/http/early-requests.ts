import { IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';

/** Connections that wait for an answer, or have it and are ending. */
const waiting = new WeakSet<Socket>();

/** Of these, those that have asked again meanwhile: they end with the answer. */
const early = new WeakSet<Socket>();

/**
 * A request, for a server that answers one at a time on a connection. Of one that is fast, Node parses up to 2 MB in one turn
 * of the event loop, tens of thousands of requests, and all others wait. Nothing stops it in their middle but a request that
 * changes the protocol: so does one that comes before the answer to the last.
 */
export class Request extends IncomingMessage {
  readonly #isEarly: boolean;

  constructor(socket: Socket) {
    super(socket);
    this.#isEarly = waiting.has(socket);
    waiting.add(socket);
  }

  /** Whether Node stops here, and lets go of the connection. */
  get upgrade(): boolean {
    return this.#isEarly || this.method === 'CONNECT';
  }

  /** What the client wants is left alone: other protocols there are none. */
  set upgrade(_: boolean) {}
}

/** Nothing more is read of a connection after a request that came too early. */
export function stopAtEarlyRequests(server: Server): void {
  server.on('upgrade', ({ socket }: IncomingMessage) => {
    early.add(socket);
    // As Node does for those that it has not let go of.
    socket.on('error', () => socket.destroy());
    socket.once('timeout', () => socket.destroy());
  });
}

/** Whether the connection has to end with the answer that is under way. */
export function hasAskedAgain(socket: Socket): boolean {
  return early.has(socket);
}

/** The answer has been sent. */
export function answered(socket: Socket): void {
  waiting.delete(socket);
  if (early.has(socket)) socket.destroySoon();
}

import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Component, Logger } from '../component.ts';
import type { Endpoint } from '../config/fragments.ts';
import { ConfigError, describeError } from '../errors.ts';
import { addressError, codeOf, hostPort } from './address.ts';
import { listenPrivately, MAX_SOCKET_PATH_BYTES, occupant } from './unix-socket.ts';

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Several buffers are sent one after the other, without being copied together. */
  readonly body: string | readonly Uint8Array[];
  /** Called once, when the body has been sent or is no longer needed. */
  readonly done?: () => void;
}

/** Answers one request; a POST reads its own body, with a bound of its own. What it throws is logged and answered by 500. */
export type Respond = (request: IncomingMessage) => Reply | Promise<Reply>;

/** Path -> method -> answer. GET answers HEAD as well. */
export type Routes = Readonly<Record<string, { readonly GET?: Respond; readonly POST?: Respond }>>;

export interface Limits {
  /** Request line and headers together; beyond, 431. */
  readonly maxHeaderBytes: number;
  /** Beyond, 431. */
  readonly maxHeaders: number;
  /** From the connection, or the request's first byte, to the end of its headers; beyond, 408. */
  readonly headersTimeoutMs: number;
  /** To the end of its body; beyond, 408. */
  readonly requestTimeoutMs: number;
  /** A connection on which nothing moves in the middle of a request or a reply is closed. */
  readonly idleTimeoutMs: number;
  /** A connection without a request is closed. Longer than the usual scrape interval, so that scrapers keep theirs. */
  readonly keepAliveTimeoutMs: number;
  /** Beyond, new connections are closed at once. */
  readonly maxConnections: number;
  readonly maxRequestsPerSocket: number;
  /** How long replies under way may take at shutdown. */
  readonly shutdownTimeoutMs: number;
}

const LIMITS: Limits = {
  maxHeaderBytes: 8_192,
  maxHeaders: 64,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 30_000,
  keepAliveTimeoutMs: 75_000,
  maxConnections: 128,
  maxRequestsPerSocket: 10_000,
  shutdownTimeoutMs: 2_000,
};

export interface ListenerOptions {
  readonly endpoint: Endpoint;
  /** The setting that holds it, for messages; default: endpoint. */
  readonly setting?: string;
  readonly routes: Routes;
  readonly logger: Logger;
  readonly limits?: Partial<Limits>;
}

export interface Listener extends Component {
  /** Rejects with ConfigError, its path the setting, when the address cannot be had. */
  start(): Promise<void>;
  /** Where it listens, the port chosen for port 0 included; undefined when it does not. */
  readonly address: string | undefined;
  /** Closes idle connections at once and the others when they have their reply, or after `shutdownTimeoutMs`. */
  shutdown(): Promise<void>;
}

/** The one HTTP server that everything which listens uses: bounded in what a client can make it hold, wait for or tell. */
export function createListener(options: ListenerOptions): Listener {
  return new HttpListener(options);
}

class HttpListener implements Listener {
  readonly #endpoint: Endpoint;
  readonly #setting: string;
  readonly #logger: Logger;
  readonly #limits: Limits;
  readonly #routes: ReadonlyMap<string, Routes[string]>;
  /** Answered so far on a connection. */
  readonly #requests = new WeakMap<Socket, number>();
  #server: Server | undefined;
  #address: string | undefined;

  constructor(options: ListenerOptions) {
    this.#endpoint = options.endpoint;
    this.#setting = options.setting ?? 'endpoint';
    this.#logger = options.logger;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#routes = new Map(Object.entries(options.routes));
  }

  get address(): string | undefined {
    return this.#address;
  }

  async start(): Promise<void> {
    const server = this.#createServer();
    try {
      await this.#listen(server);
    } catch (error) {
      throw addressError(this.#endpoint, this.#setting, error);
    }
    server.on('error', (error) => this.#logger.error(`listen on ${this.#address ?? ''}: ${describeError(error)}`));
    this.#server = server;
    this.#address = formatAddress(server.address());
  }

  async shutdown(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.#address = undefined;
    await new Promise<void>((resolve) => {
      const late = setTimeout(() => server.closeAllConnections(), this.#limits.shutdownTimeoutMs);
      // Removes the socket file, too.
      server.close(() => {
        clearTimeout(late);
        resolve();
      });
      server.closeIdleConnections();
    });
  }

  #createServer(): Server {
    const limits = this.#limits;
    const server = createServer(
      {
        maxHeaderSize: limits.maxHeaderBytes,
        headersTimeout: limits.headersTimeoutMs,
        requestTimeout: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
        connectionsCheckingInterval: Math.ceil(limits.headersTimeoutMs / 4),
        keepAliveTimeout: limits.keepAliveTimeoutMs,
        noDelay: true,
      },
      (request, response) => void this.#serve(request, response),
    );
    server.timeout = limits.idleTimeoutMs;
    // Node drops what is beyond maxHeadersCount without a word; one more shows that there was more.
    server.maxHeadersCount = limits.maxHeaders + 1;
    server.maxConnections = limits.maxConnections;
    server.on('clientError', refuse);
    return server;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let reply: Reply;
    try {
      reply = await this.#reply(request);
    } catch (error) {
      this.#logger.error(`answer ${request.method ?? ''} request: ${describeError(error)}`);
      reply = { status: 500, body: 'internal error\n' };
    }
    // The client left while the reply was made: a write would be an error that nobody waits for.
    if (response.destroyed) {
      reply.done?.();
      return;
    }
    if (reply.done !== undefined) response.once('close', reply.done);
    const chunks = typeof reply.body === 'string' ? [Buffer.from(reply.body)] : reply.body;
    response.statusCode = reply.status;
    response.setHeader('Content-Type', 'text/plain; charset=utf-8');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader(
      'Content-Length',
      chunks.reduce((bytes, chunk) => bytes + chunk.byteLength, 0),
    );
    for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
    if (this.#isLast(request)) response.setHeader('Connection', 'close');
    if (request.method !== 'HEAD') {
      response.cork();
      for (const chunk of chunks) response.write(chunk);
      response.uncork();
    }
    response.end();
  }

  /** Whether the connection ends with this request. */
  #isLast(request: IncomingMessage): boolean {
    // Node's own maxRequestsPerSocket announces the end, and leaves the connection open.
    const count = (this.#requests.get(request.socket) ?? 0) + 1;
    this.#requests.set(request.socket, count);
    // What is left of a body that nobody read is not read for the sake of another request.
    return count >= this.#limits.maxRequestsPerSocket || hasUnreadBody(request) || this.#server === undefined;
  }

  #reply(request: IncomingMessage): Reply | Promise<Reply> {
    if (request.rawHeaders.length / 2 > this.#limits.maxHeaders) {
      return { status: 431, headers: { Connection: 'close' }, body: 'too many headers\n' };
    }
    const path = request.url?.split('?', 1)[0] ?? '';
    const route = this.#routes.get(path);
    if (route === undefined) return { status: 404, body: 'not found\n' };
    if (route.GET !== undefined && (request.method === 'GET' || request.method === 'HEAD')) return route.GET(request);
    if (route.POST !== undefined && request.method === 'POST') return route.POST(request);
    const allow = [...(route.GET === undefined ? [] : ['GET', 'HEAD']), ...(route.POST === undefined ? [] : ['POST'])];
    return { status: 405, headers: { Allow: allow.join(', ') }, body: 'method not allowed\n' };
  }

  async #listen(server: Server): Promise<void> {
    if (this.#endpoint.kind === 'tcp') {
      const { host, port } = this.#endpoint;
      await listening(server, () => server.listen({ host, port, exclusive: true }));
      return;
    }
    const { path } = this.#endpoint;
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
      this.#logger.info(`removed the socket that a dead process left at ${path}`);
      await listening(server, () => listenPrivately(server, path));
    }
  }
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    listen();
  });
}

/** A request that is none, too large or too slow: a bare status line, nothing about us, and the connection is closed. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Where a reply has begun, a status line in its middle would be read as part of it.
  if (!(socket instanceof Socket) || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  socket.destroySoon();
}

function hasUnreadBody(request: IncomingMessage): boolean {
  const { 'transfer-encoding': encoding, 'content-length': length = '0' } = request.headers;
  return !request.complete && (encoding !== undefined || length !== '0');
}

function formatAddress(address: ReturnType<Server['address']>): string | undefined {
  if (address === null) return undefined;
  return typeof address === 'string' ? `unix:${address}` : hostPort(address.address, address.port);
}

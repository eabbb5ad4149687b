import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Component, Failure, Logger, Remark, Settings } from '../component.ts';
import { parseEndpoint, type Endpoint, type ServerConfig } from '../config/fragments.ts';
import { ConfigError, describeError } from '../errors.ts';
import { addressError, formatAddress } from './address.ts';
import { Connections } from './connections.ts';
import { answered, hasAskedAgain, Request, stopAtEarlyRequests } from './early-requests.ts';
import { Gate } from './gate.ts';
import { hostCheck } from './hosts.ts';
import { refuse } from './malformed.ts';
import type { ThrottleLimits } from './throttle.ts';
import { Certificates } from './tls.ts';
import { listen } from './listen.ts';

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

/**
 * Path -> method -> answer. GET answers HEAD as well. `open`: answered without credentials, too. `json`: who is refused gets the
 * reason as JSON, `{"error":"unauthorized"}`.
 */
export type Routes = Readonly<
  Record<string, { readonly GET?: Respond; readonly POST?: Respond; readonly open?: boolean; readonly json?: boolean }>
>;

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
  /** Beyond, connections are closed, first those that have asked for nothing: see Connections. */
  readonly maxConnections: number;
  readonly maxRequestsPerSocket: number;
  /** How long replies under way may take at shutdown. */
  readonly shutdownTimeoutMs: number;
}

const LIMITS: Limits = {
  maxHeaderBytes: 8_192,
  maxHeaders: 64,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 30_000,
  keepAliveTimeoutMs: 75_000,
  maxConnections: 128,
  maxRequestsPerSocket: 10_000,
  shutdownTimeoutMs: 2_000,
};

export interface ListenerOptions {
  readonly server: ServerConfig;
  readonly settings: Pick<Settings, 'logger' | 'now' | 'authenticator'>;
  /** The setting that holds the endpoint, for messages; default: endpoint. */
  readonly setting?: string;
  readonly routes: Routes;
  readonly limits?: Partial<Limits>;
  readonly throttle?: Partial<ThrottleLimits>;
}

export interface Listener extends Component {
  /** Rejects with ConfigError, its path the setting, when the address cannot be had or the certificates are not good. */
  start(): Promise<void>;
  /** Whether the certificates are good. */
  inspect(): Promise<readonly Remark[]>;
  readonly protocol: 'http' | 'https';
  /** Where it listens, the port chosen for port 0 included; undefined when it does not. */
  readonly address: string | undefined;
  /** Closes idle connections at once and the others when they have their reply, or after `shutdownTimeoutMs`. */
  shutdown(): Promise<void>;
}

/**
 * The one HTTP server that everything which listens uses: bounded in what a client can make it hold, wait for or tell.
 * Throws ConfigError, its path the setting, where the settings are not those of a server, or name no authenticator.
 */
export function createListener(options: ListenerOptions): Listener {
  return new HttpListener(options);
}

class HttpListener implements Listener {
  readonly #endpoint: Endpoint;
  readonly #setting: string;
  readonly #logger: Logger;
  readonly #limits: Limits;
  readonly #routes: ReadonlyMap<string, Routes[string]>;
  readonly #isOurs: (host: string | undefined) => boolean;
  readonly #gate: Gate | undefined;
  readonly #certificates: Certificates | undefined;
  /** Answered so far on a connection. */
  readonly #requests = new WeakMap<Socket, number>();
  #connections: Connections | undefined;
  #server: Server | undefined;
  #address: string | undefined;

  constructor({ server, settings, setting = 'endpoint', routes, limits, throttle }: ListenerOptions) {
    const endpoint = parseEndpoint(server.endpoint);
    if (endpoint === undefined) throw new ConfigError([{ path: [setting], message: 'not an endpoint' }]);
    this.#endpoint = endpoint;
    this.#setting = setting;
    this.#logger = settings.logger;
    this.#limits = { ...LIMITS, ...limits };
    this.#routes = new Map(Object.entries(routes));
    this.#isOurs = hostCheck(server);
    const authenticator = server.auth && settings.authenticator(server.auth.authenticator);
    this.#gate = authenticator && new Gate(authenticator, settings, throttle);
    this.#certificates = server.tls && new Certificates(server.tls, settings);
  }

  get protocol(): 'http' | 'https' {
    return this.#certificates === undefined ? 'http' : 'https';
  }

  get failure(): Failure | undefined {
    return this.#certificates?.failure;
  }

  get address(): string | undefined {
    return this.#address;
  }

  async start(): Promise<void> {
    const server = this.#createServer();
    try {
      await listen(server, this.#endpoint, this.#logger);
    } catch (error) {
      this.#certificates?.unwatch();
      throw addressError(this.#endpoint, this.#setting, error);
    }
    server.on('error', (error) => this.#logger.error(`listen on ${this.#address ?? ''}: ${describeError(error)}`));
    this.#server = server;
    this.#address = formatAddress(server.address());
  }

  async inspect(): Promise<readonly Remark[]> {
    return this.#certificates?.inspect() ?? [];
  }

  async shutdown(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#certificates?.unwatch();
    this.#server = undefined;
    this.#address = undefined;
    await new Promise<void>((resolve) => {
      const late = setTimeout(() => this.#connections?.closeAll(), this.#limits.shutdownTimeoutMs);
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
    const server = this.#createBareServer({
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
      connectionsCheckingInterval: Math.ceil(limits.headersTimeoutMs / 4),
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      noDelay: true,
      IncomingMessage: Request,
    });
    const serve = (request: IncomingMessage, response: ServerResponse): void => void this.#serve(request, response);
    server.on('request', serve);
    // Whatever else than 100-continue it expects.
    server.on('checkExpectation', serve);
    stopAtEarlyRequests(server);
    server.timeout = limits.idleTimeoutMs;
    // Node drops what is beyond maxHeadersCount without a word; one more shows that there was more.
    server.maxHeadersCount = limits.maxHeaders + 1;
    this.#connections = new Connections(server, limits.maxConnections, this.#gate !== undefined);
    server.on('clientError', refuse);
    return server;
  }

  #createBareServer(options: ServerOptions): Server {
    const certificates = this.#certificates;
    if (certificates === undefined) return createServer(options);
    const handshakeTimeout = this.#limits.headersTimeoutMs;
    const server: TlsServer = createTlsServer({ ...options, ...certificates.load(), handshakeTimeout });
    certificates.watch(server);
    return server;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = this.#routes.get(pathOf(request));
    let reply: Reply;
    try {
      reply = await this.#reply(request, route);
    } catch (error) {
      this.#logger.error(`answer ${request.method ?? ''} request: ${describeError(error)}`);
      reply = { status: 500, body: 'internal error\n' };
    }
    if (route?.json === true) reply = withJsonReason(reply);
    // The client left while the reply was made: a write would be an error that nobody waits for.
    if (response.destroyed) {
      reply.done?.();
      return;
    }
    response.once('close', () => {
      reply.done?.();
      this.#connections?.atRest(request.socket);
      answered(request.socket);
    });
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
    if (count >= this.#limits.maxRequestsPerSocket || this.#server === undefined) return true;
    // What is left of a body that nobody read is not read for the sake of another request; after an upgrade, Node reads no more.
    return hasUnreadBody(request) || request.headers.upgrade !== undefined || hasAskedAgain(request.socket);
  }

  async #reply(request: IncomingMessage, route: Routes[string] | undefined): Promise<Reply> {
    if (request.rawHeaders.length / 2 > this.#limits.maxHeaders) {
      return { status: 431, headers: { Connection: 'close' }, body: 'too many headers\n' };
    }
    const hosts = request.headersDistinct.host ?? [];
    // HTTP/0.9 has neither headers nor a status line, and nobody who speaks it.
    if (hosts.length > 1 || request.httpVersionMajor !== 1) {
      return { status: 400, headers: { Connection: 'close' }, body: 'bad request\n' };
    }
    if (!this.#isOurs(hosts[0])) {
      this.#logger.debug('a request for another host was refused; allowed_hosts lists those to answer to');
      return { status: 403, headers: { Connection: 'close' }, body: 'forbidden host\n' };
    }
    if (route?.open !== true) {
      const refusal = await this.#gate?.refusal(request);
      if (refusal !== undefined) return refusal;
    }
    this.#connections?.busy(request.socket);
    return await answer(route, request);
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}

/** Of a refusal in words. */
function withJsonReason(reply: Reply): Reply {
  const { status, headers, body } = reply;
  if (status < 400 || typeof body !== 'string' || headers?.['Content-Type'] !== undefined) return reply;
  const error = body.trim().replaceAll(' ', '_');
  return {
    ...reply,
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: `${JSON.stringify({ error })}\n`,
  };
}

function answer(route: Routes[string] | undefined, request: IncomingMessage): Reply | Promise<Reply> {
  if (route === undefined) return { status: 404, body: 'not found\n' };
  if (route.GET !== undefined && (request.method === 'GET' || request.method === 'HEAD')) return route.GET(request);
  if (route.POST !== undefined && request.method === 'POST') return route.POST(request);
  const allow = [...(route.GET === undefined ? [] : ['GET', 'HEAD']), ...(route.POST === undefined ? [] : ['POST'])];
  return { status: 405, headers: { Allow: allow.join(', ') }, body: 'method not allowed\n' };
}

function hasUnreadBody(request: IncomingMessage): boolean {
  const { 'transfer-encoding': encoding, 'content-length': length = '0' } = request.headers;
  return !request.complete && (encoding !== undefined || length !== '0');
}

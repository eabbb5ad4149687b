import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Decompressed. */
  readonly body: Buffer;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** An endpoint on loopback that answers as the test says: by default as one that takes everything. */
export class Endpoint implements AsyncDisposable {
  readonly received: Received[] = [];
  /** Answers the next requests, in order; `hang` never does. */
  readonly replies: (Reply | 'hang' | 'reset')[] = [];
  readonly #server: Server;
  readonly #protocol: 'http' | 'https';
  readonly #waiting = new Set<() => void>();

  private constructor(tls: ServerOptions | undefined) {
    const listener = (request: IncomingMessage, response: ServerResponse): void => void this.#answer(request, response);
    this.#protocol = tls === undefined ? 'http' : 'https';
    this.#server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  }

  static async open(tls?: ServerOptions): Promise<Endpoint> {
    const endpoint = new Endpoint(tls);
    await endpoint.listen(0);
    return endpoint;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.#protocol}://127.0.0.1:${this.port}`;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  /** Resolves with the request of that number, from 1 on. */
  async request(number: number): Promise<Received> {
    while (this.received.length < number) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    return this.received[number - 1]!;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    this.received.push({ path: request.url ?? '', headers: request.headers, body });
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
    const reply = this.replies.shift() ?? {};
    if (reply === 'hang') return;
    if (reply === 'reset') return void request.socket.destroy();
    const { status = 200, headers = { 'Content-Type': request.headers['content-type'] ?? '' }, body: answer } = reply;
    response.writeHead(status, headers);
    response.end(answer ?? (headers['Content-Type'] === 'application/json' ? '{}' : ''));
  }
}

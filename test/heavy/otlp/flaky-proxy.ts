import { once } from 'node:events';
import http from 'node:http';

/** What becomes of a request. `pass`: the endpoint behind answers. */
export type Mood =
  | 'pass'
  | 'slow'
  | 'too many requests'
  | 'unavailable'
  | 'bad request'
  | 'partial success'
  | 'garbage'
  | 'hangs'
  | 'half an answer'
  | 'reset';

const SLOW_MS = 1500;
export const RETRY_AFTER_SECONDS = 2;

/** An HTTP server before a real endpoint, that answers for it while it is in a mood. */
export class FlakyProxy {
  mood: Mood = 'pass';
  /** Requests that came, in epoch milliseconds. */
  readonly requests: number[] = [];
  readonly #server: http.Server;
  readonly #behind: number;

  private constructor(behind: number) {
    this.#behind = behind;
    this.#server = http.createServer((request, response) => {
      this.requests.push(Date.now());
      this.#answer(request, response);
    });
  }

  /** Before the port of loopback that `behind` is. */
  static async start(behind: number): Promise<FlakyProxy> {
    const proxy = new FlakyProxy(behind);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  /** Nothing listens there any more. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const json = { 'Content-Type': 'application/json' };
    switch (this.mood) {
      case 'pass':
        return this.#pass(request, response);
      case 'slow':
        setTimeout(() => this.#pass(request, response), SLOW_MS);
        return;
      case 'too many requests':
        response.writeHead(429, { 'Retry-After': RETRY_AFTER_SECONDS }).end();
        break;
      case 'unavailable':
        response.writeHead(503, { 'Retry-After': RETRY_AFTER_SECONDS }).end();
        break;
      case 'bad request':
        response.writeHead(400, json).end('{"code":3,"message":"not what was asked for"}');
        break;
      case 'partial success': {
        const rejected = { rejectedDataPoints: '1', rejectedSpans: '1', rejectedLogRecords: '1' };
        const body = { partialSuccess: { ...rejected, errorMessage: 'one of them is of no use' } };
        response.writeHead(200, json).end(JSON.stringify(body));
        break;
      }
      case 'garbage':
        response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end('\xff\xfe this is no OTLP');
        break;
      case 'hangs':
        break;
      case 'half an answer':
        response.writeHead(200, { ...json, 'Content-Length': 1000 }).write('{');
        response.socket?.end();
        break;
      case 'reset':
        request.socket.resetAndDestroy();
        return;
    }
    request.resume();
  }

  #pass(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { method, url, headers } = request;
    const behind = http.request({ port: this.#behind, method, path: url, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    behind.on('error', () => response.destroy());
    request.pipe(behind);
  }
}

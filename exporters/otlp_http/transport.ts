import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ClientAuthenticator, Failure, Rejection, Remark, Settings } from '../../src/component.ts';
import { durationMs } from '../../src/config/fragments.ts';
import { describeError, RetryableError } from '../../src/errors.ts';
import { codeOf } from '../../src/http/address.ts';
import { withoutCredentials } from '../../src/otlp/answer.ts';
import { clearTextRemarks } from '../../src/otlp/client-problems.ts';
import { ClientTls } from '../../src/otlp/client-tls.ts';
import type { Transport } from '../../src/otlp/exporter.ts';
import { SCOPE } from '../../src/otlp/origin.ts';
import type { Signal } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';
import { outcomeOf, type Answer } from './outcome.ts';
import { clearTextHosts, urlsOf } from './urls.ts';

const compress = promisify(gzip);

/** Answers are short; of anything longer, this much is looked at. */
const MAX_ANSWER_BYTES = 64 * 1024;

const AGENT_OPTIONS = { keepAlive: true, keepAliveMsecs: 15_000, maxSockets: 8, maxFreeSockets: 2 } as const;

/** OTLP over HTTP/1.1: https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export class HttpTransport implements Transport {
  readonly #config: Config;
  readonly #now: () => number;
  readonly #timeoutMs: number;
  readonly #urls: Readonly<Record<Signal, URL>>;
  readonly #tls: ClientTls;
  readonly #authenticator: ClientAuthenticator | undefined;
  readonly #http = new HttpAgent(AGENT_OPTIONS);
  #https: { readonly options: ConnectionOptions; readonly agent: HttpsAgent } | undefined;
  readonly #running = new Set<ClientRequest>();

  constructor(config: Config, settings: Settings) {
    this.#config = config;
    this.#now = settings.now;
    this.#timeoutMs = durationMs(config.timeout);
    this.#urls = urlsOf(config);
    this.#tls = new ClientTls(config.tls, settings);
    this.#authenticator =
      config.auth === undefined ? undefined : settings.clientAuthenticator(config.auth.authenticator);
  }

  get failure(): Failure | undefined {
    return this.#tls.failure;
  }

  async inspect(): Promise<readonly Remark[]> {
    const inTheClear = clearTextHosts(this.#config).flatMap(({ host, setting }) =>
      clearTextRemarks(host, 'write https://', setting),
    );
    return [...inTheClear, ...this.#tls.inspect()];
  }

  async start(): Promise<void> {
    this.#tls.load();
  }

  async send(signal: Signal, request: Uint8Array): Promise<Rejection | undefined> {
    const url = this.#urls[signal];
    const place = `${url.origin}${url.pathname}`;
    const body = this.#config.compression === 'gzip' ? await compress(request) : request;
    const credentials = this.#credentials();
    const answer = await this.#post(url, place, body, credentials);
    const told = withoutCredentials(answer.body, Object.values(credentials));
    return outcomeOf({ ...answer, body: told }, place, this.#now());
  }

  async close(): Promise<void> {
    for (const request of this.#running) request.destroy(new Error('the exporter is stopping'));
    this.#http.destroy();
    this.#https?.agent.destroy();
  }

  /** Rejects with RetryableError when there is no answer. */
  async #post(url: URL, place: string, body: Uint8Array, credentials: Record<string, string>) {
    const agent = `${SCOPE.name}/${SCOPE.version}`;
    const headers = { 'User-Agent': agent, ...credentials, ...this.#headers(body) };
    const options = { method: 'POST', headers, agent: this.#agent(url) };
    const deadline = AbortSignal.timeout(this.#timeoutMs);
    for (;;) {
      const { request, answer } = this.#begin(url, { ...options, signal: deadline }, body);
      try {
        return await answer;
      } catch (error) {
        if (deadline.aborted) {
          throw new RetryableError(`${place} has not answered within ${this.#config.timeout}`, { cause: undefined });
        }
        // The other side closed a connection that it had kept open, just when it was used again.
        if (request.reusedSocket && codeOf(error) === 'ECONNRESET') continue;
        throw new RetryableError(`${place}: ${describeFault(error)}`, { cause: undefined });
      }
    }
  }

  /** Headers that say who asks, and others that the user has chosen. */
  #credentials(): Record<string, string> {
    const { headers } = this.#config;
    return {
      ...headers,
      ...(this.#authenticator === undefined ? {} : { Authorization: this.#authenticator.credentials() }),
    };
  }

  #headers(body: Uint8Array): Record<string, string | number> {
    const { encoding, compression } = this.#config;
    return {
      'Content-Type': encoding === 'json' ? 'application/json' : 'application/x-protobuf',
      ...(compression === 'gzip' ? { 'Content-Encoding': 'gzip' } : {}),
      'Content-Length': body.length,
    };
  }

  #agent({ protocol }: URL): HttpAgent {
    if (protocol === 'http:') return this.#http;
    const options = this.#tls.look();
    if (this.#https?.options !== options) {
      this.#https?.agent.destroy();
      this.#https = { options, agent: new HttpsAgent({ ...AGENT_OPTIONS, ...options }) };
    }
    return this.#https.agent;
  }

  #begin(url: URL, options: RequestOptions, body: Uint8Array) {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options);
    this.#running.add(request);
    const answer = new Promise<Answer>((resolve, reject) => {
      request.once('close', () => {
        this.#running.delete(request);
        reject(new Error('the connection was closed'));
      });
      request.on('error', reject);
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        const finish = (): void => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
        };
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes <= MAX_ANSWER_BYTES) return;
          finish();
          response.destroy();
        });
        response.once('end', finish);
        response.once('error', reject);
      });
      request.end(body);
    });
    return { request, answer };
  }
}

/** Of several addresses, each has a fault of its own and the error as a whole none. */
function describeFault(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describeError).join(', ');
  return describeError(error);
}

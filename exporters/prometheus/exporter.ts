import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { Failure, MetricsExporter, MetricSource, Remark, Settings } from '../../src/component.ts';
import { urlOf } from '../../src/http/address.ts';
import { createListener, type Listener, type Reply } from '../../src/http/listener.ts';
import type { Config } from './config.ts';
import { Exposition } from './exposition.ts';
import { acceptsGzip, negotiate } from './negotiation.ts';
import { CONTENT_TYPES, type Format } from './writer.ts';

/** A format is kept ready for so long after it was last asked for: longer than any scrape interval in use. */
const KEPT_READY_MS = 10 * 60_000;

/** When to come back while the source is being read for the first time. */
const RETRY_AFTER_SECONDS = 5;

const compress = promisify(gzip);

/** What is published of one set of sources. */
interface View extends Disposable {
  readonly sources: readonly MetricSource[];
  readonly exposition: Exposition;
}

/** Serves the exposition of its sources at /metrics. A scrape sends what is ready: it reads no source and no state. */
export class PrometheusExporter implements MetricsExporter {
  readonly #config: Config;
  readonly #settings: Settings;
  readonly #listener: Listener;
  /** Has caught up, and is served. */
  #served: View | undefined;
  /** Is catching up, and takes the place of the one that is served then: a half-read total is never scraped. */
  #next: View | undefined;
  /** When each format was last asked for. */
  readonly #askedAtMs = new Map<Format, number>();
  readonly #refusals = new Set<string>();
  readonly #compressed = new WeakMap<readonly Buffer[], Promise<Buffer>>();

  constructor(config: Config, settings: Settings) {
    this.#config = config;
    this.#settings = settings;
    this.#listener = createListener({
      server: config,
      settings,
      routes: {
        '/': { GET: () => ({ status: 200, body: 'agentcol: metrics are at /metrics\n' }) },
        '/metrics': { GET: (request) => this.#scrape(request) },
      },
    });
  }

  /** Where it listens; undefined when it does not. */
  get address(): string | undefined {
    return this.#listener.address;
  }

  get failure(): Failure | undefined {
    return this.#listener.failure;
  }

  async inspect(): Promise<readonly Remark[]> {
    return await this.#listener.inspect();
  }

  connect(sources: readonly MetricSource[]): void {
    this.#next?.[Symbol.dispose]();
    const exposition = new Exposition(sources, this.#config);
    const subscriptions = sources.map((source) =>
      source.onCommit((changes) => {
        exposition.apply(source, changes);
        this.#committed();
      }),
    );
    this.#next = {
      sources,
      exposition,
      [Symbol.dispose]: () => subscriptions.forEach((subscription) => subscription[Symbol.dispose]()),
    };
    this.#committed();
  }

  async start(): Promise<void> {
    await this.#listener.start();
    this.#settings.logger.info(`serving metrics on ${urlOf(this.#listener, '/metrics')}`);
  }

  async shutdown(): Promise<void> {
    this.#served?.[Symbol.dispose]();
    this.#next?.[Symbol.dispose]();
    await this.#listener.shutdown();
  }

  #committed(): void {
    if (this.#next?.sources.every((source) => source.progress() === undefined) === true) {
      this.#served?.[Symbol.dispose]();
      this.#served = this.#next;
      this.#next = undefined;
    }
    if (this.#served === undefined) return;
    const { exposition } = this.#served;
    for (const refusal of exposition.refusals) {
      if (this.#refusals.has(refusal)) continue;
      this.#refusals.add(refusal);
      this.#settings.logger.error(refusal);
    }
    for (const [format, askedAtMs] of this.#askedAtMs) {
      if (this.#settings.now() - askedAtMs <= KEPT_READY_MS) {
        exposition.chunks(format);
      } else {
        this.#askedAtMs.delete(format);
        exposition.forget(format);
      }
    }
  }

  #scrape(request: IncomingMessage): Reply | Promise<Reply> {
    if (this.#served === undefined) return catchingUp(this.#next?.sources ?? []);
    const format = negotiate(request.headers.accept);
    this.#askedAtMs.set(format, this.#settings.now());
    const { exposition } = this.#served;
    const body = exposition.chunks(format);
    const headers = { 'Content-Type': CONTENT_TYPES[format], Vary: 'Accept, Accept-Encoding' };
    if (this.#config.compression !== 'gzip' || !acceptsGzip(request.headers['accept-encoding'])) {
      return { status: 200, headers, body, done: exposition.hold() };
    }
    return this.#compress(body).then((compressed) => ({
      status: 200,
      headers: { ...headers, 'Content-Encoding': 'gzip' },
      body: [compressed],
    }));
  }

  /** Once for all that scrape between two commits. */
  #compress(body: readonly Buffer[]): Promise<Buffer> {
    let compressed = this.#compressed.get(body);
    if (compressed === undefined) {
      compressed = compress(Buffer.concat(body), { level: constants.Z_BEST_SPEED });
      this.#compressed.set(body, compressed);
    }
    return compressed;
  }
}

function catchingUp(sources: readonly MetricSource[]): Reply {
  let read = 0;
  let total = 0;
  for (const source of sources) {
    const progress = source.progress();
    read += progress?.read ?? 0;
    total += progress?.total ?? 0;
  }
  const body = `catching up: ${read} of ${total} rows\n`;
  return { status: 503, headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) }, body };
}

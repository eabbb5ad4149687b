import type {
  BatchExporter,
  Failure,
  MetricsExporter,
  MetricSource,
  Rejection,
  Remark,
  RetryPolicy,
  Settings,
} from '../component.ts';
import { PermanentError } from '../errors.ts';
import { sizeOf, type Attributes, type LogsBatch, type Signal, type TracesBatch } from '../pipeline/signals.ts';
import { encodeLogs } from './logs-request.ts';
import { MetricsPush, type MetricsPushOptions } from './metrics-push.ts';
import type { Encoding } from './origin.ts';
import { requestsOf, type Request } from './requests.ts';
import { encodeSpans } from './spans-request.ts';

/** Where requests go: an endpoint, a file. */
export interface Transport {
  /** What stands in its way apart from requests that fail, such as certificates. */
  readonly failure: Failure | undefined;
  /** Rejects with ConfigError where the user must act. Connects to nothing: what it talks to may come later. */
  start(): Promise<void>;
  /** One attempt, bounded in time, with an encoded Export...ServiceRequest; rejects as BatchExporter.export does. */
  send(signal: Signal, request: Uint8Array): Promise<Rejection | undefined>;
  /** Ends what is on its way. */
  close(): Promise<void>;
  inspect(): Promise<readonly Remark[]>;
}

export interface OtlpOptions extends Pick<MetricsPushOptions, 'intervalMs' | 'encoding'> {
  readonly retry: RetryPolicy;
}

/** Sends OTLP by whatever transport. */
export class OtlpExporter implements MetricsExporter, BatchExporter {
  readonly retry: RetryPolicy;
  readonly #encoding: Encoding;
  readonly #transport: Transport;
  readonly #push: MetricsPush;

  constructor(transport: Transport, options: OtlpOptions, { logger, now }: Pick<Settings, 'logger' | 'now'>) {
    this.retry = options.retry;
    this.#encoding = options.encoding;
    this.#transport = transport;
    this.#push = new MetricsPush({
      ...options,
      send: (request) => transport.send('metrics', request),
      logger,
      now,
    });
  }

  get pushed(): { readonly sent: number; readonly failed: number } {
    return this.#push.pushed;
  }

  get failure(): Failure | undefined {
    return this.#push.failure ?? this.#transport.failure;
  }

  async inspect(): Promise<readonly Remark[]> {
    return await this.#transport.inspect();
  }

  connect(sources: readonly MetricSource[]): void {
    this.#push.connect(sources);
  }

  async export(batch: TracesBatch | LogsBatch, resource: Attributes): Promise<Rejection | undefined> {
    const rejections: Rejection[] = [];
    for (const { size, request } of this.#requests(batch, resource)) {
      try {
        const rejection = await this.#transport.send(batch.signal, request);
        if (rejection !== undefined) rejections.push(rejection);
      } catch (error) {
        // Of several, the others may still be taken.
        if (!(error instanceof PermanentError) || size === sizeOf(batch)) throw error;
        rejections.push({ rejected: size, message: error.message });
      }
    }
    if (rejections.length === 0) return undefined;
    const rejected = rejections.reduce((sum, rejection) => sum + rejection.rejected, 0);
    return { rejected, message: [...new Set(rejections.map(({ message }) => message))].join('; ') };
  }

  async start(): Promise<void> {
    await this.#transport.start();
    this.#push.start();
  }

  async shutdown(): Promise<void> {
    await this.#push.shutdown();
    await this.#transport.close();
  }

  #requests(batch: TracesBatch | LogsBatch, resource: Attributes): Iterable<Request> {
    return batch.signal === 'traces'
      ? requestsOf(batch.spans, (spans) => encodeSpans(spans, resource, this.#encoding))
      : requestsOf(batch.records, (records) => encodeLogs(records, resource, this.#encoding));
  }
}

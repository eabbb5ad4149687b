import type { Failure, MetricsExporter, MetricSource, Rejection, Remark, Settings } from '../component.ts';
import type { Signal } from '../pipeline/signals.ts';
import { MetricsPush, type MetricsPushOptions } from './metrics-push.ts';

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

export type OtlpOptions = Pick<MetricsPushOptions, 'intervalMs' | 'encoding' | 'retry'>;

/** Sends OTLP by whatever transport. */
export class OtlpExporter implements MetricsExporter {
  readonly #transport: Transport;
  readonly #push: MetricsPush;

  constructor(transport: Transport, options: OtlpOptions, { logger, now }: Pick<Settings, 'logger' | 'now'>) {
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

  async start(): Promise<void> {
    await this.#transport.start();
    this.#push.start();
  }

  async shutdown(): Promise<void> {
    await this.#push.shutdown();
    await this.#transport.close();
  }
}

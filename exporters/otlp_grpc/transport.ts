import { createSecureContext, type ConnectionOptions } from 'node:tls';
import {
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ChannelCredentials,
  type ClientUnaryCall,
} from '@grpc/grpc-js';
import type { ClientAuthenticator, Failure, Rejection, Remark, Settings } from '../../src/component.ts';
import { durationMs } from '../../src/config/fragments.ts';
import { ConfigError, describeError, RetryableError } from '../../src/errors.ts';
import { readAnswer, withoutCredentials } from '../../src/otlp/answer.ts';
import { clearTextRemarks } from '../../src/otlp/client-problems.ts';
import { ClientTls } from '../../src/otlp/client-tls.ts';
import type { Transport } from '../../src/otlp/exporter.ts';
import { SCOPE } from '../../src/otlp/origin.ts';
import type { Signal } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';
import { failureOf } from './outcome.ts';
import { targetOf, type Target } from './target.ts';

const METHODS: Readonly<Record<Signal, string>> = {
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
};

/** The client waits up to two minutes before it connects again; what it sends for decides how often to try. */
const LONGEST_RECONNECT_MS = 5_000;

/** OTLP over gRPC: https://opentelemetry.io/docs/specs/otlp/#otlpgrpc */
export class GrpcTransport implements Transport {
  readonly #config: Config;
  readonly #target: Target;
  readonly #timeoutMs: number;
  readonly #tls: ClientTls;
  readonly #authenticator: ClientAuthenticator | undefined;
  #connected: { readonly options: ConnectionOptions | undefined; readonly client: Client } | undefined;
  readonly #running = new Set<ClientUnaryCall>();

  constructor(config: Config, settings: Settings) {
    const target = targetOf(config);
    if (target === undefined) throw new ConfigError([{ path: ['endpoint'], message: 'is no endpoint' }]);
    this.#config = config;
    this.#target = target;
    this.#timeoutMs = durationMs(config.timeout);
    this.#tls = new ClientTls(config.tls, settings);
    this.#authenticator =
      config.auth === undefined ? undefined : settings.clientAuthenticator(config.auth.authenticator);
  }

  get failure(): Failure | undefined {
    return this.#tls.failure;
  }

  async inspect(): Promise<readonly Remark[]> {
    const { host, insecure } = this.#target;
    const inTheClear = insecure && host !== undefined ? clearTextRemarks(host, 'leave tls::insecure out') : [];
    return [...inTheClear, ...this.#tls.inspect()];
  }

  async start(): Promise<void> {
    this.#tls.load();
  }

  async send(signal: Signal, request: Uint8Array): Promise<Rejection | undefined> {
    const answer = await this.#call(METHODS[signal], Buffer.from(request.buffer, request.byteOffset, request.length));
    try {
      return readAnswer(answer, 'proto');
    } catch (error) {
      throw new RetryableError(`${this.#config.endpoint} has answered with what is no OTLP: ${describeError(error)}`);
    }
  }

  async close(): Promise<void> {
    for (const call of this.#running) call.cancel();
    this.#connected?.client.close();
    this.#connected = undefined;
  }

  #call(method: string, request: Buffer): Promise<Uint8Array> {
    const { endpoint, timeout } = this.#config;
    const client = this.#client();
    const metadata = this.#metadata();
    return new Promise((resolve, reject) => {
      const call = client.makeUnaryRequest<Buffer, Buffer>(
        method,
        (bytes) => bytes,
        (bytes) => bytes,
        request,
        metadata,
        { deadline: Date.now() + this.#timeoutMs },
        (error, answer) => {
          this.#running.delete(call);
          const shown = Object.values(metadata.getMap()).map(String);
          if (error === null) return resolve(withoutCredentials(answer ?? Buffer.alloc(0), shown));
          error.details = withoutCredentials(Buffer.from(error.details), shown).toString();
          reject(failureOf(error, endpoint, timeout));
        },
      );
      this.#running.add(call);
    });
  }

  #metadata(): Metadata {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(this.#config.headers)) metadata.set(name.toLowerCase(), value);
    if (this.#authenticator !== undefined) metadata.set('authorization', this.#authenticator.credentials());
    return metadata;
  }

  /** Another one once the certificates have changed. */
  #client(): Client {
    const options = this.#target.insecure ? undefined : this.#tls.look();
    if (this.#connected === undefined || this.#connected.options !== options) {
      this.#connected?.client.close();
      this.#connected = { options, client: this.#connect(options) };
    }
    return this.#connected.client;
  }

  #connect(options: ConnectionOptions | undefined): Client {
    const name = this.#config.tls.server_name_override;
    return new Client(this.#target.name, channelCredentials(options), {
      'grpc.primary_user_agent': `${SCOPE.name}/${SCOPE.version}`,
      ...(this.#config.compression === 'gzip'
        ? { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip }
        : {}),
      ...(name === undefined ? {} : { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name }),
      // Trying again is decided elsewhere.
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.max_reconnect_backoff_ms': LONGEST_RECONNECT_MS,
    });
  }
}

function channelCredentials(options: ConnectionOptions | undefined): ChannelCredentials {
  if (options === undefined) return credentials.createInsecure();
  const { ca, cert, key, minVersion, rejectUnauthorized = true } = options;
  const context = createSecureContext({
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(minVersion === undefined ? {} : { minVersion }),
  });
  return credentials.createFromSecureContext(context, { rejectUnauthorized });
}

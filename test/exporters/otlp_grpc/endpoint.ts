import { Metadata, Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';

export interface Received {
  readonly method: string;
  readonly metadata: Metadata;
  readonly body: Buffer;
}

export interface Reply {
  /** A code that is not OK, with what is said of it. */
  readonly code?: status;
  readonly details?: string;
  readonly metadata?: Metadata;
  readonly body?: Uint8Array;
}

const SERVICES = ['metrics.v1.Metrics', 'trace.v1.Trace', 'logs.v1.Logs'];

/** A gRPC endpoint on loopback that answers as the test says: by default as one that takes everything. */
export class GrpcEndpoint {
  readonly received: Received[] = [];
  /** Answers the next calls, in order; `hang` never does. */
  readonly replies: (Reply | 'hang')[] = [];
  readonly #credentials: ServerCredentials;
  readonly #waiting = new Set<() => void>();
  #server = new Server();
  port = 0;

  private constructor(credentials: ServerCredentials) {
    this.#credentials = credentials;
  }

  static async open(credentials = ServerCredentials.createInsecure()): Promise<GrpcEndpoint> {
    const endpoint = new GrpcEndpoint(credentials);
    await endpoint.listen();
    return endpoint;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** On the port that it had before, if any. */
  async listen(): Promise<void> {
    this.#server = new Server();
    for (const name of SERVICES) {
      const path = `/opentelemetry.proto.collector.${name}Service/Export`;
      const bytes = (value: Buffer): Buffer => value;
      this.#server.addService(
        {
          Export: {
            path,
            requestStream: false,
            responseStream: false,
            requestSerialize: bytes,
            requestDeserialize: bytes,
            responseSerialize: bytes,
            responseDeserialize: bytes,
          },
        },
        {
          Export: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
            this.#answer(path, call, done),
        },
      );
    }
    this.port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(this.address, this.#credentials, (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }

  close(): void {
    this.#server.forceShutdown();
  }

  /** Resolves with the call of that number, from 1 on. */
  async call(number: number): Promise<Received> {
    while (this.received.length < number) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    return this.received[number - 1]!;
  }

  #answer(method: string, { request, metadata }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void {
    this.received.push({ method, metadata, body: request });
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
    const reply = this.replies.shift() ?? {};
    if (reply === 'hang') return;
    const { code = status.OK, details = '', metadata: trailer = new Metadata(), body = new Uint8Array() } = reply;
    if (code === status.OK) done(null, Buffer.from(body));
    else done({ code, details, metadata: trailer, name: 'ServiceError', message: details });
  }
}

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { stringify } from 'yaml';
import { parseExposition, type Samples } from '../oracle/samples.ts';
import { received, type Received } from './received.ts';

const BUILD = path.join(import.meta.dirname, 'build');
const READY = 'Everything is ready';

/** Whether an OpenTelemetry Collector can be had: one that is named, or Go to build it with. */
export const CAN_COLLECT =
  process.env.AGENTCOL_OTELCOL !== undefined || spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0;

/** The file of the OpenTelemetry Collector; built when there is none, which takes minutes. */
export function otelcol(): string {
  const { stdout, stderr, status } = spawnSync(BUILD, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (status !== 0) throw new Error(`test/interop/build: ${stderr}`);
  return stdout.trim();
}

export interface OpenTelemetryCollectorOptions {
  /** The address that its receivers and its Prometheus exporter listen on. */
  readonly host?: string;
  /** Of the OTLP receiver, both protocols: cert_file, key_file, client_ca_file. */
  readonly tls?: Readonly<Record<string, string>>;
  /** Without this bearer token, the OTLP receiver takes nothing. */
  readonly token?: string;
  /** Files of OTLP JSON lines that it reads as well. */
  readonly include?: string;
}

/**
 * A real OpenTelemetry Collector. What it receives over OTLP it writes to a file, one JSON line a message, before it
 * answers, and shows in its Prometheus exporter. It keeps its ports when it is started again.
 */
export class OpenTelemetryCollector {
  /** All that it ever said. */
  log = '';
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly prometheusPort: number;
  readonly #host: string;
  readonly #folder: string;
  readonly #program = otelcol();
  #child: ChildProcess | undefined;

  private constructor(folder: string, ports: readonly number[], options: OpenTelemetryCollectorOptions) {
    this.#folder = folder;
    this.#host = options.host ?? '127.0.0.1';
    [this.grpcPort, this.httpPort, this.prometheusPort] = [ports[0]!, ports[1]!, ports[2]!];
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(this.#config, stringify(this.#configuration(options)));
  }

  /** With its files in `folder`, which is made. */
  static async start(folder: string, options: OpenTelemetryCollectorOptions = {}): Promise<OpenTelemetryCollector> {
    const collector = new OpenTelemetryCollector(folder, await freePorts(3), options);
    await collector.start();
    return collector;
  }

  get #config(): string {
    return path.join(this.#folder, 'collector.yaml');
  }

  /** Where the file exporter writes. */
  get file(): string {
    return path.join(this.#folder, 'received.jsonl');
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the OpenTelemetry Collector is not running');
    return this.#child.pid;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(this.#program, ['--config', this.#config], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
        said += text;
        if (said.includes(READY)) resolve();
      });
      child.on('error', reject).on('close', () => reject(new Error(`the OpenTelemetry Collector ended: ${said}`)));
    });
  }

  /** SIGTERM: it finishes what it has accepted. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'close');
  }

  /** What its Prometheus exporter shows, without what it adds. */
  async samples(): Promise<Samples> {
    const response = await fetch(`http://${this.#host}:${this.prometheusPort}/metrics`);
    if (!response.ok) throw new Error(`the Prometheus exporter answers with ${response.status}`);
    return plainSamples(await response.text());
  }

  /** What its file exporter has written so far. */
  received(): Received {
    return received(fs.existsSync(this.file) ? fs.readFileSync(this.file, 'utf8') : '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #configuration({ tls, token, include }: OpenTelemetryCollectorOptions): object {
    const server = (port: number): object => ({
      endpoint: `${this.#host}:${port}`,
      ...(tls === undefined ? {} : { tls }),
      ...(token === undefined ? {} : { auth: { authenticator: 'bearertokenauth' } }),
    });
    const receivers = {
      otlp: { protocols: { grpc: server(this.grpcPort), http: server(this.httpPort) } },
      ...(include === undefined ? {} : { otlpjsonfile: { include: [include], start_at: 'beginning' } }),
    };
    const pipeline = (...exporters: readonly string[]): object => ({ receivers: Object.keys(receivers), exporters });
    return {
      receivers,
      exporters: {
        // With rotation it writes through; without, it answers before it has written.
        file: { path: this.file, rotation: { max_megabytes: 10_000 } },
        prometheus: { endpoint: `${this.#host}:${this.prometheusPort}`, without_scope_info: true },
      },
      extensions: token === undefined ? {} : { bearertokenauth: { token } },
      service: {
        extensions: token === undefined ? [] : ['bearertokenauth'],
        telemetry: { metrics: { level: 'none' } },
        pipelines: { metrics: pipeline('file', 'prometheus'), traces: pipeline('file'), logs: pipeline('file') },
      },
    };
  }
}

/** Without target_info, and without the labels job and instance. */
export function plainSamples(exposition: string): Samples {
  const lines = exposition.split('\n').filter((line) => !line.startsWith('target_info'));
  const plain = lines.map((line) =>
    line
      .replace(/\b(?:job|instance)="(?:[^"\\]|\\.)*",?/g, '')
      .replace(/,\}/, '}')
      .replace('{}', ''),
  );
  return parseExposition(plain.join('\n'));
}

/** Ports of loopback that were free a moment ago, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  });
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      await once(server, 'close');
    }),
  );
  return ports;
}

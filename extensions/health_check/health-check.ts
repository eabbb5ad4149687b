import type { Failure, Remark, Settings, Status, StatusExtension } from '../../src/component.ts';
import { urlOf } from '../../src/http/address.ts';
import { createListener, type Listener, type Reply } from '../../src/http/listener.ts';
import type { Config } from './config.ts';
import { isReady, reportOf } from './report.ts';

/** When to ask again while the source is being read for the first time. */
const RETRY_AFTER_SECONDS = 5;

/** Answers /healthz, /readyz and /status. What it tells is computed when it is asked. */
export class HealthCheck implements StatusExtension {
  readonly #listener: Listener;
  readonly #settings: Settings;
  #status: (() => Status) | undefined;

  constructor(config: Config, settings: Settings) {
    this.#settings = settings;
    this.#listener = createListener({
      server: config,
      settings,
      routes: {
        '/': { GET: () => ({ status: 200, body: 'agentcol: /healthz, /readyz, /status\n' }) },
        // A supervisor has no credentials, and learns nothing else here.
        '/healthz': { GET: () => ({ status: 200, body: 'ok\n' }), open: true },
        '/readyz': { GET: () => this.#readiness() },
        '/status': { GET: () => this.#report() },
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

  observe(status: () => Status): void {
    this.#status = status;
  }

  async start(): Promise<void> {
    await this.#listener.start();
    this.#settings.logger.info(`health is told on ${urlOf(this.#listener, '/status')}`);
  }

  async shutdown(): Promise<void> {
    await this.#listener.shutdown();
  }

  #readiness(): Reply {
    const status = this.#status?.();
    if (status !== undefined && isReady(status)) return { status: 200, body: 'ready\n' };
    let read = 0;
    let total = 0;
    for (const { progress } of status?.pipelines ?? []) {
      read += progress?.read ?? 0;
      total += progress?.total ?? 0;
    }
    const body = `catching up: ${read} of ${total} rows\n`;
    return { status: 503, headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) }, body };
  }

  #report(): Reply {
    const headers = { 'Content-Type': 'application/json' };
    if (this.#status === undefined) return { status: 503, headers, body: '{}\n' };
    return { status: 200, headers, body: `${JSON.stringify(reportOf(this.#status()), undefined, 2)}\n` };
  }
}

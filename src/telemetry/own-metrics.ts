import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Authenticator, Component, Logger, Status } from '../component.ts';
import type { TelemetryConfig } from '../config/config.ts';
import { ConfigError } from '../errors.ts';
import { urlOf } from '../http/address.ts';
import { createListener, type Listener, type Reply } from '../http/listener.ts';
import type { Level } from './instruments.ts';

const ADDRESS_SETTING = 'service::telemetry::metrics::address';
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface OwnMetricsOptions {
  readonly level: Level;
  /** Where to listen and who may ask, and whether the user said where. */
  readonly server: TelemetryConfig['metrics']['server'];
  readonly addressWritten: TelemetryConfig['metrics']['addressWritten'];
  readonly version: string;
  readonly logger: Logger;
  readonly status: () => Status;
  /** The authenticator extension of that id that runs now. Throws ConfigError when there is none. */
  readonly authenticator: (id: string) => Authenticator;
}

/**
 * agentcol's own metrics, at /metrics of an address of their own. The SDK, 4 MB and 0.2 s of a small machine, is loaded
 * by the first who asks for them.
 */
export class OwnMetrics implements Component {
  readonly #options: OwnMetricsOptions;
  readonly #listener: Listener;
  #text: Promise<() => Promise<string>> | undefined;
  #reloadSucceeded = true;

  constructor(options: OwnMetricsOptions) {
    this.#options = options;
    this.#listener = createListener({
      server: options.server,
      setting: ADDRESS_SETTING,
      settings: {
        logger: options.logger,
        now: Date.now,
        authenticator: (id) => whoeverIs(() => options.authenticator(id)),
      },
      routes: {
        '/': { GET: () => ({ status: 200, body: "agentcol's own metrics are at /metrics\n" }) },
        '/metrics': { GET: () => this.#scrape() },
      },
    });
  }

  /** Where it listens; undefined when it does not. */
  get address(): string | undefined {
    return this.#listener.address;
  }

  /** Whether the configuration was good when it was last read; at first it was. */
  set reloadSucceeded(succeeded: boolean) {
    this.#reloadSucceeded = succeeded;
  }

  /** Rejects with ConfigError when the user's address cannot be had. Without the default one, agentcol runs all the same. */
  async start(): Promise<void> {
    const { addressWritten, logger } = this.#options;
    try {
      await this.#listener.start();
    } catch (error) {
      if (addressWritten || !(error instanceof ConfigError)) throw error;
      logger.warn(`agentcol's own metrics are not published: ${error.message}`);
      return;
    }
    logger.info(`serving agentcol's own metrics on ${urlOf(this.#listener, '/metrics')}`);
  }

  async shutdown(): Promise<void> {
    await this.#listener.shutdown();
  }

  async #scrape(): Promise<Reply> {
    this.#text ??= this.#load();
    const text = await this.#text;
    return { status: 200, headers: { 'Content-Type': CONTENT_TYPE }, body: await text() };
  }

  async #load(): Promise<() => Promise<string>> {
    // In one go they would hold the event loop for as long as all of them take: 0.2 s.
    await import('@opentelemetry/api');
    await nextTurn();
    await import('@opentelemetry/resources');
    await nextTurn();
    await import('@opentelemetry/sdk-metrics');
    await nextTurn();
    await import('@opentelemetry/exporter-prometheus');
    await nextTurn();
    const { ownMetrics } = await import('./instruments.ts');
    return ownMetrics({ ...this.#options, reloadSucceeded: () => this.#reloadSucceeded });
  }
}

/** Extensions may be exchanged while this goes on. */
function whoeverIs(authenticator: () => Authenticator): Authenticator {
  return {
    get challenge() {
      return authenticator().challenge;
    },
    authenticate: (authorization) => authenticator().authenticate(authorization),
    recognizes: (authorization) => authenticator().recognizes(authorization),
  };
}

import { isDeepStrictEqual } from 'node:util';
import type { Config, TelemetryConfig } from '../config/config.ts';
import { parseEndpoint } from '../config/fragments.ts';
import { ConfigError, describeError } from '../errors.ts';
import { isTaken } from '../pipeline/reuse.ts';
import { Service, type Change } from '../pipeline/service.ts';
import type { RootLogger } from '../telemetry/logger.ts';
import { OwnMetrics } from '../telemetry/own-metrics.ts';
import { packageVersion } from '../package.ts';

/** What `agentcol run` runs under one configuration, which may be exchanged: the service, its log level, its own metrics. */
export class Collector {
  readonly #service: Service;
  readonly #logger: RootLogger;
  #config: Config;
  #ownMetrics: OwnMetrics | undefined;
  #reloads = 0;

  private constructor(service: Service, config: Config, logger: RootLogger) {
    this.#service = service;
    this.#logger = logger;
    this.#config = config;
    this.#ownMetrics = this.#createOwnMetrics(config.service.telemetry);
  }

  /** Opens nothing. Rejects with ConfigError. */
  static async create(config: Config, logger: RootLogger): Promise<Collector> {
    return new Collector(await Service.create(config, { logger }), config, logger);
  }

  get sources(): Service['sources'] {
    return this.#service.sources;
  }

  /** Rejects, with everything stopped again, with ConfigError where the user must act. */
  async start(): Promise<void> {
    try {
      await this.#ownMetrics?.start();
      await this.#service.start();
    } catch (error) {
      await this.#ownMetrics?.shutdown();
      throw error;
    }
  }

  /**
   * Goes over to the configuration that `load` resolves to; true when it has. Of one that is wrong, every mistake is
   * logged, and what ran before goes on. Never rejects.
   */
  async reload(load: () => Promise<Config>): Promise<boolean> {
    this.#reloads += 1;
    // Part of every message: the log counts repetitions instead of writing them, and each reload has an answer.
    const title = `reload ${this.#reloads}`;
    try {
      const config = await load();
      for (const warning of config.warnings) this.#logger.warn(`${title}: ${warning}`);
      this.#logger.info(`${title}: ${describeChange(await this.#adopt(config))}`);
      if (this.#ownMetrics !== undefined) this.#ownMetrics.reloadSucceeded = true;
      return true;
    } catch (error) {
      const reasons =
        error instanceof ConfigError ? error.problems.map(({ message }) => message) : [describeError(error)];
      for (const reason of reasons) this.#logger.error(`${title}: ${reason}`);
      this.#logger.error(`${title}: the configuration was not taken over; what ran before goes on`);
      if (this.#ownMetrics !== undefined) this.#ownMetrics.reloadSucceeded = false;
      return false;
    }
  }

  async shutdown(): Promise<void> {
    await this.#service.shutdown();
    await this.#ownMetrics?.shutdown();
  }

  async #adopt(config: Config): Promise<Change> {
    const { telemetry } = config.service;
    const before = this.#ownMetrics;
    const changes = !isDeepStrictEqual(telemetry.metrics, this.#config.service.telemetry.metrics);
    const next = changes ? this.#createOwnMetrics(telemetry) : before;
    const [here, there] = [endpointOf(this.#config), endpointOf(config)];
    // Where addresses are exchanged, one has to let go of it before another can have it.
    const early = changes && isTaken(here, config);
    const late = isSamePort(here, there) || isTaken(there, this.#config);
    if (early) await before?.shutdown();
    let change: Change;
    try {
      if (changes && !late) await next?.start();
      change = await this.#service.reload(config);
    } catch (error) {
      if (changes) await next?.shutdown();
      if (early) await this.#startAgain(before);
      throw error;
    }
    this.#logger.setLevel(telemetry.logs.level);
    this.#config = config;
    this.#ownMetrics = next;
    if (changes) await before?.shutdown();
    if (changes && late) await this.#startAgain(next);
    return change;
  }

  /** At the address that was ours a moment ago: what was taken over stays so, whoever has it now. */
  async #startAgain(ownMetrics: OwnMetrics | undefined): Promise<void> {
    try {
      await ownMetrics?.start();
    } catch (error) {
      this.#logger.error(`agentcol's own metrics are not published: ${describeError(error)}`);
    }
  }

  #createOwnMetrics({ metrics: { level, ...settings } }: TelemetryConfig): OwnMetrics | undefined {
    if (level === 'none') return undefined;
    return new OwnMetrics({
      ...settings,
      level,
      version: packageVersion(),
      logger: this.#logger,
      status: () => this.#service.status,
      authenticator: (id) => this.#service.authenticator(id),
    });
  }
}

function endpointOf({ service }: Config): string {
  return service.telemetry.metrics.server.endpoint;
}

function isSamePort(one: string, other: string): boolean {
  const [a, b] = [parseEndpoint(one), parseEndpoint(other)];
  return a?.kind === 'tcp' && b?.kind === 'tcp' ? a.port === b.port && a.port !== 0 : one === other;
}

function describeChange({ started, stopped }: Change): string {
  const parts = [
    ...(started.length > 0 ? [`started ${started.join(', ')}`] : []),
    ...(stopped.length > 0 ? [`stopped ${stopped.join(', ')}`] : []),
  ];
  return parts.length > 0 ? parts.join('; ') : 'no component changed';
}

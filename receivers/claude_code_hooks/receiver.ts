import type {
  MetricDefinition,
  Reader,
  Receiver,
  RecordDefinition,
  Remark,
  Settings,
  StorageExtension,
} from '../../src/component.ts';
import type { ServerConfig } from '../../src/config/fragments.ts';
import { ConfigError } from '../../src/errors.ts';
import { urlOf } from '../../src/http/address.ts';
import { createListener, type Listener } from '../../src/http/listener.ts';
import type { Config } from './config.ts';
import { describeFault } from './fault.ts';
import { HookDatabaseError } from './hook-database-error.ts';
import { Intake } from './intake.ts';
import { HookStore } from './store.ts';
import { OwnToken, tokenFile } from './token.ts';

/** Writes events that come over HTTP to the database of the hooks, which `tail` reads, whoever has written to it. */
export class HooksReceiver implements Receiver {
  readonly listens = true;
  readonly metrics: readonly MetricDefinition[];
  readonly records: readonly RecordDefinition[];
  readonly intervalMs: number;
  readonly #config: Config;
  readonly #settings: Settings;
  readonly #tail: Receiver;
  readonly #store: HookStore;
  readonly #token = new OwnToken();
  readonly #listener: Listener;

  /** `server`: its auth is that of the configuration, or any word for the own token. Throws ConfigError. */
  constructor(config: Config, server: ServerConfig, settings: Settings, tail: Receiver) {
    const { max_input_bytes, max_stored_text_bytes, max_depth, capture_content } = config;
    const limits = { max_input_bytes, max_stored_text_bytes, max_depth, capture_content };
    this.#config = config;
    this.#settings = settings;
    this.#tail = tail;
    this.metrics = tail.metrics ?? tail.readers.flatMap(({ metrics }) => metrics);
    this.records = tail.records ?? tail.readers.flatMap(({ records = [] }) => records);
    this.intervalMs = tail.intervalMs;
    this.#store = new HookStore(config.database, limits);
    const intake = new Intake({ database: config.database, limits, store: this.#store, settings });
    const { logger, now } = settings;
    this.#listener = createListener({
      server,
      settings: { logger, now, authenticator: (id) => (config.auth ? settings.authenticator(id) : this.#token) },
      routes: { '/hooks': { POST: (request) => intake.receive(request), json: true } },
    });
    if (config.auth === undefined) this.#tokenStorage();
  }

  /** Where it listens; undefined when it does not. */
  get address(): string | undefined {
    return this.#listener.address;
  }

  get readers(): readonly Reader[] {
    return this.#tail.readers;
  }

  poll(): void {
    this.#tail.poll();
  }

  watch(wake: () => void): Disposable {
    return this.#tail.watch(wake);
  }

  async inspect(): Promise<readonly Remark[]> {
    return [...(await this.#listener.inspect()), ...((await this.#tail.inspect?.()) ?? [])];
  }

  async start(): Promise<void> {
    const { logger } = this.#settings;
    await this.#tail.start?.();
    if (this.#config.auth === undefined) {
      const { directory } = this.#tokenStorage();
      this.#token.load(directory);
      logger.info(`hooks have to show the token in ${tokenFile(directory)}: agentcol hooks install --http`);
    }
    await this.#prepare();
    await this.#listener.start();
    logger.info(`events of hooks are taken in on ${urlOf(this.#listener, '/hooks')}`);
  }

  async shutdown(): Promise<void> {
    await this.#listener.shutdown();
    this.#store.close();
    await this.#tail.shutdown?.();
  }

  /** What passes by itself does not keep the collector from starting: every event tries again. */
  async #prepare(): Promise<void> {
    try {
      await this.#store.open();
    } catch (error) {
      const { detail } = describeFault(error);
      const message = `prepare ${this.#config.database}: ${detail}`;
      if (error instanceof HookDatabaseError)
        throw new ConfigError([{ path: ['database'], message }], { cause: error });
      this.#settings.logger.error(message);
    }
  }

  #tokenStorage(): StorageExtension {
    const storage = this.#settings.storage(this.#config.storage);
    if (storage !== undefined) return storage;
    const message =
      'the token that hooks have to show is kept in a storage: start file_storage, or name an authenticator by auth';
    throw new ConfigError([{ path: ['storage'], message }]);
  }
}

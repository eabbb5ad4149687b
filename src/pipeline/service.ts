import { performance } from 'node:perf_hooks';
import type {
  Component,
  Failure,
  Logger,
  MetricSource,
  Status,
  StatusExtension,
  StorageExtension,
} from '../component.ts';
import type { Config } from '../config/config.ts';
import { ConfigError, describeError } from '../errors.ts';
import { State } from '../state/state.ts';
import { childLogger } from '../telemetry/logger.ts';
import { assemble, placed, type Assembly, type Built, type LanePlan } from './assembly.ts';
import { Lane } from './lane.ts';
import { statusOf } from './status.ts';

/** Below the five seconds that are promised, so that the last word is ours. */
const SHUTDOWN_MS = 4_500;

export interface ServiceOptions {
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** false: what others would talk to is created and never started, exporters and status extensions. */
  readonly listen?: boolean;
}

export interface ComponentFailure extends Failure {
  /** Its id in the configuration. */
  readonly component: string;
  /** The reader of a receiver; absent where it is not about one. */
  readonly reader?: string;
}

/** The running collector: consumers start first, producers stop first. */
export class Service {
  readonly #assembly: Assembly;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #listen: boolean;
  readonly #lanes: { readonly plan: LanePlan; readonly lane: Lane }[] = [];
  readonly #states = new Map<StorageExtension | undefined, { readonly id: string; readonly state: State }>();
  readonly #waiting = new Set<() => void>();
  /** In the order of starting. */
  readonly #started: Built[] = [];
  readonly #startTimeMs: number;
  #stopping = false;
  #stopped: Promise<void> | undefined;

  private constructor(assembly: Assembly, logger: Logger, now: () => number, listen: boolean) {
    this.#assembly = assembly;
    this.#logger = logger;
    this.#now = now;
    this.#listen = listen;
    this.#startTimeMs = now();
  }

  /** Creates every component; opens nothing. Throws ConfigError with every problem, each with its place. */
  static async create(config: Config, { logger, now = Date.now, listen = true }: ServiceOptions): Promise<Service> {
    return new Service(await assemble(config, { logger, now }), logger, now, listen);
  }

  /** One for each pipeline. */
  get sources(): readonly MetricSource[] {
    return this.#assembly.stores;
  }

  get failures(): readonly ComponentFailure[] {
    const ofLanes = this.#lanes.flatMap(({ plan, lane }) =>
      lane.failures.map((failure) => ({ component: plan.receiver.configured.id, ...failure })),
    );
    return [...ofLanes, ...this.#stateFailures];
  }

  get status(): Status {
    return statusOf({
      startTimeMs: this.#startTimeMs,
      assembly: this.#assembly,
      lanes: this.#lanes,
      failures: new Map(this.#stateFailures.map((failure) => [failure.component, failure])),
    });
  }

  get #stateFailures(): readonly ComponentFailure[] {
    return [...this.#states.values()].flatMap(({ id, state }) =>
      state.failure === undefined ? [] : [{ component: id, reason: 'state', ...state.failure }],
    );
  }

  /** Rejects, with everything stopped again, with ConfigError where the user must act. */
  async start(): Promise<void> {
    try {
      const { extensions, exporters, lanes } = this.#assembly;
      for (const extension of extensions) {
        if (isStatusExtension(extension.instance)) {
          if (!this.#listen) continue;
          extension.instance.observe(() => this.status);
        }
        await this.#start(extension);
      }
      if (this.#listen) {
        for (const exporter of exporters) {
          exporter.instance.connect(exporter.sources);
          await this.#start(exporter);
        }
      }
      for (const { receiver, processors } of lanes) {
        for (const processor of processors) await this.#start(processor);
        await this.#start(receiver);
      }
      // Every lane is known to its pipeline before the first one could make it ready.
      for (const plan of lanes) this.#lanes.push({ plan, lane: this.#createLane(plan) });
      for (const { lane } of this.#lanes) lane.start();
      // A pipeline without anything to read is ready now.
      for (const store of this.#assembly.stores) store.announce();
    } catch (error) {
      await this.shutdown();
      throw error;
    }
  }

  /** Resolves when every reader has caught up once or has reported a failure, and when the state fails: see `failures`. */
  caughtUp(): Promise<void> {
    return new Promise((resolve) => {
      const subscriptions: Disposable[] = [];
      const check = (): void => {
        const ready = this.sources.every((source) => source.progress() === undefined);
        const failed = [...this.#states.values()].some(({ state }) => state.failure !== undefined);
        if (!ready && !failed && !this.#stopping) return;
        this.#waiting.delete(check);
        for (const subscription of subscriptions) subscription[Symbol.dispose]();
        resolve();
      };
      this.#waiting.add(check);
      for (const source of this.sources) subscriptions.push(source.onCommit(check));
      check();
    });
  }

  /** Commits what was read and lets go of everything, within 5 s. May be called twice, and without a start. */
  shutdown(): Promise<void> {
    this.#stopping = true;
    this.#stopped ??= this.#shutdown();
    return this.#stopped;
  }

  async #start(built: Built): Promise<void> {
    if (this.#stopping) throw new Error('stopped while starting');
    const { configured, instance } = built;
    this.#started.push(built);
    try {
      await instance.start?.();
    } catch (error) {
      if (error instanceof ConfigError) throw new ConfigError(placed(configured, error), { cause: error });
      throw new Error(`start ${configured.id}`, { cause: error });
    }
  }

  #createLane(plan: LanePlan): Lane {
    const { pipeline, receiver, processors, processorsDigest, storage, store } = plan;
    return new Lane({
      pipeline,
      receiverId: receiver.configured.id,
      receiver: receiver.instance,
      processors: processors.map(({ instance }) => instance),
      processorsDigest,
      state: this.#stateOn(storage),
      store,
      logger: childLogger(this.#logger, receiver.configured.id),
      now: this.#now,
    });
  }

  #stateOn(storage: StorageExtension | undefined): State {
    const opened = this.#states.get(storage);
    if (opened !== undefined) return opened.state;
    const owner = this.#assembly.extensions.find(({ instance }) => instance === storage);
    const id = owner?.configured.id ?? 'state';
    try {
      const state = new State({
        storage,
        logger: childLogger(this.#logger, id),
        now: this.#now,
        onFailure: () => {
          this.#check();
        },
      });
      this.#states.set(storage, { id, state });
      return state;
    } catch (error) {
      if (owner === undefined || !(error instanceof ConfigError)) throw error;
      throw new ConfigError(placed(owner.configured, error), { cause: error });
    }
  }

  async #shutdown(): Promise<void> {
    const deadline = performance.now() + SHUTDOWN_MS;
    for (const { lane } of this.#lanes) lane.stop();
    // Exporters still see the last commit.
    for (const { state } of this.#states.values()) state.close();
    for (const built of this.#started.toReversed()) await this.#stop(built, deadline);
    this.#check();
  }

  async #stop({ configured, instance }: Built<Component>, deadline: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, deadline - performance.now()), 'late');
    });
    try {
      if ((await Promise.race([instance.shutdown?.(), late])) === 'late') {
        this.#logger.warn(`${configured.id} has not stopped in time`);
      }
    } catch (error) {
      this.#logger.error(`stop ${configured.id}: ${describeError(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }

  #check(): void {
    for (const check of this.#waiting) check();
  }
}

function isStatusExtension(component: Component): component is StatusExtension {
  return 'observe' in component;
}

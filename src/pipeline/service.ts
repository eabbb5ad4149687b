import { performance } from 'node:perf_hooks';
import type {
  Authenticator,
  Component,
  Logger,
  MetricsExporter,
  MetricSource,
  Status,
  StatusExtension,
} from '../component.ts';
import type { Config } from '../config/config.ts';
import { ConfigError, describeError } from '../errors.ts';
import { assemble, authenticatorOf, placed, type Assembly, type Built, type ExporterPlan } from './assembly.ts';
import { Lanes, type ComponentFailure } from './lanes.ts';
import { componentsOf, includes, isRival } from './reuse.ts';
import { resourceOf } from './resource.ts';
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

/** What a reload has started and stopped: ids, each once. */
export interface Change {
  readonly started: readonly string[];
  readonly stopped: readonly string[];
}

/** The running collector: consumers start first, producers stop first. */
export class Service {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #listen: boolean;
  readonly #lanes: Lanes;
  readonly #waiting = new Set<() => void>();
  readonly #startTimeMs: number;
  /** By exporter id: the sources that it shows, ready all of them. */
  readonly #shown = new Map<string, ExporterPlan['sources']>();
  #config: Config;
  #assembly: Assembly;
  /** In the order of starting. */
  #started: readonly Built[] = [];
  /** Starting and reloading, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #stopping = false;
  #stopped: Promise<void> | undefined;

  private constructor(config: Config, assembly: Assembly, options: Required<ServiceOptions>) {
    this.#config = config;
    this.#assembly = assembly;
    this.#logger = options.logger;
    this.#now = options.now;
    this.#listen = options.listen;
    this.#startTimeMs = options.now();
    const onFailure = (): void => {
      this.#check();
    };
    this.#lanes = new Lanes({ logger: options.logger, now: options.now, onFailure });
  }

  /** Creates every component; opens nothing. Throws ConfigError with every problem, each with its place. */
  static async create(config: Config, { logger, now = Date.now, listen = true }: ServiceOptions): Promise<Service> {
    return new Service(config, await assemble(config, { logger, now }), { logger, now, listen });
  }

  /** One for each pipeline. */
  get sources(): readonly MetricSource[] {
    return this.#assembly.stores;
  }

  get failures(): readonly ComponentFailure[] {
    return this.#lanes.failures;
  }

  get status(): Status {
    return statusOf({
      startTimeMs: this.#startTimeMs,
      pipelines: this.#config.service.pipelines,
      assembly: this.#assembly,
      lanes: this.#lanes.running,
      failures: new Map(this.#lanes.stateFailures.map((failure) => [failure.component, failure])),
    });
  }

  /** The running authenticator of that id. Throws ConfigError when there is none. */
  authenticator(id: string): Authenticator {
    return authenticatorOf(this.#assembly.extensions, id);
  }

  /** Rejects, with everything stopped again, with ConfigError where the user must act. */
  start(): Promise<void> {
    return this.#next(async () => {
      try {
        await this.#become(this.#assembly);
      } catch (error) {
        await this.shutdown();
        throw error;
      }
    });
  }

  /**
   * Goes over to another configuration: what it wants as it is goes on undisturbed, everything else is replaced. What is
   * published stays until the lanes that replace others have caught up. Rejects, with everything as it was, with
   * ConfigError where the user must act.
   */
  reload(config: Config): Promise<Change> {
    return this.#next(async () => {
      const next = await assemble(config, { logger: this.#logger, now: this.#now, running: this.#running() });
      try {
        const change = await this.#become(next);
        this.#config = config;
        return change;
      } catch (error) {
        if (!this.#stopping) await this.#goBack();
        throw error;
      }
    });
  }

  /** Resolves when every reader has caught up once or has reported a failure, and when the state fails: see `failures`. */
  caughtUp(): Promise<void> {
    return new Promise((resolve) => {
      const subscriptions: Disposable[] = [];
      const check = (): void => {
        const ready = this.sources.every((source) => source.progress() === undefined);
        const failed = this.#lanes.stateFailures.length > 0;
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

  /** Does one thing after the other, whatever came of those before. */
  #next<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** Runs what the assembly holds and nothing else. Where it throws, some of both may run. */
  async #become(next: Assembly): Promise<Change> {
    const wanted = componentsOf(next).filter(({ instance }) => this.#listen || !listens(instance));
    const arriving = wanted.filter(({ instance }) => !includes(this.#started, instance));
    const leaving = this.#started.filter(({ instance }) => !includes(wanted, instance));
    const late = arriving.filter((built) => leaving.some((other) => isRival(built.configured, other.configured)));
    for (const { configured, sources } of this.#assembly.exporters) {
      if (sources.every((source) => source.progress() === undefined)) this.#shown.set(configured.id, sources);
    }
    for (const built of arriving.filter((other) => !late.includes(other))) await this.#start(built, next);
    this.#refuseWhenStopping();
    this.#lanes.openStates(next.lanes, next.extensions);
    for (const built of late) {
      for (const rival of leaving.filter((other) => isRival(built.configured, other.configured))) {
        await this.#stop(rival, performance.now() + SHUTDOWN_MS);
      }
      await this.#start(built, next);
    }
    this.#refuseWhenStopping();
    this.#exchange(next);
    for (const built of leaving.toReversed()) await this.#stop(built, performance.now() + SHUTDOWN_MS);
    return { started: idsOf(arriving), stopped: idsOf(leaving) };
  }

  /** Synchronous: a scrape sees what was before, or what is after. */
  #exchange(next: Assembly): void {
    const before = this.#assembly;
    this.#lanes.run(this.#listen ? next.lanes : next.lanes.filter(({ signal }) => signal === 'metrics'));
    this.#assembly = next;
    for (const { instance, sources } of next.exporters) {
      const known = before.exporters.find((plan) => plan.instance === instance)?.sources;
      const changed = known?.length !== sources.length || sources.some((source) => !known.includes(source));
      // One that has just started is connected.
      if (known !== undefined && changed && takesMetrics(instance)) instance.connect(sources);
    }
    for (const store of next.stores) {
      // The lanes of a pipeline have processors of their own, but of the same settings.
      const processors = next.lanes.find(({ pipeline }) => pipeline === store.id)?.processors ?? [];
      store.describe(resourceOf(processors.map(({ instance }) => instance)));
      // A pipeline without anything to read is ready now.
      store.announce();
    }
  }

  #running() {
    return { ...this.#assembly, lanes: this.#lanes.running.map(({ plan }) => plan), components: this.#started };
  }

  #refuseWhenStopping(): void {
    if (this.#stopping) throw new Error('stopped while starting');
  }

  async #goBack(): Promise<void> {
    try {
      const running = this.#running();
      await this.#become(await assemble(this.#config, { logger: this.#logger, now: this.#now, running }));
    } catch (error) {
      this.#logger.error(`go back to the configuration before: ${describeError(error)}`);
    }
  }

  async #start(built: Built, { exporters }: Assembly): Promise<void> {
    this.#refuseWhenStopping();
    const { configured, instance } = built;
    if (isStatusExtension(instance)) instance.observe(() => this.status);
    const plan = exporters.find((exporter) => exporter.instance === instance);
    if (plan !== undefined && takesMetrics(instance)) {
      // What its predecessor shows, until there is more: once ready, always ready.
      const shown = this.#shown.get(configured.id);
      if (shown !== undefined) instance.connect(shown);
      instance.connect(plan.sources);
    }
    this.#started = [...this.#started, built];
    try {
      await instance.start?.();
    } catch (error) {
      await this.#stop(built, performance.now() + SHUTDOWN_MS);
      if (error instanceof ConfigError) throw new ConfigError(placed(configured, error), { cause: error });
      throw new Error(`start ${configured.id}`, { cause: error });
    }
  }

  async #shutdown(): Promise<void> {
    const deadline = performance.now() + SHUTDOWN_MS;
    // Exporters still see the last commit.
    await this.#lanes.close(SHUTDOWN_MS / 2);
    for (const built of this.#started.toReversed()) await this.#stop(built, deadline);
    this.#check();
  }

  async #stop(built: Built, deadline: number): Promise<void> {
    const { configured, instance } = built;
    if (!this.#started.includes(built)) return;
    this.#started = this.#started.filter((other) => other !== built);
    let timer: NodeJS.Timeout | undefined;
    // A component that hangs must not keep the others from stopping, nor the process from ending.
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

/** What others would talk to, or what talks to others. */
function listens(component: Component): boolean {
  return component.listens === true || takesMetrics(component) || 'export' in component || isStatusExtension(component);
}

function takesMetrics(component: Component): component is MetricsExporter {
  return 'connect' in component;
}

function idsOf(components: readonly Built[]): readonly string[] {
  return [...new Set(components.map(({ configured }) => configured.id))];
}

function isStatusExtension(component: Component): component is StatusExtension {
  return 'observe' in component;
}

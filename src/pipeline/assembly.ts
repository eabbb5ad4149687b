import type {
  Authenticator,
  BatchExporter,
  ClientAuthenticator,
  Component,
  Exporter,
  ExporterFactory,
  Logger,
  Processor,
  ProcessorFactory,
  Receiver,
  ReceiverFactory,
  Settings,
  StorageExtension,
} from '../component.ts';
import type { ComponentFactory, Config, ConfiguredComponent } from '../config/config.ts';
import { ConfigError, type Problem } from '../errors.ts';
import { childLogger } from '../telemetry/logger.ts';
import { Feed } from './feed.ts';
import {
  hasSameSettings,
  includes,
  isSame,
  isSameLane,
  NOTHING_RUNS,
  type Find,
  type Lookup,
  type Running,
} from './reuse.ts';
import { ruleProblems } from './rules.ts';
import { MetricStore } from './store.ts';

/** A component and where it stands in the configuration. */
export interface Built<Instance extends Component = Component> {
  readonly configured: ConfiguredComponent;
  readonly instance: Instance;
  /** The other components that it has asked for, and what it was given. */
  readonly lookups: readonly Lookup[];
}

/** One receiver's way into one pipeline of metrics, or of spans or log records to one exporter: nothing of it is shared. */
export type LanePlan = MetricsLanePlan | RecordsLanePlan;

interface Lane {
  readonly pipeline: string;
  readonly receiver: Built<Receiver>;
  /** The first lane of its receiver in the configuration: it takes in what comes from elsewhere. */
  readonly first: boolean;
  readonly processors: readonly Built<Processor>[];
  /** Keeps the state of the lane; undefined: nothing does. */
  readonly storage: StorageExtension | undefined;
}

export interface MetricsLanePlan extends Lane {
  readonly signal: 'metrics';
  /** Changes with whatever the processors do to attributes. */
  readonly processorsDigest: string;
  readonly store: MetricStore;
}

export interface RecordsLanePlan extends Lane {
  readonly signal: 'traces' | 'logs';
  readonly exporter: Built<BatchExporter>;
}

/** What the state of a lane is kept under, besides its pipeline and receiver. */
export function sinkOf(plan: LanePlan): string {
  return plan.signal === 'metrics' ? plan.signal : plan.exporter.configured.id;
}

/** One exporter, shared by all pipelines that name it. */
export interface ExporterPlan extends Built<Exporter> {
  /** Of metrics pipelines. */
  readonly sources: readonly Feed[];
}

/** Everything the configuration asks for, in the order of starting: created and not started, or running already. */
export interface Assembly {
  readonly extensions: readonly Built[];
  readonly exporters: readonly ExporterPlan[];
  readonly lanes: readonly LanePlan[];
  readonly stores: readonly MetricStore[];
}

export interface AssembleOptions {
  readonly logger: Logger;
  readonly now: () => number;
  /** Taken over where it is what the configuration asks for: the very same objects. */
  readonly running?: Running;
}

/** Throws ConfigError with every problem of every component, each message with its place. */
export async function assemble(
  config: Config,
  { logger, now, running = NOTHING_RUNS }: AssembleOptions,
): Promise<Assembly> {
  const problems: Problem[] = [...doubledCounts(config)];
  const storages = new Map<string, StorageExtension>();
  const extensions: Built[] = [];
  const find: Find = ({ kind, id }) => {
    if (kind === 'authenticator') return extensions.find(({ configured }) => configured.id === id)?.instance;
    return id === undefined ? onlyOne(storages) : storages.get(id);
  };
  const build = async <F extends ComponentFactory>(
    configured: ConfiguredComponent<F>,
    role: Pick<Settings, 'signal' | 'first'> = {},
  ): Promise<Built<InstanceOf<F>>[]> => {
    const lookups: Lookup[] = [];
    const settings: Settings = {
      id: configured.id,
      ...role,
      logger: childLogger(logger, configured.id),
      now,
      storage: (id) => {
        const found = findStorage(storages, id);
        lookups.push({ kind: 'storage', id, found });
        return found;
      },
      authenticator: (id) => {
        const found = authenticatorOf(extensions, id);
        lookups.push({ kind: 'authenticator', id, found });
        return found;
      },
      clientAuthenticator: (id) => {
        const found = clientAuthenticatorOf(extensions, id);
        lookups.push({ kind: 'authenticator', id, found });
        return found;
      },
    };
    try {
      // The factory's own type parameter is gone here: its schema has validated what it is given.
      const instance = (await configured.factory.create(configured.settings, settings)) as InstanceOf<F>;
      return [{ configured, instance, lookups }];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw new Error(`create ${configured.id}`, { cause: error });
      problems.push(...placed(configured, error));
      return [];
    }
  };

  for (const configured of named(config.extensions, config.service.extensions)) {
    const same = running.components.find(
      (built) =>
        !includes(extensions, built.instance) && (isSame(built, configured, find) || isSameStorage(built, configured)),
    );
    for (const extension of same === undefined ? await build(configured) : [{ ...same, configured }]) {
      extensions.push(extension);
      if (isStorage(extension.instance)) storages.set(configured.id, extension.instance);
    }
  }

  const pipelines = [...config.service.pipelines];
  const stores = new Map<string, MetricStore>();
  for (const [id, { signal }] of pipelines) {
    if (signal !== 'metrics') continue;
    stores.set(id, running.stores.find((store) => store.id === id) ?? new MetricStore(id, childLogger(logger, id)));
  }

  const exporters: ExporterPlan[] = [];
  for (const configured of named(config.exporters, new Set(pipelines.flatMap(([, plan]) => plan.exporters)))) {
    const before = running.exporters.find((plan) => plan.configured.id === configured.id);
    const sources = pipelines.flatMap(([id, plan]) => {
      const store = stores.get(id);
      if (store === undefined || !plan.exporters.includes(configured.id)) return [];
      return [before?.sources.find((feed) => feed.id === id) ?? new Feed(store)];
    });
    const stays =
      before !== undefined && includes(running.components, before.instance) && isSame(before, configured, find);
    for (const built of stays ? [before] : await build<ExporterFactory>(configured)) {
      exporters.push({ ...built, configured, sources });
    }
  }

  const lanes: LanePlan[] = [];
  const met = new Set<string>();
  for (const [pipeline, { signal, ...ids }] of pipelines) {
    const store = stores.get(pipeline);
    const processors = named(config.processors, ids.processors);
    const sinks =
      store === undefined ? exporters.filter(({ configured: { id } }) => ids.exporters.includes(id)) : [undefined];
    for (const receiver of named(config.receivers, ids.receivers)) {
      const storage = storageOf(receiver, storages, problems);
      for (const exporter of sinks) {
        const first = !met.has(receiver.id);
        met.add(receiver.id);
        const wanted = { pipeline, storage, first, receiver, processors, exporter: exporter?.instance };
        const same = running.lanes.find((lane) => isSameLane(lane, wanted, find));
        if (same !== undefined) {
          lanes.push(same);
          continue;
        }
        const receivers = await build<ReceiverFactory>(receiver, { signal, first });
        const builtProcessors: Built<Processor>[] = [];
        for (const processor of processors) {
          builtProcessors.push(...(await build<ProcessorFactory>(processor, { signal })));
        }
        for (const built of receivers) {
          const lane = { pipeline, receiver: built, first, processors: builtProcessors, storage };
          if (store !== undefined) {
            lanes.push({ ...lane, signal: 'metrics', processorsDigest: digestOf(builtProcessors), store });
          } else if (signal !== 'metrics' && exporter !== undefined && isBatchExporter(exporter)) {
            lanes.push({ ...lane, signal, exporter });
          }
        }
      }
    }
  }

  // Of a lane that could not be built nothing is known, and its own problems come first.
  if (problems.length === 0) problems.push(...ruleProblems(config, lanes));
  if (problems.length > 0) throw new ConfigError(unique(problems));
  return { extensions, exporters, lanes, stores: [...stores.values()] };
}

/** Of all that decides what is counted: what is said of the resource leaves the series alone. */
function digestOf(processors: readonly Built<Processor>[]): string {
  const counting = processors.filter(({ instance }) => instance.resource === undefined);
  return JSON.stringify(counting.map(({ configured: { type, settings } }) => [type, settings]));
}

type InstanceOf<F extends ComponentFactory> = Awaited<ReturnType<F['create']>>;

/** The problems of a component with "file:line:column: kind::id::key: " before each message. */
export function placed(configured: ConfiguredComponent, error: ConfigError): Problem[] {
  return error.problems.map((problem) => ({ path: [], message: configured.place(problem) }));
}

function named<F extends ComponentFactory>(
  components: ReadonlyMap<string, ConfiguredComponent<F>>,
  ids: Iterable<string>,
): ConfiguredComponent<F>[] {
  return [...new Set(ids)].map((id) => {
    const configured = components.get(id);
    if (configured === undefined) throw new Error(`${id} is not configured`);
    return configured;
  });
}

/** A receiver that reaches an exporter by two ways would be counted twice there. */
function doubledCounts(config: Config): Problem[] {
  const ways = new Map<string, { receiver: string; exporter: string; pipelines: string[] }>();
  for (const [pipeline, plan] of config.service.pipelines) {
    for (const receiver of new Set(plan.receivers)) {
      for (const exporter of new Set(plan.exporters)) {
        const key = JSON.stringify([plan.signal, receiver, exporter]);
        const way = ways.get(key) ?? { receiver, exporter, pipelines: [] };
        way.pipelines.push(pipeline);
        ways.set(key, way);
      }
    }
  }
  return [...ways.values()]
    .filter(({ pipelines }) => pipelines.length > 1)
    .flatMap(({ receiver, exporter, pipelines }) =>
      named(config.receivers, [receiver]).map((configured) => ({
        path: [],
        message: configured.place({
          path: [],
          message: `reaches exporter "${exporter}" through the pipelines ${pipelines.join(' and ')}, so that every count would be doubled; give one of them an exporter of its own`,
        }),
      })),
    );
}

function isBatchExporter(exporter: Built<Exporter>): exporter is Built<BatchExporter> {
  return 'export' in exporter.instance;
}

export function isStorage(component: Component): component is StorageExtension {
  return 'directory' in component && 'secret' in component;
}

function isAuthenticator(component: Component): component is Authenticator {
  return 'challenge' in component && 'authenticate' in component;
}

function isClientAuthenticator(component: Component): component is ClientAuthenticator {
  return 'credentials' in component;
}

/** A storage keeps running when only its id changes: its folder cannot be locked a second time. */
function isSameStorage(running: Built, wanted: ConfiguredComponent): boolean {
  return isStorage(running.instance) && hasSameSettings(running.configured, wanted);
}

function onlyOne(storages: ReadonlyMap<string, StorageExtension>): StorageExtension | undefined {
  return storages.size === 1 ? [...storages.values()][0] : undefined;
}

function findStorage(
  storages: ReadonlyMap<string, StorageExtension>,
  id: string | undefined,
): StorageExtension | undefined {
  if (id === undefined) return onlyOne(storages);
  const storage = storages.get(id);
  if (storage === undefined) {
    throw new ConfigError([
      { path: ['storage'], message: `"${id}" is not a storage extension that the service starts` },
    ]);
  }
  return storage;
}

/** Throws ConfigError when none of the extensions is an authenticator of that id. */
export function authenticatorOf(extensions: readonly Built[], id: string): Authenticator {
  const instance = extensions.find(({ configured }) => configured.id === id)?.instance;
  if (instance !== undefined && isAuthenticator(instance)) return instance;
  const message = `"${id}" is no authenticator that the service starts; an extension that asks for one stands after it in service::extensions`;
  throw new ConfigError([{ path: ['auth', 'authenticator'], message }]);
}

function clientAuthenticatorOf(extensions: readonly Built[], id: string): ClientAuthenticator {
  const instance = extensions.find(({ configured }) => configured.id === id)?.instance;
  if (instance !== undefined && isClientAuthenticator(instance)) return instance;
  const message = `"${id}" has nothing to show to an endpoint: name a basicauth extension with client_auth, or a bearertokenauth one`;
  throw new ConfigError([{ path: ['auth', 'authenticator'], message }]);
}

/** A receiver says in its setting `storage` where its state is kept; without, it is kept nowhere. */
function storageOf(
  configured: ConfiguredComponent,
  storages: ReadonlyMap<string, StorageExtension>,
  problems: Problem[],
): StorageExtension | undefined {
  const { settings } = configured;
  if (typeof settings !== 'object' || settings === null || !('storage' in settings)) return undefined;
  if (typeof settings.storage !== 'string') return undefined;
  try {
    return findStorage(storages, settings.storage);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...placed(configured, error));
    return undefined;
  }
}

/** The same processor in several lanes has the same problems. */
function unique(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [problem.message, problem])).values()];
}

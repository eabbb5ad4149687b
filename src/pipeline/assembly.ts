import type {
  Component,
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
import { MetricStore } from './store.ts';

/** A component and where it stands in the configuration. */
export interface Built<Instance extends Component = Component> {
  readonly configured: ConfiguredComponent;
  readonly instance: Instance;
}

/** One receiver's way into one pipeline: nothing of it is shared. */
export interface LanePlan {
  readonly pipeline: string;
  readonly receiver: Built<Receiver>;
  readonly processors: readonly Built<Processor>[];
  /** Changes with whatever the processors do to attributes. */
  readonly processorsDigest: string;
  /** Keeps the state of the lane; undefined: nothing does. */
  readonly storage: StorageExtension | undefined;
  readonly store: MetricStore;
}

/** One exporter, shared by all pipelines that name it. */
export interface ExporterPlan extends Built<Awaited<ReturnType<ExporterFactory['create']>>> {
  readonly sources: readonly Feed[];
}

/** Everything the configuration asks for, created and not started, in the order of starting. */
export interface Assembly {
  readonly extensions: readonly Built[];
  readonly exporters: readonly ExporterPlan[];
  readonly lanes: readonly LanePlan[];
  readonly stores: readonly MetricStore[];
}

/** Throws ConfigError with every problem of every component, each message with its place. */
export async function assemble(
  config: Config,
  { logger, now }: { readonly logger: Logger; readonly now: () => number },
): Promise<Assembly> {
  const problems: Problem[] = [...doubledCounts(config)];
  const storages = new Map<string, StorageExtension>();
  const settingsOf = (id: string): Settings => ({
    id,
    logger: childLogger(logger, id),
    now,
    storage: (wanted) => findStorage(storages, wanted),
  });
  const build = async <F extends ComponentFactory>(configured: ConfiguredComponent<F>): Promise<InstanceOf<F>[]> => {
    try {
      // The factory's own type parameter is gone here: its schema has validated what it is given.
      return [(await configured.factory.create(configured.settings, settingsOf(configured.id))) as InstanceOf<F>];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw new Error(`create ${configured.id}`, { cause: error });
      problems.push(...placed(configured, error));
      return [];
    }
  };

  const extensions: Built[] = [];
  for (const configured of named(config.extensions, config.service.extensions)) {
    for (const instance of await build(configured)) {
      extensions.push({ configured, instance });
      if (isStorage(instance)) storages.set(configured.id, instance);
    }
  }

  const lanes: LanePlan[] = [];
  const stores = new Map<string, MetricStore>();
  for (const [pipeline, plan] of config.service.pipelines) {
    const store = new MetricStore(pipeline, childLogger(logger, pipeline));
    stores.set(pipeline, store);
    const configuredProcessors = named(config.processors, plan.processors);
    for (const configured of named(config.receivers, plan.receivers)) {
      const receivers = await build<ReceiverFactory>(configured);
      const processors: Built<Processor>[] = [];
      for (const processor of configuredProcessors) {
        for (const instance of await build<ProcessorFactory>(processor))
          processors.push({ configured: processor, instance });
      }
      for (const instance of receivers) {
        lanes.push({
          pipeline,
          receiver: { configured, instance },
          processors,
          processorsDigest: JSON.stringify(configuredProcessors.map(({ type, settings }) => [type, settings])),
          storage: storageOf(configured, storages, problems),
          store,
        });
      }
    }
  }

  const exporters: ExporterPlan[] = [];
  const pipelines = [...config.service.pipelines];
  for (const configured of named(config.exporters, new Set(pipelines.flatMap(([, plan]) => plan.exporters)))) {
    const sources = pipelines.flatMap(([id, plan]) =>
      plan.exporters.includes(configured.id) ? [new Feed(stores.get(id)!)] : [],
    );
    for (const instance of await build<ExporterFactory>(configured)) exporters.push({ configured, instance, sources });
  }
  if (problems.length > 0) throw new ConfigError(unique(problems));
  return { extensions, exporters, lanes, stores: [...stores.values()] };
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
        const key = JSON.stringify([receiver, exporter]);
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

function isStorage(component: Component): component is StorageExtension {
  return 'directory' in component && 'secret' in component;
}

function findStorage(
  storages: ReadonlyMap<string, StorageExtension>,
  id: string | undefined,
): StorageExtension | undefined {
  if (id === undefined) return storages.size === 1 ? [...storages.values()][0] : undefined;
  const storage = storages.get(id);
  if (storage === undefined) {
    throw new ConfigError([
      { path: ['storage'], message: `"${id}" is not a storage extension that the service starts` },
    ]);
  }
  return storage;
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

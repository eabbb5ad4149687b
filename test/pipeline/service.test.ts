import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type {
  Component,
  ExporterFactory,
  ExtensionFactory,
  MetricSource,
  ProcessorFactory,
  ReceiverFactory,
  Settings,
} from '../../src/component.ts';
import type { ComponentFactory, Config, ConfiguredComponent, PipelineConfig } from '../../src/config/config.ts';
import { ConfigError, SourceError } from '../../src/errors.ts';
import { Service } from '../../src/pipeline/service.ts';
import { Ledger, LedgerReader, LedgerReceiver, published, recorder, recounted } from './ledger.ts';
import { Folder, storageIn } from './running.ts';

/** What happened, in order. */
let events: string[];
let folder: Folder;
const running: Service[] = [];

beforeEach(() => {
  events = [];
  folder = new Folder();
});

afterEach(async () => {
  for (const service of running.splice(0)) await service.shutdown();
  folder[Symbol.dispose]();
});

interface Script {
  readonly ledger?: Ledger;
  readonly storage?: string;
  readonly failAt?: 'create' | 'start' | 'shutdown';
  readonly error?: Error;
  readonly neverStops?: boolean;
}

const asScript = (settings: unknown): Script => settings as Script;

function lifecycle(id: string, script: Script): Required<Pick<Component, 'start' | 'shutdown'>> {
  return {
    async start() {
      events.push(`start ${id}`);
      if (script.failAt === 'start' && script.error !== undefined) throw script.error;
    },
    async shutdown() {
      events.push(`stop ${id}`);
      if (script.neverStops === true) await new Promise(() => undefined);
      if (script.failAt === 'shutdown' && script.error !== undefined) throw script.error;
    },
  };
}

function create(settings: Settings, script: Script): Required<Pick<Component, 'start' | 'shutdown'>> {
  events.push(`create ${settings.id}`);
  if (script.failAt === 'create' && script.error !== undefined) throw script.error;
  return lifecycle(settings.id, script);
}

const described = { signals: ['metrics'], summary: 'For tests.', schema: {} } as const;

const receiver: ReceiverFactory = {
  ...described,
  type: 'ledger',
  kind: 'receiver',
  async create(config, settings) {
    const script = asScript(config);
    const reader = new LedgerReader(script.ledger ?? new Ledger());
    return Object.assign(new LedgerReceiver([reader]), create(settings, script));
  },
};
const processor: ProcessorFactory = {
  ...described,
  type: 'same',
  kind: 'processor',
  async create(config, settings) {
    return { ...create(settings, asScript(config)), process: (batch) => batch };
  },
};
const connected = new Map<string, readonly MetricSource[]>();
const exporter: ExporterFactory = {
  ...described,
  type: 'keep',
  kind: 'exporter',
  async create(config, settings) {
    return {
      ...create(settings, asScript(config)),
      connect(sources) {
        events.push(`connect ${settings.id}`);
        connected.set(settings.id, sources);
      },
    };
  },
};
const storage: ExtensionFactory = {
  ...described,
  type: 'storage',
  kind: 'extension',
  async create(config, settings) {
    return { ...create(settings, asScript(config)), ...storageIn(folder.path) };
  },
};
const plain: ExtensionFactory = {
  ...described,
  type: 'plain',
  kind: 'extension',
  async create(config, settings) {
    return create(settings, asScript(config));
  },
};

interface Parts {
  readonly receivers: Readonly<Record<string, Script>>;
  readonly processors?: Readonly<Record<string, Script>>;
  readonly exporters?: Readonly<Record<string, Script>>;
  readonly extensions?: Readonly<Record<string, Script>>;
  readonly pipelines?: Readonly<Record<string, Partial<PipelineConfig>>>;
}

function configOf({ receivers, processors = {}, exporters = { keep: {} }, extensions = {}, pipelines }: Parts): Config {
  const section = <F extends ComponentFactory>(
    of: (id: string) => F,
    scripts: Readonly<Record<string, Script>>,
  ): Map<string, ConfiguredComponent<F>> =>
    new Map(
      Object.entries(scripts).map(([id, settings]) => {
        const factory = of(id);
        const place: ConfiguredComponent['place'] = ({ path, message }) =>
          `file:1:1: ${[`${factory.kind}s`, id, ...path].join('::')}: ${message}`;
        return [id, { id, type: factory.type, factory, settings, place }];
      }),
    );
  const whole: PipelineConfig = {
    signal: 'metrics',
    receivers: Object.keys(receivers),
    processors: Object.keys(processors),
    exporters: Object.keys(exporters),
  };
  return {
    receivers: section(() => receiver, receivers),
    processors: section(() => processor, processors),
    exporters: section(() => exporter, exporters),
    extensions: section((id) => (id.startsWith('storage') ? storage : plain), extensions),
    service: {
      extensions: Object.keys(extensions),
      pipelines: new Map(
        Object.entries(pipelines ?? { metrics: {} }).map(([id, pipeline]) => [id, { ...whole, ...pipeline }]),
      ),
      privacy: { sensitive_attributes: [], allow: [] },
      telemetry: {
        logs: { level: 'info' },
        metrics: {
          level: 'normal',
          server: { endpoint: '127.0.0.1:9466', allow_insecure_bind: false, allowed_hosts: [] },
          addressWritten: false,
        },
      },
    },
    place: ({ message }) => `file:1:1: service: ${message}`,
    warnings: [],
    print: () => '',
  };
}

const log = recorder();

async function serviceOf(parts: Parts, options: { listen?: boolean } = {}): Promise<Service> {
  const service = await Service.create(configOf(parts), { logger: log, now: () => 1_000, ...options });
  running.push(service);
  return service;
}

const some = (): Ledger => new Ledger().add({ session: 's' }, { agent: 'b', session: 't' });

test('starts consumers first and stops producers first', async () => {
  const service = await serviceOf({
    receivers: { ledger: { ledger: some() } },
    processors: { same: {} },
    extensions: { plain: {} },
  });
  expect(events).toEqual(['create plain', 'create keep', 'create ledger', 'create same']);
  events = [];
  await service.start();
  await service.caughtUp();
  expect(events).toEqual(['start plain', 'connect keep', 'start keep', 'start same', 'start ledger']);
  events = [];
  await service.shutdown();
  await service.shutdown();
  expect(events).toEqual(['stop ledger', 'stop same', 'stop keep', 'stop plain']);
});

test('publishes what the receivers of each pipeline read', async () => {
  const [one, two] = [some(), some().add({ agent: 'c' })];
  const service = await serviceOf({
    receivers: { 'ledger/1': { ledger: one }, 'ledger/2': { ledger: two } },
    exporters: { 'keep/1': {}, 'keep/2': {} },
    pipelines: {
      metrics: { exporters: ['keep/1'] },
      'metrics/second': { receivers: ['ledger/2'], exporters: ['keep/2'] },
    },
  });
  await service.start();
  await service.caughtUp();
  expect(service.failures).toEqual([]);
  expect(service.sources.map(({ id }) => id)).toEqual(['metrics', 'metrics/second']);
  expect(published(service.sources[0]!)).toMatchObject(recounted([one, two]));
  expect(published(service.sources[1]!)).toMatchObject(recounted([two]));
  expect(connected.get('keep/1')?.map(({ id }) => id)).toEqual(['metrics']);
});

test('gives an exporter all pipelines that name it, and each pipeline a receiver and processors of its own', async () => {
  const service = await serviceOf({
    receivers: { 'ledger/1': {}, 'ledger/2': {} },
    processors: { same: {} },
    pipelines: { metrics: { receivers: ['ledger/1'] }, 'metrics/second': { receivers: ['ledger/2'] } },
  });
  await service.start();
  expect(connected.get('keep')?.map(({ id }) => id)).toEqual(service.sources.map(({ id }) => id));
  expect(events.filter((event) => event === 'create same')).toHaveLength(2);
  expect(events.filter((event) => event === 'create keep')).toHaveLength(1);
});

test('refuses a receiver that reaches an exporter twice: every count would be doubled', async () => {
  const parts = { receivers: { ledger: {} }, pipelines: { metrics: {}, 'metrics/again': {} } };
  await expect(serviceOf(parts)).rejects.toThrow(
    'file:1:1: receivers::ledger: reaches exporter "keep" through the pipelines metrics and metrics/again, so that every count would be doubled',
  );
});

test('tells the problems of all components at once, each with its place, once', async () => {
  const error = new ConfigError([{ path: ['key'], message: 'is bad' }]);
  const parts = {
    receivers: { 'ledger/1': {}, 'ledger/2': { storage: 'nowhere' } },
    processors: { same: { failAt: 'create', error } },
    exporters: { keep: { failAt: 'create', error } },
  } as const;
  const failure: unknown = await serviceOf(parts).catch((thrown: unknown) => thrown);
  expect(failure).toBeInstanceOf(ConfigError);
  expect((failure as ConfigError).problems.map(({ message }) => message)).toEqual([
    'file:1:1: exporters::keep::key: is bad',
    'file:1:1: processors::same::key: is bad',
    'file:1:1: receivers::ledger/2::storage: "nowhere" is not a storage extension that the service starts',
  ]);
});

test('a fault that is not of the configuration keeps its cause', async () => {
  const error = new Error('broken');
  await expect(serviceOf({ receivers: { ledger: { failAt: 'create', error } } })).rejects.toMatchObject({
    message: 'create ledger',
    cause: error,
  });
  const service = await serviceOf({ receivers: { ledger: { failAt: 'start', error } } });
  await expect(service.start()).rejects.toMatchObject({ message: 'start ledger', cause: error });
});

test('stops what it has started when a start fails, and places the message', async () => {
  const service = await serviceOf({
    receivers: { ledger: {} },
    exporters: { keep: { failAt: 'start', error: new ConfigError([{ path: ['endpoint'], message: 'is in use' }]) } },
    extensions: { plain: {} },
  });
  events = [];
  await expect(service.start()).rejects.toThrow('file:1:1: exporters::keep::endpoint: is in use');
  expect(events).toEqual(['start plain', 'connect keep', 'start keep', 'stop keep', 'stop plain']);
});

test('starts no exporter when it does not listen', async () => {
  const ledger = some();
  const service = await serviceOf({ receivers: { ledger: { ledger } } }, { listen: false });
  await service.start();
  await service.caughtUp();
  expect(events).toEqual(['create keep', 'create ledger', 'start ledger']);
  expect(published(service.sources[0]!)).toMatchObject(recounted([ledger]));
});

test('has caught up when a source has failed, and says which', async () => {
  const ledger = some();
  ledger.failure = new SourceError('missing', 'no such file');
  const service = await serviceOf({ receivers: { ledger: { ledger } } });
  await service.start();
  await service.caughtUp();
  expect(service.failures).toEqual([
    { component: 'ledger', reader: 'rows', reason: 'missing', message: 'no such file', sinceMs: 1_000 },
  ]);
});

test('keeps the state of a receiver in the storage that it names', async () => {
  const ledger = some();
  const parts: Parts = { receivers: { ledger: { ledger, storage: 'storage/a' } }, extensions: { 'storage/a': {} } };
  const first = await serviceOf(parts);
  await first.start();
  await first.caughtUp();
  await first.shutdown();
  ledger.failure = new Error('gone');
  const second = await serviceOf(parts);
  await second.start();
  await second.caughtUp();
  expect(published(second.sources[0]!)['calls{agent=a}']).toBe(1);
});

test('commits at shutdown what was read until then', async () => {
  const ledger = some();
  const parts: Parts = { receivers: { ledger: { ledger, storage: 'storage/a' } }, extensions: { 'storage/a': {} } };
  const service = await serviceOf(parts);
  await service.start();
  await service.caughtUp();
  const heard: number[] = [];
  service.sources[0]!.onCommit((changes) => heard.push(changes.length));
  await service.shutdown();
  expect(heard).toEqual([]);
});

test('places what is wrong with the state at its storage', async () => {
  const { default: Database } = await import('better-sqlite3');
  const newer = new Database(folder.file('state.db'));
  newer.pragma('user_version = 99');
  newer.close();
  const service = await serviceOf({ receivers: { ledger: { storage: 'storage/a' } }, extensions: { 'storage/a': {} } });
  await expect(service.start()).rejects.toThrow(/^file:1:1: extensions::storage\/a: the state .* newer agentcol/);
});

test('has caught up when the state fails, and says so', async () => {
  const service = await serviceOf({
    receivers: { ledger: { ledger: some(), storage: 'storage/a' } },
    extensions: { 'storage/a': {} },
  });
  await service.start();
  folder[Symbol.dispose]();
  await service.caughtUp();
  expect(service.failures).toMatchObject([{ component: 'storage/a', reason: 'state' }]);
  expect(service.status.extensions).toMatchObject([{ id: 'storage/a', failure: { reason: 'state' } }]);
});

test('a component that fails to stop, or never does, does not keep the others from stopping', async () => {
  const service = await serviceOf({
    receivers: { ledger: { neverStops: true } },
    exporters: { keep: { failAt: 'shutdown', error: new Error('jammed') } },
    extensions: { plain: {} },
  });
  await service.start();
  events = [];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const stopped = service.shutdown();
    await vi.advanceTimersByTimeAsync(5_000);
    await stopped;
  } finally {
    vi.useRealTimers();
  }
  expect(events).toEqual(['stop ledger', 'stop keep', 'stop plain']);
  expect(log.lines).toEqual(expect.arrayContaining(['warn ledger has not stopped in time', 'error stop keep: jammed']));
});

test('stops without having started, and answers those who wait', async () => {
  const ledger = some();
  const service = await serviceOf({ receivers: { ledger: { ledger } } });
  const waiting = service.caughtUp();
  await service.shutdown();
  await waiting;
  await expect(service.start()).rejects.toThrow('stopped while starting');
});

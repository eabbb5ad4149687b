import { isDeepStrictEqual } from 'node:util';
import type { Authenticator, ClientAuthenticator, Component, StorageExtension } from '../component.ts';
import type { Config, ConfiguredComponent } from '../config/config.ts';
import { parseEndpoint } from '../config/fragments.ts';
import type { Assembly, Built, LanePlan } from './assembly.ts';

/** What runs, for an assembly to take over what it wants just the same. */
export interface Running extends Pick<Assembly, 'exporters' | 'lanes' | 'stores'> {
  /** Of every kind. */
  readonly components: readonly Built[];
}

/** A component that another one has asked for. */
export type Lookup =
  | { readonly kind: 'storage'; readonly id: string | undefined; readonly found: StorageExtension | undefined }
  | { readonly kind: 'authenticator'; readonly id: string; readonly found: Authenticator | ClientAuthenticator };

/** What a configuration would give to the same question. */
export type Find = (lookup: Lookup) => Component | undefined;

/** Of another configuration, nothing runs yet. */
export const NOTHING_RUNS: Running = { components: [], exporters: [], lanes: [], stores: [] };

/** Whether a running component is what the configuration asks for: same settings, same storage and authenticator. */
export function isSame({ configured: running, lookups }: Built, wanted: ConfiguredComponent, find: Find): boolean {
  return (
    running.id === wanted.id &&
    hasSameSettings(running, wanted) &&
    lookups.every((lookup) => find(lookup) === lookup.found)
  );
}

export function hasSameSettings(running: ConfiguredComponent, wanted: ConfiguredComponent): boolean {
  return running.factory === wanted.factory && isDeepStrictEqual(running.settings, wanted.settings);
}

/** Whether a running lane is what the configuration asks for. */
export function isSameLane(
  running: LanePlan,
  wanted: Pick<LanePlan, 'pipeline' | 'storage' | 'first'> & {
    /** Of spans and log records: where they go. */
    readonly exporter: Component | undefined;
    readonly receiver: ConfiguredComponent;
    readonly processors: readonly ConfiguredComponent[];
  },
  find: Find,
): boolean {
  const { receiver, processors } = wanted;
  return (
    running.pipeline === wanted.pipeline &&
    running.storage === wanted.storage &&
    running.first === wanted.first &&
    (running.signal === 'metrics' ? undefined : running.exporter.instance) === wanted.exporter &&
    isSame(running.receiver, receiver, find) &&
    running.processors.length === processors.length &&
    running.processors.every((processor, index) => isSame(processor, processors[index]!, find))
  );
}

/** The components of an assembly in the order of starting. */
export function componentsOf({ extensions, exporters, lanes }: Assembly): readonly Built[] {
  const ofLanes = lanes.flatMap(({ processors, receiver }) => [...processors, receiver]);
  return [...extensions, ...exporters, ...ofLanes];
}

export function includes(components: readonly Built[], instance: Component): boolean {
  return components.some((built) => built.instance === instance);
}

/** Whether two components cannot listen at the same time, going by their setting `endpoint`: same port, whatever the host. */
export function isRival(one: ConfiguredComponent, other: ConfiguredComponent): boolean {
  const address = addressOf(one);
  return address !== undefined && address === addressOf(other);
}

/** Whether any component that the service starts listens where `endpoint` does, likewise. */
export function isTaken(endpoint: string, { receivers, exporters, extensions, service }: Config): boolean {
  const address = addressAt(endpoint);
  const used = new Set([
    ...service.extensions,
    ...[...service.pipelines.values()].flatMap((pipeline) => [...pipeline.receivers, ...pipeline.exporters]),
  ]);
  return [...receivers.values(), ...exporters.values(), ...extensions.values()].some(
    (component) => used.has(component.id) && address !== undefined && addressOf(component) === address,
  );
}

function addressOf({ settings }: ConfiguredComponent): string | undefined {
  if (typeof settings !== 'object' || settings === null || !('endpoint' in settings)) return undefined;
  return typeof settings.endpoint === 'string' ? addressAt(settings.endpoint) : undefined;
}

function addressAt(text: string): string | undefined {
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined) return undefined;
  if (endpoint.kind === 'unix') return endpoint.path;
  return endpoint.port === 0 ? undefined : String(endpoint.port);
}

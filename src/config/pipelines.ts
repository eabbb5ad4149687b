import { serverProblems } from '../http/server-problems.ts';
import type { Signal } from '../pipeline/signals.ts';
import type { Config, ConfiguredComponent, PipelineConfig } from './config.ts';
import { isNamed, writtenIds, type Draft } from './configure.ts';
import { findingAt, findingAtKey, renderFinding } from './findings.ts';
import { parseComponentId, type ServerConfig } from './fragments.ts';
import { habitOfType } from './habits.ts';
import { didYouMean } from './nearest.ts';
import { SECTION_NAMES, SECTIONS, type Section, type ServiceSettings } from './sections.ts';
import { locate } from './tree.ts';

type Components = Readonly<Record<Section, ReadonlyMap<string, ConfiguredComponent>>>;

const SIGNALS = ['metrics', 'traces', 'logs'] as const satisfies readonly Signal[];
const ROLES = ['receivers', 'processors', 'exporters'] as const;
const METRICS = ['service', 'telemetry', 'metrics'];
const ADDRESS = [...METRICS, 'address'];

/** What connects the components. Findings tell what leads nowhere. */
export function connectService(draft: Draft, service: ServiceSettings, components: Components): Config['service'] {
  const pipelines = new Map<string, PipelineConfig>();
  for (const [id, roles] of Object.entries(service.pipelines)) {
    const signal = signalOf(draft, id);
    if (signal === undefined) continue;
    for (const role of ROLES) {
      roles[role].forEach((name, index) => connect(draft, components, { id, signal }, role, name, index));
    }
    pipelines.set(id, { signal, ...roles });
  }
  service.extensions.forEach((id, index) => {
    if (!writtenIds(draft.root, 'extensions').includes(id)) {
      missing(draft, ['service', 'extensions', index], ['service', 'extensions'], 'extensions', id);
    }
  });
  for (const { path, id } of draft.references) {
    if (!writtenIds(draft.root, 'extensions').includes(id)) missing(draft, path, path, 'extensions', id);
    else if (!service.extensions.includes(id)) {
      const message = `references extension ${JSON.stringify(id)} which is not started: add it to service::extensions`;
      draft.findings.push(findingAt(draft.root, path, message));
    }
  }
  const addressWritten = locate(draft.root, ADDRESS).tree !== undefined;
  const { logs } = service.telemetry;
  const { level, address: endpoint, ...rest } = service.telemetry.metrics;
  const server = { ...rest, endpoint };
  checkServer(draft, server);
  const { extensions, privacy } = service;
  return { extensions, pipelines, privacy, telemetry: { logs, metrics: { level, server, addressWritten } } };
}

/** Components that are configured and do nothing. */
export function unusedWarnings(draft: Draft, service: Config['service']): string[] {
  const pipelines = [...service.pipelines.values()];
  return SECTION_NAMES.flatMap((section) => {
    const used = section === 'extensions' ? service.extensions : pipelines.flatMap((pipeline) => pipeline[section]);
    const reason = section === 'extensions' ? 'not listed in service::extensions' : 'used in no pipeline';
    return writtenIds(draft.root, section)
      .filter((id) => !used.includes(id))
      .map((id) => findingAtKey(draft.root, [section, id], `${JSON.stringify(id)} is configured, but ${reason}`))
      .map(renderFinding);
  });
}

/** The signal is the type of the pipeline's id. */
function signalOf(draft: Draft, id: string): Signal | undefined {
  const type = parseComponentId(id)?.type;
  const signal = SIGNALS.find((one) => one === type);
  if (signal !== undefined) return signal;
  const message = `${JSON.stringify(id)} is no pipeline id: write "metrics", "traces" or "logs", or "metrics/name"${didYouMean(type ?? id, SIGNALS)}`;
  draft.findings.push(findingAtKey(draft.root, ['service', 'pipelines', id], message));
  return undefined;
}

function connect(
  draft: Draft,
  components: Components,
  { id: pipeline, signal }: { readonly id: string; readonly signal: Signal },
  role: (typeof ROLES)[number],
  id: string,
  index: number,
): void {
  const path = ['service', 'pipelines', pipeline];
  const place = [...path, role, index];
  if (!writtenIds(draft.root, role).includes(id)) {
    missing(draft, place, path, role, id);
    return;
  }
  const factory = components[role].get(id)?.factory;
  if (factory !== undefined && !factory.signals.includes(signal)) {
    const message = `${SECTIONS[role]} ${JSON.stringify(id)} does not take ${signal}, but ${factory.signals.join(', ')}`;
    draft.findings.push({ ...findingAt(draft.root, place, message), path });
  }
}

function missing(
  draft: Draft,
  place: readonly (string | number)[],
  path: readonly (string | number)[],
  section: Section,
  id: string,
): void {
  const configured = writtenIds(draft.root, section);
  const type = parseComponentId(id)?.type ?? id;
  // A type that this build has is a component to be configured, whatever other builds lack.
  const known = draft.factories.some((factory) => isNamed(factory, type) && factory.kind === SECTIONS[section]);
  const habit = known ? undefined : habitOfType(section, type);
  if (habit !== undefined) {
    draft.findings.push({ ...findingAt(draft.root, place, habit), path });
    return;
  }
  const hint = didYouMean(id, configured);
  const elsewhere = SECTION_NAMES.find((other) => other !== section && writtenIds(draft.root, other).includes(id));
  const misplaced = elsewhere === undefined ? '' : `; there is one under ${elsewhere}`;
  const message = `references ${SECTIONS[section]} ${JSON.stringify(id)} which is not configured${hint === '' ? misplaced : hint}`;
  draft.findings.push({ ...findingAt(draft.root, place, message), path });
}

function checkServer(draft: Draft, server: ServerConfig): void {
  for (const { path, message } of serverProblems(server)) {
    const [setting, ...rest] = path;
    const place = setting === 'endpoint' ? ADDRESS : [...METRICS, ...(setting === undefined ? [] : [setting]), ...rest];
    draft.findings.push(findingAt(draft.root, place, message.replace('set endpoint to', 'set address to')));
  }
}

import type { ExporterFactory, ExtensionFactory, ProcessorFactory, ReceiverFactory } from '../component.ts';
import { ConfigError, type Problem } from '../errors.ts';
import type { Signal } from '../pipeline/signals.ts';
import { configureSection, settle, type Draft } from './configure.ts';
import { schemaFindings } from './explain.ts';
import { findingAt, findingsError, renderFinding, type Finding } from './findings.ts';
import type { ServerConfig } from './fragments.ts';
import { habitOfKey } from './habits.ts';
import { connectService, unusedWarnings } from './pipelines.ts';
import { printConfig } from './print.ts';
import type { PrivacyConfig } from './privacy.ts';
import { SchemaCheck } from './schema.ts';
import { ROOT_SCHEMA, type ServiceSettings } from './sections.ts';
import { readSources } from './sources.ts';
import { surroundings } from './substitute.ts';
import { plainValue } from './tree.ts';

/** A valid configuration: every reference leads somewhere, every setting has its value. */
export interface Config {
  readonly receivers: ReadonlyMap<string, ConfiguredComponent<ReceiverFactory>>;
  readonly processors: ReadonlyMap<string, ConfiguredComponent<ProcessorFactory>>;
  readonly exporters: ReadonlyMap<string, ConfiguredComponent<ExporterFactory>>;
  readonly extensions: ReadonlyMap<string, ConfiguredComponent<ExtensionFactory>>;
  readonly service: {
    /** In the order in which they start. */
    readonly extensions: readonly string[];
    /** By pipeline id: `metrics`, `metrics/usage`. */
    readonly pipelines: ReadonlyMap<string, PipelineConfig>;
    readonly privacy: PrivacyConfig;
    readonly telemetry: TelemetryConfig;
  };
  /** "otel-config.yaml:12:5: service::pipelines::metrics: <message>", of what is in no component; paths from the root. */
  place(problem: Problem): string;
  /** Worth a look, with file:line:column; nothing is wrong. */
  readonly warnings: readonly string[];
  /** YAML of all of it, defaults included, that loads again; what is secret stands as [REDACTED]. */
  print(): string;
}

/** Component ids, all of them configured and able to take the signal. */
export interface PipelineConfig {
  readonly signal: Signal;
  readonly receivers: readonly string[];
  readonly processors: readonly string[];
  readonly exporters: readonly string[];
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** agentcol's own logs and metrics. */
export interface TelemetryConfig {
  readonly logs: { readonly level: LogLevel };
  readonly metrics: {
    readonly level: 'none' | 'basic' | 'normal' | 'detailed';
    /** Its endpoint is the setting `address`. */
    readonly server: ServerConfig;
    /** Whether the address stands in the configuration: then it is an error when it is in use, else a warning. */
    readonly addressWritten: boolean;
  };
}

export type ComponentFactory = ReceiverFactory | ProcessorFactory | ExporterFactory | ExtensionFactory;

export interface ConfiguredComponent<F extends ComponentFactory = ComponentFactory> {
  readonly id: string;
  readonly type: string;
  readonly factory: F;
  /** Validated against the factory's schema, defaults filled in, paths absolute: what `create` takes. */
  readonly settings: unknown;
  /** "otel-config.yaml:12:5: receivers::sqlite/agents::database: <message>", of the nearest key that was written. */
  place(problem: Problem): string;
}

export interface ConfigSources {
  /** At least one; later ones win, maps merge, lists replace. */
  readonly files: readonly string[];
  /** "a::b::c=value", after all files. */
  readonly sets?: readonly string[];
  /** What relative paths in the files are relative to; default: the folder of each. */
  readonly directory?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory?: string;
}

/** Throws ConfigError with every problem, each message complete with its place, in the order of the files. */
export async function loadConfig(sources: ConfigSources, factories: readonly ComponentFactory[]): Promise<Config> {
  if (sources.files.length === 0) throw new ConfigError('no configuration file is given');
  const around = surroundings(sources.env, sources.homeDirectory);
  const findings: Finding[] = [];
  const root = readSources(sources, around, findings);
  const draft: Draft = { root, around, factories, schemas: new SchemaCheck(), findings, references: [], secrets: [] };

  const { value, errors, marked } = draft.schemas.check<{ readonly service: ServiceSettings }>(
    ROOT_SCHEMA,
    plainValue(root),
  );
  for (const mark of marked) settle(draft, [], mark);
  const habit = (key: string): string | undefined => habitOfKey('root', key);
  findings.push(...schemaFindings(errors, root, [], habit));

  const components = {
    receivers: await configureSection(
      draft,
      'receivers',
      factories.filter((factory) => factory.kind === 'receiver'),
    ),
    processors: await configureSection(
      draft,
      'processors',
      factories.filter((factory) => factory.kind === 'processor'),
    ),
    exporters: await configureSection(
      draft,
      'exporters',
      factories.filter((factory) => factory.kind === 'exporter'),
    ),
    extensions: await configureSection(
      draft,
      'extensions',
      factories.filter((factory) => factory.kind === 'extension'),
    ),
  };
  const service = value === undefined ? undefined : connectService(draft, value.service, components);
  if (value === undefined || service === undefined || findings.length > 0) throw findingsError(findings);
  const settings = { ...components, service: value.service };
  return {
    ...components,
    service,
    place: ({ path, message }) => renderFinding(findingAt(root, path, message)),
    warnings: unusedWarnings(draft, service),
    print: () => printConfig(draft, settings),
  };
}

import type { Remark } from '../component.ts';
import type { Config, ConfiguredComponent } from '../config/config.ts';
import { ConfigError, describeError } from '../errors.ts';
import { assemble, sinkOf, type Assembly, type Built } from '../pipeline/assembly.ts';
import { outflows, type LeavingAttribute, type Outflow } from '../pipeline/outflow.ts';
import { keptReaders } from '../state/inventory.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { ValidateOptions } from './command-line.ts';
import { load } from './load.ts';
import { print } from './print.ts';

/** Something found, with its place: "otel-config.yaml:12:5: receivers::sqlite: ...". */
interface Found {
  readonly severity: Remark['severity'];
  /** Its id; undefined: the configuration as a whole. */
  readonly component?: string;
  /** Without the place. */
  readonly message: string;
  readonly text: string;
}

interface Options extends ValidateOptions {
  readonly files: readonly string[];
  readonly sets: readonly string[];
}

/** Prints what is wrong, what could go wrong and what leaves. Builds everything, starts nothing. Rejects with ConfigError. */
export async function validate({ files, sets, strict, json }: Options): Promise<number> {
  try {
    const loaded = await load(files, sets);
    const { found, outflow } = await inspect(loaded.config);
    const fails = found.some(({ severity }) => severity === 'error' || (strict && severity === 'warning'));
    await print(json ? asJson(!fails, found, outflow) : report(loaded.files.join(', '), found, outflow));
    return fails ? 1 : 0;
  } catch (error) {
    if (!json || !(error instanceof ConfigError)) throw error;
    const found = error.problems.map(({ message }) => ({ severity: 'error' as const, message, text: message }));
    await print(asJson(false, found, []));
    return 1;
  }
}

async function inspect(config: Config): Promise<{ found: readonly Found[]; outflow: readonly Outflow[] }> {
  const logger = createLogger({ level: 'error', stream: process.stderr });
  const assembly = await assemble(config, { logger, now: Date.now });
  const found: Found[] = config.warnings.map((text) => ({ severity: 'warning', message: text, text }));
  const { extensions, exporters, lanes } = assembly;
  const built = [
    ...lanes.flatMap(({ receiver, processors }) => [receiver, ...processors]),
    ...exporters,
    ...extensions,
  ];
  // A component of several pipelines is built several times.
  for (const { configured, instance } of new Map(built.map((one) => [one.configured, one])).values()) {
    for (const remark of (await instance.inspect?.()) ?? []) found.push(foundAt(configured, remark));
  }
  for (const extension of extensions) found.push(...orphans(extension, assembly));
  return { found, outflow: outflows(config, assembly.lanes) };
}

function foundAt(configured: ConfiguredComponent, { severity, path, message }: Remark): Found {
  return { severity, component: configured.id, message, text: configured.place({ path, message }) };
}

/** State that no lane continues: of what was renamed or removed. */
function orphans({ configured, instance }: Built, { lanes }: Assembly): Found[] {
  if (!('directory' in instance) || typeof instance.directory !== 'string') return [];
  const read = new Set(
    lanes.flatMap((lane) => {
      const { pipeline, receiver, storage } = lane;
      return storage === instance
        ? receiver.instance.readers.map(({ id }) =>
            JSON.stringify([pipeline, receiver.configured.id, sinkOf(lane), id]),
          )
        : [];
    }),
  );
  const unread = new Map<string, string[]>();
  try {
    for (const { pipeline, receiver, sink, reader } of keptReaders(instance.directory)) {
      if (read.has(JSON.stringify([pipeline, receiver, sink, reader]))) continue;
      const owner = `${receiver} in pipeline ${pipeline}${sink === 'metrics' ? '' : ` for ${sink}`}`;
      unread.set(owner, [...(unread.get(owner) ?? []), reader]);
    }
  } catch (error) {
    const message = `the state cannot be looked into: ${describeError(error)}`;
    return [foundAt(configured, { severity: 'warning', path: [], message })];
  }
  return [...unread].map(([owner, readers]) => {
    const message = `keeps the totals of ${readers.join(', ')} of ${owner}, which the configuration does not name: what was renamed is counted anew`;
    return foundAt(configured, { severity: 'warning', path: [], message });
  });
}

function asJson(valid: boolean, findings: readonly Found[], outflow: readonly Outflow[]): string {
  const exporters = outflow.map(({ attributes, ...flow }) => ({
    ...flow,
    attributes: attributes.map(({ name, treatments, metrics, sensitive }) => ({
      name,
      treatments,
      metrics,
      sensitive,
    })),
  }));
  return `${JSON.stringify({ valid, findings, exporters }, undefined, 2)}\n`;
}

function report(files: string, found: readonly Found[], outflow: readonly Outflow[]): string {
  const of = (wanted: Remark['severity']): readonly Found[] => found.filter(({ severity }) => severity === wanted);
  const [errors, warnings, notes] = [of('error'), of('warning'), of('note')];
  const counts = [plural(errors.length, 'error'), plural(warnings.length, 'warning')].filter((text) => text !== '');
  const lines = [`${files}: ${counts.length === 0 ? 'OK' : counts.join(', ')}`];
  for (const { severity, text } of [...errors, ...warnings]) lines.push(`${severity}: ${text}`);
  for (const component of new Set(notes.map((note) => note.component))) {
    lines.push('', `${component ?? ''}:`);
    const messages = notes.filter((note) => note.component === component).map(({ message }) => message);
    for (const message of new Set(messages)) lines.push(`  ${message}`);
  }
  for (const { exporter, pipeline, attributes, resource } of outflow) {
    lines.push('', `attributes that ${exporter} gets from pipeline ${pipeline}:`, ...attributeLines(attributes));
    if (resource.length > 0) lines.push(`  of the resource: ${resource.map(({ name }) => name).join(', ')}`);
  }
  return `${lines.join('\n')}\n`;
}

/** "  hashed (sensitive as *session_id, hidden): session_id" */
function attributeLines(attributes: readonly LeavingAttribute[]): readonly string[] {
  const byTreatment = new Map<string, string[]>();
  for (const attribute of attributes) {
    const { name, treatments } = attribute;
    const treatment = `${treatments.length === 0 ? 'as they are' : treatments.join(', ')}${permission(attribute)}`;
    byTreatment.set(treatment, [...(byTreatment.get(treatment) ?? []), name]);
  }
  if (byTreatment.size === 0) return ['  none'];
  return [...byTreatment].map(([treatment, names]) => `  ${treatment}: ${[...new Set(names)].join(', ')}`);
}

/** Why a sensitive attribute may leave. */
function permission({ name, sensitive }: LeavingAttribute): string {
  if (sensitive === undefined) return '';
  const made = sensitive.name === name ? '' : `made from ${sensitive.name}, `;
  const { permittedBy = 'nobody' } = sensitive;
  const reason = typeof permittedBy === 'object' ? `allowed as ${permittedBy.allow}` : permittedBy;
  return ` (${made}sensitive as ${sensitive.glob}, ${reason})`;
}

function plural(count: number, word: string): string {
  return count === 0 ? '' : `${count} ${word}${count === 1 ? '' : 's'}`;
}

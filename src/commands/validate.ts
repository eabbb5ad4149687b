import type { Remark, TracedAttribute } from '../component.ts';
import type { Config, ConfiguredComponent } from '../config/config.ts';
import { ConfigError, describeError } from '../errors.ts';
import { assemble, type Assembly, type Built } from '../pipeline/assembly.ts';
import { outflows, type Outflow } from '../pipeline/outflow.ts';
import { keptReaders } from '../state/inventory.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { ValidateOptions } from './command-line.ts';
import { load } from './load.ts';
import { print } from './print.ts';

/** Attributes that tell sessions apart: the preset that has them is for those who hash them. */
const SESSION_IDS = ['session_id', 'gen_ai.conversation.id'];

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
  const outflow = outflows(config, assembly);
  found.push(...outflow.flatMap((flow) => exposedSessions(config, flow)));
  return { found, outflow };
}

function foundAt(configured: ConfiguredComponent, { severity, path, message }: Remark): Found {
  return { severity, component: configured.id, message, text: configured.place({ path, message }) };
}

/** State that no lane continues: of what was renamed or removed. */
function orphans({ configured, instance }: Built, { lanes }: Assembly): Found[] {
  if (!('directory' in instance) || typeof instance.directory !== 'string') return [];
  const read = new Set(
    lanes.flatMap(({ pipeline, receiver, storage }) =>
      storage === instance
        ? receiver.instance.readers.map(({ id }) => JSON.stringify([pipeline, receiver.configured.id, id]))
        : [],
    ),
  );
  const unread = new Map<string, string[]>();
  try {
    for (const { pipeline, receiver, reader } of keptReaders(instance.directory)) {
      if (read.has(JSON.stringify([pipeline, receiver, reader]))) continue;
      const owner = `${receiver} in pipeline ${pipeline}`;
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

function exposedSessions(config: Config, { exporter, pipeline, attributes }: Outflow): Found[] {
  const configured = config.exporters.get(exporter);
  if (configured === undefined) return [];
  return attributes
    .filter(({ name, treatments }) => SESSION_IDS.includes(name) && !treatments.includes('hashed'))
    .map(({ name }) => {
      const message = `${name} leaves pipeline ${pipeline} as it is; put a hash processor into the pipeline`;
      return foundAt(configured, { severity: 'error', path: [], message });
    });
}

function asJson(valid: boolean, findings: readonly Found[], outflow: readonly Outflow[]): string {
  return `${JSON.stringify({ valid, findings, exporters: outflow }, undefined, 2)}\n`;
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
  for (const { exporter, pipeline, attributes } of outflow) {
    lines.push('', `attributes that ${exporter} gets from pipeline ${pipeline}:`, ...attributeLines(attributes));
  }
  return `${lines.join('\n')}\n`;
}

/** "  paths stripped: a, b" */
function attributeLines(attributes: readonly TracedAttribute[]): readonly string[] {
  const byTreatment = new Map<string, string[]>();
  for (const { name, treatments } of attributes) {
    const treatment = treatments.length === 0 ? 'as they are' : treatments.join(', ');
    byTreatment.set(treatment, [...(byTreatment.get(treatment) ?? []), name]);
  }
  if (byTreatment.size === 0) return ['  none'];
  return [...byTreatment].map(([treatment, names]) => `  ${treatment}: ${names.join(', ')}`);
}

function plural(count: number, word: string): string {
  return count === 0 ? '' : `${count} ${word}${count === 1 ? '' : 's'}`;
}

import { Ajv } from 'ajv';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isCollection, isNode, LineCounter, parse, parseDocument, type Node } from 'yaml';
import { type MappingConfig, presetSchema } from './config.ts';
import { digestOf } from './mapping.ts';

const FOLDER = new URL('./presets/', import.meta.url);
const SUFFIX = '.yaml';
const PREPARED = '.generated.json';

/** The names of the shipped mappings. */
export function presetNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .sort();
}

/** Read once: a configuration is checked, and then built. */
const loaded = new Map<string, MappingConfig>();

/** A preset as it is when its defaults are filled in, made by a test of the YAML: compiling the schema for it takes a while. */
interface Prepared {
  /** Of the YAML; of another one, it is not what that says. */
  readonly digest: string;
  readonly mapping: MappingConfig;
}

/** A shipped mapping with its defaults filled in, not to be changed. The name must be one of presetNames(). */
export function loadPreset(name: string): MappingConfig {
  const before = loaded.get(name);
  if (before !== undefined) return before;
  const preset = presetIn(FOLDER, name);
  loaded.set(name, preset);
  return preset;
}

/** Not kept. */
export function presetIn(folder: URL, name: string): MappingConfig {
  const yaml = readFileSync(new URL(`${name}${SUFFIX}`, folder), 'utf8');
  const file = new URL(`${name}${PREPARED}`, folder);
  const prepared = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Prepared) : undefined;
  return prepared?.digest === digestOf(yaml) ? prepared.mapping : mappingOf(name, yaml);
}

function mappingOf(name: string, yaml: string): MappingConfig {
  const preset: unknown = parse(yaml);
  // Durations are checked where a user's mapping is; a test does it for the presets.
  const settings = { useDefaults: true, strict: false, validateFormats: false };
  // Schemas are ours; compiling the schema of schemas would be most of the time, and the code runs once.
  const quick = { meta: false, validateSchema: false, code: { optimize: false } };
  const validate = new Ajv({ ...settings, ...quick }).compile<MappingConfig>(presetSchema);
  if (!validate(preset)) throw new Error(`preset ${name} does not fit its schema: ${JSON.stringify(validate.errors)}`);
  return preset;
}

/** "presets/agent_workflow.yaml:12:7", of the deepest part of the path that is written there. */
export function placeInPreset(name: string, path: readonly (string | number)[]): string {
  const lineCounter = new LineCounter();
  const { contents } = parseDocument(readFileSync(new URL(`${name}${SUFFIX}`, FOLDER), 'utf8'), { lineCounter });
  let deepest: Node | null = contents;
  for (const key of path) {
    const inner: unknown = isCollection(deepest) ? deepest.get(key, true) : undefined;
    if (!isNode(inner)) break;
    deepest = inner;
  }
  const { line, col } = lineCounter.linePos(deepest?.range?.[0] ?? 0);
  return `presets/${name}${SUFFIX}:${line}:${col}`;
}

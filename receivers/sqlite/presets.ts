import { readdirSync, readFileSync } from 'node:fs';
import { isCollection, isNode, LineCounter, parseDocument, type Node } from 'yaml';
import type { MappingConfig } from './config.ts';

const FOLDER = new URL('./presets/', import.meta.url);
const SUFFIX = '.yaml';
const GENERATED = '.generated.json';

/** The names of the shipped mappings. */
export function presetNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .sort();
}

/** Read once: a configuration is checked, and then built. */
const loaded = new Map<string, MappingConfig>();

/**
 * A shipped mapping with its defaults filled in, not to be changed. The name must be one of presetNames(). Reads what is
 * generated from the YAML: every start waits for it, and JSON takes a hundredth of the time.
 */
export function loadPreset(name: string): MappingConfig {
  const before = loaded.get(name);
  if (before !== undefined) return before;
  const preset = JSON.parse(read(`${name}${GENERATED}`)) as MappingConfig;
  loaded.set(name, preset);
  return preset;
}

/** "presets/agent_workflow.yaml:12:7", of the deepest part of the path that is written there. */
export function placeInPreset(name: string, path: readonly (string | number)[]): string {
  const lineCounter = new LineCounter();
  const { contents } = parseDocument(read(`${name}${SUFFIX}`), { lineCounter });
  let deepest: Node | null = contents;
  for (const key of path) {
    const inner: unknown = isCollection(deepest) ? deepest.get(key, true) : undefined;
    if (!isNode(inner)) break;
    deepest = inner;
  }
  const { line, col } = lineCounter.linePos(deepest?.range?.[0] ?? 0);
  return `presets/${name}${SUFFIX}:${line}:${col}`;
}

function read(file: string): string {
  return readFileSync(new URL(file, FOLDER), 'utf8');
}

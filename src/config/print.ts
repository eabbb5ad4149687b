import { stringify } from 'yaml';
import type { ConfiguredComponent } from './config.ts';
import type { Draft } from './configure.ts';
import { SECTION_NAMES, type Section, type ServiceSettings } from './sections.ts';
import type { Path, Tree } from './tree.ts';

const REDACTED = '[REDACTED]';

export interface CheckedSettings extends Readonly<Record<Section, ReadonlyMap<string, ConfiguredComponent>>> {
  readonly service: ServiceSettings;
}

/** YAML of the settings as they were checked: merged, substituted, paths absolute, defaults filled in. */
export function printConfig({ root, secrets }: Draft, { service, ...components }: CheckedSettings): string {
  const sections = SECTION_NAMES.filter((section) => components[section].size > 0).map((section) => [
    section,
    Object.fromEntries([...components[section]].map(([id, { settings }]) => [id, settings])),
  ]);
  const hidden = new Set([...secrets, ...fromFiles(root, [])].map(pathKey));
  return stringify(written({ ...Object.fromEntries(sections), service }, [], hidden), { lineWidth: 0 });
}

/** Where what a file holds was put. */
function fromFiles(tree: Tree, path: Path): Path[] {
  switch (tree.kind) {
    case 'scalar':
      return tree.origin === 'file' ? [path] : [];
    case 'list':
      return tree.items.flatMap((item, index) => fromFiles(item, [...path, index]));
    case 'map':
      return [...tree.entries].flatMap(([key, { value }]) => fromFiles(value, [...path, key]));
  }
}

/** As a user would have to write it: a dollar doubled, a secret hidden. */
function written(value: unknown, path: Path, hidden: ReadonlySet<string>): unknown {
  if (hidden.has(pathKey(path))) return REDACTED;
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map((item, index) => written(item, [...path, index], hidden));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, written(inner, [...path, key], hidden)]));
}

function pathKey(path: Path): string {
  return JSON.stringify(path.map(String));
}

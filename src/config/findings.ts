import { ConfigError } from '../errors.ts';
import { locate, type Path, type Place, type Tree } from './tree.ts';

/** A message about one place of the configuration. */
export interface Finding {
  readonly place: Place;
  readonly path: Path;
  readonly message: string;
}

/** About the value at `path`: the place is the value's, or its key's when it is a map, a list, nothing, or not written. */
export function findingAt(root: Tree, path: Path, message: string): Finding {
  const { keyPlace, tree } = locate(root, path);
  const place = tree?.kind === 'scalar' && tree.value !== null ? tree.place : keyPlace;
  return { place, path, message };
}

/** About the last key of `path` itself, named by the message. */
export function findingAtKey(root: Tree, path: Path, message: string): Finding {
  return { place: locate(root, path).keyPlace, path: path.slice(0, -1), message };
}

/** "otel-config.yaml:12:5: receivers::sqlite/agents: unknown key ..." */
export function renderFinding({ place, path, message }: Finding): string {
  const keys = path.join('::');
  return keys === '' || place.text === `--set ${keys}`
    ? `${place.text}: ${message}`
    : `${place.text}: ${keys}: ${message}`;
}

/** Every finding, in the order of the files. */
export function findingsError(findings: readonly Finding[]): ConfigError {
  const inOrder = findings.toSorted((a, b) => a.place.order - b.place.order);
  const messages = new Set(inOrder.map(renderFinding));
  return new ConfigError([...messages].map((message) => ({ path: [], message })));
}

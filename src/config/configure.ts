import type { ErrorObject } from 'ajv';
import { ConfigError, type Problem } from '../errors.ts';
import type { ComponentFactory, ConfiguredComponent } from './config.ts';
import { schemaFindings } from './explain.ts';
import { findingAt, findingAtKey, renderFinding, type Finding } from './findings.ts';
import { parseComponentId } from './fragments.ts';
import { habitOfKey, habitOfType } from './habits.ts';
import { didYouMean, nearest } from './nearest.ts';
import { pointerPath, type Marked, type SchemaCheck } from './schema.ts';
import { SECTIONS, type Section } from './sections.ts';
import { resolvePath, substitute, type Surroundings } from './substitute.ts';
import { locate, plainValue, type Path, type Tree, type TreeMap } from './tree.ts';

/** A configuration while it is being checked. */
export interface Draft {
  readonly root: Tree;
  readonly around: Surroundings;
  /** What the factories of this build can do. */
  readonly factories: readonly ComponentFactory[];
  readonly schemas: SchemaCheck;
  readonly findings: Finding[];
  /** Settings whose schema says that they are secret. */
  readonly secrets: Path[];
  /** Extension ids that settings name, to be looked up once all are known. */
  readonly references: { readonly path: Path; readonly id: string }[];
}

/** The components of one section, as far as they are right; findings tell the rest. */
export async function configureSection<F extends ComponentFactory>(
  draft: Draft,
  section: Section,
  factories: readonly F[],
): Promise<Map<string, ConfiguredComponent<F>>> {
  const components = new Map<string, ConfiguredComponent<F>>();
  for (const id of writtenIds(draft.root, section)) {
    const type = parseComponentId(id)?.type;
    const factory = factories.find((candidate) => type !== undefined && isNamed(candidate, type));
    if (type === undefined) {
      const message = `${JSON.stringify(id)} is no component id: write "type" or "type/name", the type in lower case`;
      draft.findings.push(findingAtKey(draft.root, [section, id], message));
    } else if (factory === undefined) {
      draft.findings.push(findingAtKey(draft.root, [section, id], unknownType(draft, section, type)));
    } else {
      const component = await configure(draft, section, id, factory);
      if (component !== undefined) components.set(id, component);
    }
  }
  return components;
}

/** Whether a component of that type, or an alias of it, is of this factory. */
export function isNamed({ type, aliases = [] }: Pick<ComponentFactory, 'type' | 'aliases'>, name: string): boolean {
  return name === type || aliases.includes(name);
}

/** The ids written in a section, right or wrong. */
export function writtenIds(root: Tree, section: Section): string[] {
  const { tree } = locate(root, [section]);
  return tree?.kind === 'map' ? [...tree.entries.keys()] : [];
}

function unknownType(draft: Draft, section: Section, type: string): string {
  const habit = habitOfType(section, type);
  if (habit !== undefined) return habit;
  const kind = SECTIONS[section];
  const known = draft.factories.filter((factory) => factory.kind === kind).map((factory) => factory.type);
  const elsewhere = draft.factories.find((factory) => isNamed(factory, type));
  const near = nearest(type, known);
  if (elsewhere !== undefined && near === undefined) {
    return `unknown ${kind} type ${JSON.stringify(type)}: it is an ${elsewhere.kind}`.replace(/an (?=[rp])/, 'a ');
  }
  const list = known.length === 0 ? `this build has no ${section}` : `${section} of this build: ${known.join(', ')}`;
  return `unknown ${kind} type ${JSON.stringify(type)}${didYouMean(type, known)} (${list})`;
}

async function configure<F extends ComponentFactory>(
  draft: Draft,
  section: Section,
  id: string,
  factory: F,
): Promise<ConfiguredComponent<F> | undefined> {
  const base = [section, id];
  const settings = settingsTree(locate(draft.root, base).tree);
  if (settings === undefined) return undefined;
  const before = draft.findings.length;
  const { value, errors, marked } = draft.schemas.check<unknown>(factory.schema, plainValue(settings));
  const habit = (key: string): string | undefined => habitOfKey(section, key);
  draft.findings.push(...schemaFindings(errors, draft.root, base, habit));
  for (const mark of marked) settle(draft, base, mark);
  const find = (problem: Problem): Finding => findingAt(draft.root, [...base, ...problem.path], problem.message);
  if (draft.findings.length > before || errors.length > 0) {
    const known = withoutUnknownKeys(plainValue(settings), errors);
    const { value: rest } = draft.schemas.check<unknown>(factory.schema, known);
    if (rest !== undefined) draft.findings.push(...(await factoryProblems(factory, rest)).map(find));
    return undefined;
  }
  draft.findings.push(...(await factoryProblems(factory, value)).map(find));
  if (draft.findings.length > before) return undefined;
  return { id, type: factory.type, factory, settings: value, place: (problem) => renderFinding(find(problem)) };
}

/** So that one misspelt key does not hide what else is wrong. Changes the value. */
function withoutUnknownKeys(value: unknown, errors: readonly ErrorObject[]): unknown {
  for (const { keyword, instancePath, params } of errors) {
    if (keyword !== 'additionalProperties') continue;
    let holder: unknown = value;
    for (const step of pointerPath(instancePath)) holder = isRecord(holder) ? holder[step] : undefined;
    if (isRecord(holder)) Reflect.deleteProperty(holder, String(params.additionalProperty));
  }
  return value;
}

function isRecord(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null;
}

/** `prometheus:` with nothing below has the defaults. What is neither a map nor nothing has been reported. */
function settingsTree(tree: Tree | undefined): TreeMap | undefined {
  if (tree?.kind === 'map') return tree;
  if (tree?.kind !== 'scalar' || tree.value !== null) return undefined;
  return { kind: 'map', place: tree.place, entries: new Map() };
}

/** Does with a marked setting what its keyword says. `base`: where the value that was checked stands. */
export function settle(draft: Draft, base: Path, mark: Marked): void {
  const path = [...base, ...pointerPath(mark.pointer)];
  if (mark.keyword === 'reference') {
    draft.references.push({ path, id: mark.text });
    return;
  }
  if (mark.keyword === 'secret') {
    draft.secrets.push(path);
    return;
  }
  const { tree, keyPlace } = locate(draft.root, path);
  try {
    const text = tree === undefined ? substitute(mark.text, keyPlace.directory, draft.around) : mark.text;
    mark.replace(resolvePath(text, (tree ?? { place: keyPlace }).place.directory, draft.around));
  } catch (error) {
    draft.findings.push(findingAt(draft.root, path, error instanceof Error ? error.message : String(error)));
  }
}

async function factoryProblems(factory: ComponentFactory, settings: unknown): Promise<readonly Problem[]> {
  try {
    return (await factory.check?.(settings)) ?? [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

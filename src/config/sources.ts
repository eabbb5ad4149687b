import path from 'node:path';
import type { ConfigSources } from './config.ts';
import { findingsError, type Finding } from './findings.ts';
import { parseTree, type Source } from './parse.ts';
import { readText } from './read.ts';
import type { Surroundings } from './substitute.ts';
import { mergeTrees, type Place, type Tree, type TreeMap } from './tree.ts';

/**
 * Every file and then every --set, merged: the later wins. Throws ConfigError where the YAML itself is wrong;
 * substitutions that fail are left in `findings`, because everything else can still be checked.
 */
export function readSources(
  { files, sets = [], directory }: ConfigSources,
  around: Surroundings,
  findings: Finding[],
): Tree {
  const trees = [
    ...files.map((name, index) => {
      const folder = directory ?? path.dirname(path.resolve(name));
      return readFile({ index, name, directory: folder, lines: true }, around, findings);
    }),
    ...sets.map((set, index) => readSet(set, files.length + index, around, findings)),
  ];
  const [first, ...later] = trees.filter((tree) => tree !== undefined);
  if (first === undefined || later.length + 1 < trees.length) throw findingsError(findings);
  return later.reduce(mergeTrees, first);
}

function readFile(source: Source, around: Surroundings, findings: Finding[]): Tree | undefined {
  const before = findings.length;
  try {
    const tree = parseTree(readText(source.name), source, around, findings);
    if (tree?.kind === 'map') return tree;
    if (tree !== undefined) throw new Error('expected a map with receivers, exporters and service');
    if (findings.length === before) throw new Error('the file is empty');
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    findings.push({ place: wholeOf(source), path: [], message });
  }
  return undefined;
}

/** "a::b::c=value", the value in YAML. */
function readSet(set: string, index: number, around: Surroundings, findings: Finding[]): Tree | undefined {
  const equals = set.indexOf('=');
  const keys = set.slice(0, Math.max(0, equals)).split('::');
  const source: Source = { index, name: `--set ${keys.join('::')}`, directory: process.cwd(), lines: false };
  const place = wholeOf(source);
  if (keys.includes('')) {
    const message = 'write a::b::c=value, with keys from the top of the configuration';
    findings.push({ place: { ...place, text: `--set ${set}` }, path: [], message });
    return undefined;
  }
  const before = findings.length;
  const parsed = parseTree(set.slice(equals + 1), source, around, findings);
  if (parsed === undefined && findings.length > before) return undefined;
  const value: Tree = parsed ?? { kind: 'scalar', place, value: null, origin: 'literal' };
  return keys.reduceRight<Tree>(
    (tree, key): TreeMap => ({ kind: 'map', place, entries: new Map([[key, { keyPlace: place, value: tree }]]) }),
    value,
  );
}

function wholeOf(source: Source): Place {
  return { text: source.name, order: source.index * 2 ** 32, directory: source.directory };
}

/** A configuration as it was written: values that know where they stand. */
export type Tree = TreeScalar | TreeList | TreeMap;

export interface Place {
  /** "otel-config.yaml:12:5", or "--set a::b". */
  readonly text: string;
  /** Ascends in the order in which things were written. */
  readonly order: number;
  /** What relative paths written here are relative to; absolute. */
  readonly directory: string;
}

export interface TreeScalar {
  readonly kind: 'scalar';
  readonly place: Place;
  readonly value: string | number | boolean | null;
  /**
   * `literal`: as it stands in the YAML, so messages may show it. `substituted`: holds an environment variable, which
   * messages never show. `file`: likewise what a file holds, which nothing shows. `failed`: a substitution that has been
   * reported already.
   */
  readonly origin: 'literal' | 'substituted' | 'file' | 'failed';
}

export interface TreeList {
  readonly kind: 'list';
  readonly place: Place;
  readonly items: readonly Tree[];
}

export interface TreeMap {
  readonly kind: 'map';
  readonly place: Place;
  readonly entries: ReadonlyMap<string, TreeEntry>;
}

export interface TreeEntry {
  readonly keyPlace: Place;
  readonly value: Tree;
}

/** List indexes may be numbers or their digits. */
export type Path = readonly (string | number)[];

/** `later` over `earlier`: maps merge, everything else is replaced. */
export function mergeTrees(earlier: Tree, later: Tree): Tree {
  if (earlier.kind !== 'map' || later.kind !== 'map') return later;
  const entries = new Map(earlier.entries);
  for (const [key, entry] of later.entries) {
    const before = entries.get(key);
    entries.set(key, before === undefined ? entry : { ...entry, value: mergeTrees(before.value, entry.value) });
  }
  return { ...earlier, entries };
}

/** Plain JSON-like values. */
export function plainValue(tree: Tree): unknown {
  switch (tree.kind) {
    case 'scalar':
      return tree.value;
    case 'list':
      return tree.items.map(plainValue);
    case 'map':
      // fromEntries defines, so that a key "__proto__" is a key like any other.
      return Object.fromEntries([...tree.entries].map(([key, entry]) => [key, plainValue(entry.value)]));
  }
}

export interface Location {
  /** Of the key; of the nearest parent that was written when the path was not. */
  readonly keyPlace: Place;
  /** What stands there; undefined when nothing was written. */
  readonly tree: Tree | undefined;
}

export function locate(root: Tree, path: Path): Location {
  let tree = root;
  let keyPlace = root.place;
  for (const segment of path) {
    if (tree.kind === 'map') {
      const entry = tree.entries.get(String(segment));
      if (entry === undefined) return { keyPlace, tree: undefined };
      ({ keyPlace, value: tree } = entry);
    } else {
      const item = tree.kind === 'list' ? tree.items[Number(segment)] : undefined;
      if (item === undefined) return { keyPlace, tree: undefined };
      tree = item;
      keyPlace = item.place;
    }
  }
  return { keyPlace, tree };
}

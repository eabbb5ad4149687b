import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type ParsedNode,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { composeDocument } from './document.ts';
import type { Finding } from './findings.ts';
import { isOneVariable, substitute, type Surroundings } from './substitute.ts';
import type { Place, Tree, TreeEntry, TreeMap, TreeScalar } from './tree.ts';

/** Aliases share what they name, but everything after walks it again. */
const MAX_ALIASED_VALUES = 10_000;
/** A text longer than this is no number or boolean. */
const MAX_REREAD = 64;

export interface Source {
  /** The position in the order of the sources. */
  readonly index: number;
  /** The file as the user named it, or "--set a::b". */
  readonly name: string;
  readonly directory: string;
  /** false: places are the name alone. */
  readonly lines: boolean;
}

/** Instead of texts of the parser that are hard to understand, or that quote: it may be a secret that wants quotes. */
const SYNTAX: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'a tab as indentation; YAML wants spaces',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line and end with ":" (is a ":" missing, or the indentation wrong?)',
  BLOCK_AS_IMPLICIT_KEY: 'a "key: value" within a value (is the indentation wrong, or are quotes missing?)',
  TAG_RESOLVE_FAILED: 'a tag that is not known; a text that begins with "!" wants quotes',
};
/** A message that shows what stands behind "|" or ">", which may be the beginning of a secret that wants quotes. */
const QUOTING = /^(Block scalar header includes extra characters): .*$/s;

/**
 * YAML as a tree with substitutions made; every finding goes to `findings`. undefined: an empty file, or YAML so wrong that
 * all else would only follow from it.
 */
export function parseTree(text: string, source: Source, around: Surroundings, findings: Finding[]): Tree | undefined {
  return new Parser(text, source, around, findings).parse();
}

class Parser {
  readonly #text: string;
  readonly #source: Source;
  readonly #around: Surroundings;
  readonly #findings: Finding[];
  readonly #lines = new LineCounter();
  readonly #anchors = new Map<string, { readonly tree: Tree; readonly size: number }>();
  #values = 0;
  #aliased = 0;
  #broken = false;

  constructor(text: string, source: Source, around: Surroundings, findings: Finding[]) {
    this.#text = text;
    this.#source = source;
    this.#around = around;
    this.#findings = findings;
  }

  parse(): Tree | undefined {
    const composed = composeDocument(this.#text, this.#lines);
    if (composed.document === undefined) {
      this.#report(composed.offset, [], `YAML: ${composed.message}`);
      return undefined;
    }
    const { document } = composed;
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) {
      // The first one: those after it follow from it.
      this.#report(error.pos[0], [], `YAML: ${SYNTAX[error.code] ?? lowerFirst(error.message.replace(QUOTING, '$1'))}`);
      return undefined;
    }
    const tree = document.contents === null ? undefined : this.#tree(document.contents, []);
    return this.#broken ? undefined : tree;
  }

  #tree(node: ParsedNode | null, path: readonly string[]): Tree {
    if (node === null) return this.#failed(this.#place(0));
    const before = this.#values;
    this.#values += 1;
    const tree = this.#treeWithoutAnchor(node, path);
    if (!isAlias(node) && node.anchor !== undefined) {
      this.#anchors.set(node.anchor, { tree, size: this.#values - before });
    }
    return tree;
  }

  #treeWithoutAnchor(node: ParsedNode, path: readonly string[]): Tree {
    const offset = node.range[0];
    const place = this.#place(offset);
    if (isAlias(node)) return this.#alias(node.source, offset, path);
    if (isMap(node)) return { kind: 'map', place, entries: this.#entries(node, path) };
    if (isSeq(node)) {
      const items = node.items.map((item, index) => this.#tree(item, [...path, String(index)]));
      return { kind: 'list', place, items };
    }
    return this.#scalar(node, place, path);
  }

  #alias(name: string, offset: number, path: readonly string[]): Tree {
    const anchor = this.#anchors.get(name);
    if (anchor === undefined) {
      this.#report(offset, path, 'an alias that names nothing above it; a text that begins with "*" wants quotes');
      return this.#failed(this.#place(offset));
    }
    this.#aliased += anchor.size;
    this.#values += anchor.size;
    if (this.#aliased > MAX_ALIASED_VALUES) {
      if (!this.#broken) this.#report(offset, path, `aliases repeat more than ${MAX_ALIASED_VALUES} values`);
      return this.#failed(this.#place(offset));
    }
    return anchor.tree;
  }

  #entries(node: YAMLMap.Parsed, path: readonly string[]): Map<string, TreeEntry> {
    const entries = new Map<string, TreeEntry>();
    const merged: TreeMap[] = [];
    for (const pair of node.items) {
      const offset = pair.key.range[0];
      const keyPlace = this.#place(offset);
      if (!isScalar(pair.key)) {
        this.#report(offset, path, 'a key must be plain text');
        continue;
      }
      const key = keyText(pair.key);
      const value =
        pair.value === null
          ? ({ kind: 'scalar', place: keyPlace, value: null, origin: 'literal' } as const)
          : this.#tree(pair.value, [...path, key]);
      if (key === '<<') {
        const maps = value.kind === 'list' ? value.items : [value];
        merged.push(...maps.filter((map) => map.kind === 'map'));
        if (!maps.every((map) => map.kind === 'map')) this.#report(offset, path, '"<<" takes maps');
        continue;
      }
      const before = entries.get(key);
      if (before !== undefined) {
        this.#report(offset, path, `key ${JSON.stringify(key)} stands here twice; first at ${before.keyPlace.text}`);
        continue;
      }
      entries.set(key, { keyPlace, value });
    }
    for (const map of merged) {
      for (const [key, entry] of map.entries) if (!entries.has(key)) entries.set(key, entry);
    }
    return entries;
  }

  #scalar(node: Scalar.Parsed, place: Place, path: readonly string[]): TreeScalar {
    const value = node.value;
    if (typeof value !== 'string') {
      if (value === null || typeof value === 'number' || typeof value === 'boolean') {
        return { kind: 'scalar', place, value, origin: 'literal' };
      }
      this.#report(node.range[0], path, 'expected text, a number, true or false');
      return this.#failed(place);
    }
    if (!value.includes('$')) return { kind: 'scalar', place, value, origin: 'literal' };
    try {
      const text = substitute(value, this.#source.directory, this.#around);
      const reread = node.type === 'PLAIN' && isOneVariable(value) ? rereadScalar(text) : text;
      // Also where the file is only the default of a variable: shown once too seldom rather than once too often.
      const origin = value.includes('${file:') ? 'file' : 'substituted';
      return { kind: 'scalar', place, value: reread, origin };
    } catch (error) {
      this.#findings.push({ place, path, message: error instanceof Error ? error.message : String(error) });
      return this.#failed(place);
    }
  }

  #failed(place: Place): TreeScalar {
    return { kind: 'scalar', place, value: '', origin: 'failed' };
  }

  #place(offset: number): Place {
    const { index, name, directory, lines } = this.#source;
    const { line, col } = this.#lines.linePos(offset);
    // More than any offset in a file.
    const order = index * 2 ** 32 + offset;
    return { text: lines ? `${name}:${line}:${col}` : name, order, directory };
  }

  #report(offset: number, path: readonly string[], message: string): void {
    this.#broken = true;
    this.#findings.push({ place: this.#place(offset), path, message });
  }
}

/** A variable that holds a number, true, false or null is one; everything else is text to the letter ("#1" is no comment). */
function rereadScalar(text: string): string | number | boolean | null {
  if (text.length > MAX_REREAD) return text;
  const { contents, errors } = parseDocument(text, { prettyErrors: false });
  if (errors.length > 0 || !isScalar(contents) || contents.source !== text) return text;
  const { value } = contents;
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? value : text;
}

/** Keys are text: `5:` is "5", `null:` is "null". */
function keyText(key: Scalar.Parsed): string {
  return typeof key.value === 'string' ? key.value : key.source;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

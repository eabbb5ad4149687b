import { Composer, Parser, type CST, type Document, type LineCounter, type ParsedNode } from 'yaml';

const MAX_DEPTH = 100;

export type Composed =
  | { readonly document: Document.Parsed<ParsedNode> }
  | { readonly document?: never; readonly offset: number; readonly message: string };

/**
 * The one document of a text, with errors for all that is wrong but for keys that stand twice. Depth is looked at before
 * yaml's composer recurses: a stack that is nearly full when V8 compiles a regular expression ends the process.
 */
export function composeDocument(text: string, lines: LineCounter): Composed {
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const tooDeepAt = findTooDeep(tokens);
  if (tooDeepAt !== undefined) return { offset: tooDeepAt, message: 'nested too deeply' };
  // uniqueKeys compares every key with every other: a minute for a megabyte.
  const composer = new Composer<ParsedNode>({ prettyErrors: false, uniqueKeys: false });
  const [document, second] = composer.compose(tokens, true, text.length);
  if (document === undefined) throw new Error('a YAML text has at least one document');
  if (second === undefined) return { document };
  return { offset: second.range[0], message: 'a second document ("---") in the file; use one file each' };
}

/** Where the first collection starts that is nested too deeply. Does not recurse itself. */
function findTooDeep(tokens: readonly CST.Token[]): number | undefined {
  const open: { readonly token: CST.Token; readonly depth: number }[] = tokens.map((token) => ({ token, depth: 0 }));
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    const { token, depth } = entry;
    if (token.type === 'document' && token.value !== undefined) open.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    if (depth >= MAX_DEPTH) return token.offset;
    for (const { key, value } of token.items) {
      for (const child of [key, value]) if (child) open.push({ token: child, depth: depth + 1 });
    }
  }
  return undefined;
}

import { Composer, Lexer, Parser, type CST, type Document, type LineCounter, type ParsedNode } from 'yaml';

const MAX_DEPTH = 100;

export type Composed =
  | { readonly document: Document.Parsed<ParsedNode> }
  | { readonly document?: never; readonly offset: number; readonly message: string };

/** The one document of a text, with errors for all that is wrong but for keys that stand twice. */
export function composeDocument(text: string, lines: LineCounter): Composed {
  const tokens = parseTokens(text, lines);
  if (typeof tokens === 'number') return { offset: tokens, message: 'nested too deeply' };
  // uniqueKeys compares every key with every other: a minute for a megabyte.
  const composer = new Composer<ParsedNode>({ prettyErrors: false, uniqueKeys: false });
  const [document, second] = composer.compose(tokens, true, text.length);
  if (document === undefined) throw new Error('a YAML text has at least one document');
  if (second === undefined) return { document };
  return { offset: second.range[0], message: 'a second document ("---") in the file; use one file each' };
}

/**
 * The documents of a text, not composed yet; or where a collection starts that is nested too deeply. That is noticed at
 * once: yaml's parser takes seconds to close a megabyte of brackets, and its composer, which recurses, ends the process
 * when V8 compiles a regular expression on a stack that is nearly full.
 */
function parseTokens(text: string, lines: LineCounter): CST.Token[] | number {
  lines.addNewLine(0);
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    // The document, the collections that are open in it, and at most one scalar or property on top.
    const tooDeep = parser.stack.length > MAX_DEPTH ? parser.stack.filter(isCollection)[MAX_DEPTH] : undefined;
    if (tooDeep !== undefined) return tooDeep.offset;
  }
  tokens.push(...parser.end());
  return tokens;
}

function isCollection(token: CST.Token): boolean {
  return token.type === 'block-map' || token.type === 'block-seq' || token.type === 'flow-collection';
}

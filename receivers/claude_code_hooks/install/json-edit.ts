import type { Node } from 'jsonc-parser';

/**
 * Edits of a JSON text that touch nothing but their place. Each takes a node of the tree of that very text, and returns a
 * new text; what is written takes after what is around it: indentation, line breaks, or all on one line.
 */

/** `value` as the last child of an object (then with a `key`) or array. */
export function append(text: string, container: Node, value: unknown, key?: string): string {
  const style = styleOf(text, container);
  const name = key === undefined ? '' : `${JSON.stringify(key)}:${style.oneLine && !style.spaced ? '' : ' '}`;
  const member = name + print(value, style);
  const last = container.children?.at(-1);
  if (last !== undefined) {
    const end = last.offset + last.length;
    const separator = style.oneLine ? (style.spaced ? ', ' : ',') : `,${style.eol}${style.indent}`;
    return splice(text, end, end, separator + member);
  }
  const inner = style.oneLine ? member : `${style.eol}${style.indent}${member}${style.eol}${style.outerIndent}`;
  return splice(text, container.offset + 1, container.offset + container.length - 1, inner);
}

/** `value` in the place of `node`. */
export function replace(text: string, node: Node, value: unknown): string {
  const oneLine = !/[\r\n]/.test(text.slice(node.offset, node.offset + node.length));
  const style = { ...documentStyle(text), oneLine, indent: lineIndent(text, node.offset) };
  return splice(text, node.offset, node.offset + node.length, print(value, style));
}

/** Without `node`, a property or an element, and one comma beside it. Of an only child, nothing remains between the brackets. */
export function remove(text: string, node: Node): string {
  const { parent } = node;
  const siblings = parent?.children;
  if (parent === undefined || siblings === undefined) throw new Error('only a child can be removed');
  const index = siblings.indexOf(node);
  const before = siblings[index - 1];
  const after = siblings[index + 1];
  if (before !== undefined) return splice(text, before.offset + before.length, node.offset + node.length, '');
  if (after !== undefined) return splice(text, node.offset, after.offset, '');
  return splice(text, parent.offset + 1, parent.offset + parent.length - 1, '');
}

interface DocumentStyle {
  readonly eol: string;
  /** One level of indentation. */
  readonly unit: string;
  /** A blank after colon and comma, on one line. */
  readonly spaced: boolean;
}

interface Style extends DocumentStyle {
  readonly oneLine: boolean;
  /** Of the line on which something is written. */
  readonly indent: string;
}

function documentStyle(text: string): DocumentStyle {
  const [, eol, unit] = /^\s*\{[ \t]*(\r?\n)([ \t]+)\S/.exec(text) ?? [];
  return { eol: eol ?? /\r?\n/.exec(text)?.[0] ?? '\n', unit: unit ?? '  ', spaced: /[:,] ["[{]/.test(text) };
}

/** How a further child of the container is written. */
function styleOf(text: string, container: Node): Style & { readonly outerIndent: string } {
  const style = documentStyle(text);
  const outerIndent = lineIndent(text, container.offset);
  const last = container.children?.at(-1);
  if (last === undefined) {
    // Empty: as a document of one line is written, if that is one, and holds anything.
    const oneLine = !/[\r\n]/.test(text.trim()) && /^\s*\{\s*"/.test(text);
    return { ...style, oneLine, indent: outerIndent + style.unit, outerIndent };
  }
  const oneLine = !/[\r\n]/.test(text.slice(container.offset, last.offset));
  return { ...style, oneLine, indent: lineIndent(text, last.offset), outerIndent };
}

/** The blanks at the beginning of the line of an offset. */
function lineIndent(text: string, offset: number): string {
  const start = Math.max(text.lastIndexOf('\n', offset - 1), text.lastIndexOf('\r', offset - 1)) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))![0];
}

function print(value: unknown, { oneLine, spaced, unit, eol, indent }: Style): string {
  if (oneLine && !spaced) return JSON.stringify(value);
  // JSON.stringify escapes line breaks within strings: those in its result are all its own.
  const lines = JSON.stringify(value, undefined, '\t').split('\n');
  if (oneLine) {
    return lines.map((line) => line.trimStart() + (line.endsWith(',') ? ' ' : '')).join('');
  }
  return lines.map((line) => line.replace(/^\t+/, (tabs) => unit.repeat(tabs.length))).join(eol + indent);
}

function splice(text: string, start: number, end: number, inserted: string): string {
  return text.slice(0, start) + inserted + text.slice(end);
}

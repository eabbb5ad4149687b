import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../program.ts';

/** A fenced block: ```sh tested needs curl. */
export interface Fence {
  readonly language: string;
  /** What stands behind the language. */
  readonly words: readonly string[];
  readonly text: string;
  /** Of its first line of text, counted from 1. */
  readonly line: number;
}

export interface Link {
  readonly target: string;
  readonly line: number;
}

/** A Markdown file of the project; names are relative to its root. */
export class MarkdownFile {
  readonly name: string;
  readonly fences: readonly Fence[];
  /** Links and pictures, in line. */
  readonly links: readonly Link[];
  /** What a link may name behind `#`, as GitHub makes it of headings. */
  readonly anchors: ReadonlySet<string>;

  constructor(name: string) {
    this.name = name;
    const fences: Fence[] = [];
    const links: Link[] = [];
    const anchors = new Set<string>();
    let open: { fence: Fence; lines: string[] } | undefined;
    for (const [index, line] of fs.readFileSync(path.join(ROOT, name), 'utf8').split('\n').entries()) {
      const mark = /^ *```(.*)$/.exec(line);
      if (mark !== null && open === undefined) {
        const [language = '', ...words] = mark[1]!.trim().split(/\s+/);
        open = { fence: { language, words, text: '', line: index + 2 }, lines: [] };
      } else if (mark !== null && open !== undefined) {
        fences.push({ ...open.fence, text: `${open.lines.join('\n')}\n` });
        open = undefined;
      } else if (open !== undefined) open.lines.push(line);
      else if (!line.startsWith('    ')) {
        const heading = /^#{1,6} +(.*)$/.exec(line);
        if (heading !== null) anchors.add(unused(slug(heading[1]!), anchors));
        for (const [, target = ''] of line.replace(/`[^`]*`/g, '``').matchAll(/\]\(([^)\s]+)\)/g)) {
          links.push({ target, line: index + 1 });
        }
      }
    }
    this.fences = fences;
    this.links = links;
    this.anchors = anchors;
  }
}

const NOT_OURS = ['node_modules', 'dist', 'coverage'];

/** Every Markdown file of the project. */
export function markdownFiles(): readonly MarkdownFile[] {
  return namesIn('').map((name) => new MarkdownFile(name));
}

function namesIn(folder: string): readonly string[] {
  return fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    if (entry.isFile()) return name.endsWith('.md') ? [name] : [];
    return !entry.isDirectory() || entry.name.startsWith('.') || NOT_OURS.includes(entry.name) ? [] : namesIn(name);
  });
}

function slug(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');
}

function unused(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  let count = 1;
  while (taken.has(`${name}-${count}`)) count += 1;
  return `${name}-${count}`;
}

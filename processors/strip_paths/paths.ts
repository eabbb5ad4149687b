import { NextIndex, pathEnd, userNameEnd } from './end.ts';
import { CANDIDATE, startAt, type PathStart } from './start.ts';

/** An absolute path in a text: [start, end). */
export interface FoundPath {
  readonly start: number;
  readonly end: number;
  /** Without the separators at its end: the same for `/srv/x` and `/srv/x/`. */
  readonly path: string;
  /** Its last element; `~` for a home folder, whose last element is a user's name. */
  readonly last: string;
}

const SEPARATORS = /(?:\/|\\(?! )|(?<=:)\\|%(?:25)*(?:2f|5c))+/i;
const HOMES = /^(?:home|users|documents and settings)$/i;
/** Below these, homes are deeper: /c/Users/alice, /mnt/c/Users/alice, /System/Volumes/Data/Users/alice. */
const MOUNTS = /^(?:[a-z]|mnt|media|run|net|volumes|system|cygdrive|host|private)$/i;
/** What a coding agent names a project's folder: the whole path, with dashes. */
const MANGLED = /(?:^|[^\p{L}\p{N}_])(?:-|[a-z]--)(?:home|users)-/iu;
const OTHER_HOME = /(?:^|[^\p{L}\p{N}_./)\]}*#?$%~+\\-])~[\p{L}_]/iu;

/** The absolute paths of a text, in order and apart. Takes time in proportion to the text, whatever it holds. */
export function findPaths(text: string): readonly FoundPath[] {
  const found: FoundPath[] = [];
  const next = new NextIndex(text);
  let at = 0;
  for (;;) {
    CANDIDATE.lastIndex = at;
    const candidate = CANDIDATE.exec(text);
    if (candidate === null) return found;
    const start = startAt(text, candidate.index, candidate[0], found.at(-1)?.end ?? 0);
    switch (start.kind) {
      case 'none':
        at = start.resume;
        break;
      case 'home':
        found.push(foundPath(text, start.start, start.end, '~'));
        at = start.end;
        break;
      case 'path': {
        const end = Math.max(start.body, pathEnd(text, start.start, start.body, start.windows, next));
        const path = pathOf(text, start, end);
        if (path !== undefined) found.push(path);
        at = Math.max(candidate.index + 1, path?.end ?? end);
      }
    }
  }
}

function pathOf(text: string, { start, body, windows }: PathStart, end: number): FoundPath | undefined {
  const elements: string[] = [];
  for (const element of text.slice(body, end).split(SEPARATORS)) {
    if (element === '..') elements.pop();
    else if (element !== '' && element !== '.') elements.push(element);
  }
  const last = elements.at(-1);
  if (last === undefined) {
    const root = text.slice(start, end).split(SEPARATORS).findLast(Boolean);
    return root === undefined ? undefined : foundPath(text, start, end, root.replace(/^(?:~|.*-).*/s, '~'));
  }
  const shared = /^[\\/]{2}/.test(text.slice(body, body + 2));
  if (isHome(elements, shared)) return foundPath(text, start, userNameEnd(text, end, windows), '~');
  return foundPath(text, start, end, MANGLED.test(last) || OTHER_HOME.test(last) ? '~' : last);
}

function foundPath(text: string, start: number, end: number, last: string): FoundPath {
  let pathEnd = end;
  while (text[pathEnd - 1] === '/' || text[pathEnd - 1] === '\\') pathEnd -= 1;
  return { start, end, path: text.slice(start, pathEnd), last };
}

function isHome(elements: readonly string[], shared: boolean): boolean {
  const above = elements.length - 2;
  if (above < 0 || !HOMES.test(elements[above]!)) return false;
  if (above === 0 || shared || MOUNTS.test(elements[0]!)) return true;
  // /var/home/alice, /export/home/alice; not /api/users/1.
  return above === 1 && /^(?:home|Users)$/.test(elements[1]!);
}

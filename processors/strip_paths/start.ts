/** Where a path could begin, and what the text there is instead. All checks are sticky or look at a bounded slice: linear time. */
export type Start =
  | PathStart
  /** A home folder without further elements: `~alice`, `-home-alice-project`. */
  | { readonly kind: 'home'; readonly start: number; readonly end: number }
  | { readonly kind: 'none'; readonly resume: number };

export interface PathStart {
  readonly kind: 'path';
  readonly start: number;
  /** Where its elements begin: after a drive, a scheme, a `~user`. */
  readonly body: number;
  /** Backslashes separate, and words with one in them are nearly always part of the path. */
  readonly windows: boolean;
}

const SLASH = String.raw`(?:\\?/|%(?:25)*2f)`;
const BACKSLASH = String.raw`(?:\\|%(?:25)*5c)`;
const SEPARATOR = String.raw`(?:[\\/]|%(?:25)*(?:2f|5c))`;
const COLON = String.raw`(?::|%(?:25)*3a)`;
/** Folders at the root that hold those of users and projects, or are nothing but paths. */
export const WELL_KNOWN = 'home|Users|mnt|media|Volumes|private|root|tmp|var|srv|opt|usr|etc';

/** What is worth a look at all. */
export const CANDIDATE = /[/\\~]|%(?:25)*(?:2f|5c)|--?(?:home|Users)-/gi;

/** Where a path may begin right after a letter: escapes (`\n`), terminal colours, `-I/usr`; and lines that a patch changes. */
const BREAK = String.raw`\\[nrtvfb0]|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|(?:\x1b|\\u001b|\\x1b|\\e|\\033)\[[\d;]*[a-z]|(?:^|[\s"'\x60=,;:([{])(?:-[a-z]|[+-])`;
const AFTER_BREAK = new RegExp(`(?:${BREAK})$`, 'i');
/** Before a path, in the slice before it. */
const DRIVE = new RegExp(String.raw`(?:^|[^\p{L}\p{N}_]|${BREAK})([a-z]${COLON})$`, 'iu');
/** `D:notes\x` is relative to the folder that the drive is in; of `A:yes\nB:no` the backslash escapes. */
const DRIVE_AND_NAME = new RegExp(String.raw`(?:^|[^\p{L}\p{N}_]|${BREAK})([a-z]${COLON})([^\s\\/:*?"'<>|]+)$`, 'iu');
const ESCAPE = /\\(?:["']|[nrt](?![a-z]))/y;
const WORD_END = new RegExp(String.raw`(?:^|[^\p{L}\p{N}_-]|${BREAK})$`, 'iu');
const DRIVE_BEFORE_DASHES = new RegExp(String.raw`(?:^|[^\p{L}\p{N}_-]|${BREAK})[a-z]$`, 'iu');
const FILE_SCHEME = new RegExp(String.raw`(?:^|[^\p{L}\p{N}_]|${BREAK})(file${COLON})$`, 'iu');
const SCHEME = new RegExp(String.raw`([a-z][a-z0-9+.-]*)${COLON}$`, 'i');
const LONG_FLAG = /(?:^|[\s"'`=,;([{])-[a-z]+$/i;

/** At a candidate. */
const TWO_SLASHES = new RegExp(`${SLASH}{2}`, 'iy');
const SLASHES = new RegExp(`${SLASH}+`, 'iy');
const SEPARATORS = new RegExp(`${SEPARATOR}+`, 'iy');
const NAME = /[^\s*"'`<>|=,;:)\]}?&!#\\/]/y;
/** `~\n` is a home folder at the end of an escaped line. */
const TILDE = new RegExp(String.raw`~([\p{L}_][\p{L}\p{N}_.-]*)?(?=((?!\\[nrt"'])${SEPARATOR})?)`, 'iuy');
const KNOWN_ROOT = new RegExp(`${SLASH}+(?:${WELL_KNOWN})(?=${SLASH})`, 'iy');
const BACKSLASHES = new RegExp(`${BACKSLASH}+`, 'iy');
const WINDOWS_HOME = new RegExp(
  `${BACKSLASH}+(?:users|home|documents(?: |%(?:25)*20)and(?: |%(?:25)*20)settings)(?=${BACKSLASH})`,
  'iy',
);
/** A server (or `?`, which lets long paths through) and a share. */
const UNC = new RegExp(String.raw`${BACKSLASH}{2,}(?:[\w$.-]{2,}|[?.]|%(?:25)*3f)${BACKSLASH}+(?=[^\s\\])`, 'iy');
const MANGLED = /--?(?:home|Users)-[\p{L}\p{N}_.-]+/iuy;
const CLOSING_TAG = /\/[a-z][\w:-]*\s{0,8}>/iy;
const SWITCH = /\/(?:[a-z]|\d+)(?![\p{L}\p{N}_./\\%~@+-]|:[\\/])/iuy;
const SPECIAL_IN_REGEX = /[\\^$*+?()[\]{}|]/;
const PATH_IN_REGEX = /[\\/](?:home|users|documents)|~|[a-z]:|\\{2}[\w$.-]{2,}\\/i;
/** `GET /orders/17` is no file. Upper case: "get /x" is what a shell or prose says. */
const METHOD = /(?:^|[^\p{L}\p{N}_])(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT) $/u;
const ROUTE = /[^\s"'`<>?#]{1,256}/y;
const ANCHORED_REGEX = /[^\s"'`]{1,256}/y;
/** Case matters: `/api/users/17` is a route's. */
const PATH_IN_ROUTE = new RegExp(
  String.raw`(?<![\p{L}\p{N}_-])(?:${WELL_KNOWN})[^\p{L}\p{N}\s]+[\p{L}\p{N}]|~|[A-Za-z]:[\\/]|%(?:25)*2[fF]`,
  'u',
);
const URL_STOP = String.raw`[\s"'<>${'`'}|?#%]|\\(?!/)|[,;=([{](?=[/~])`;
const URL_END = new RegExp(URL_STOP, 'g');
const URL_END_OR_HOME = new RegExp(String.raw`${URL_STOP}|/(?=(?:home|Users)/[^/])`, 'gi');
const WEB = /^(?:https?|wss?|ftp)$/i;
const HEAD_WITH_DRIVE = new RegExp(
  String.raw`${SEPARATOR}+(?:(?:localhost|[?.]|%(?:25)*3f)${SEPARATOR}+)?[a-z](?:\||${COLON})(?=${SEPARATOR})`,
  'iy',
);

/** What begins at a candidate; nothing begins before `floor`, the end of the path before. */
export function startAt(text: string, at: number, candidate: string, floor: number): Start {
  const none = { kind: 'none', resume: at + candidate.length } as const;
  const before = text.slice(Math.max(floor, at - 40), at);
  if (candidate.startsWith('-')) return mangledAt(text, at, before) ?? none;
  if (candidate === '~') return tildeAt(text, at) ?? none;

  const drive = DRIVE.exec(before)?.[1];
  if (drive !== undefined) return path(at - drive.length, at, true);
  const backslash = candidate === '\\' ? text[at + 1] !== '/' : /5c$/i.test(candidate);
  const file = backslash ? undefined : FILE_SCHEME.exec(before)?.[1];
  if (file !== undefined) {
    return isNameAt(text, matchEnd(SEPARATORS, text, at) ?? at)
      ? path(at - file.length, bodyAt(text, at), false)
      : none;
  }
  if (backslash) return driveAndNameAt(text, at, floor) ?? backslashAt(text, at);
  const scheme = SCHEME.exec(before)?.[1];
  const authority = scheme === undefined ? undefined : matchEnd(TWO_SLASHES, text, at);
  if (scheme !== undefined && authority !== undefined) return urlAt(text, scheme, authority);
  return slashAt(text, at, before);
}

function path(start: number, body: number, windows: boolean): Start {
  return { kind: 'path', start, body, windows };
}

/** Behind the drive of `/C:/x`, `//?/C:/x`, `//localhost/C:/x`. */
function bodyAt(text: string, at: number): number {
  return matchEnd(HEAD_WITH_DRIVE, text, at) ?? at;
}

function isNameAt(text: string, at: number): boolean {
  return matchEnd(NAME, text, at) !== undefined;
}

function mangledAt(text: string, at: number, before: string): Start | undefined {
  const withDrive = text.startsWith('--', at);
  if (!(withDrive ? DRIVE_BEFORE_DASHES : WORD_END).test(before)) return undefined;
  const end = matchEnd(MANGLED, text, at);
  if (end === undefined) return undefined;
  const start = withDrive ? at - 1 : at;
  return matchEnd(SEPARATORS, text, end) === undefined ? { kind: 'home', start, end } : path(start, end, false);
}

function tildeAt(text: string, at: number): Start | undefined {
  if (boundaryBefore(text, at) !== 'strong') return undefined;
  TILDE.lastIndex = at;
  const [, user, separator] = TILDE.exec(text) ?? [];
  const end = at + 1 + (user ?? '').length;
  if (separator !== undefined) return path(at, end, separator === '\\');
  // `x =~foo` matches a pattern, and `!~foo` does not.
  return user === undefined || /(?:^|\s)[=!]$/.test(text.slice(Math.max(0, at - 2), at))
    ? undefined
    : { kind: 'home', start: at, end };
}

function driveAndNameAt(text: string, at: number, floor: number): Start | undefined {
  const [, drive, name] = DRIVE_AND_NAME.exec(text.slice(Math.max(floor, at - 128), at)) ?? [];
  if (drive === undefined || name === undefined || matchEnd(ESCAPE, text, at) !== undefined) return undefined;
  return path(at - name.length - drive.length, at - name.length, true);
}

function backslashAt(text: string, at: number): Start {
  if (matchEnd(WINDOWS_HOME, text, at) !== undefined) return path(at, at, true);
  const unc = matchEnd(UNC, text, at) !== undefined && boundaryBefore(text, at) === 'strong';
  if (!unc) return { kind: 'none', resume: matchEnd(BACKSLASHES, text, at) ?? at + 1 };
  return path(at, bodyAt(text, at), true);
}

/** URLs stay whole up to their query; those without a host, and home folders on other hosts than web servers, hold paths. */
function urlAt(text: string, scheme: string, authority: number): Start {
  if (matchEnd(SLASHES, text, authority) !== undefined) return path(authority, authority, false);
  const stop = WEB.test(scheme) ? URL_END : URL_END_OR_HOME;
  stop.lastIndex = authority;
  const end = stop.exec(text);
  if (end?.[0] === '/') return path(end.index + 1, end.index, false);
  return { kind: 'none', resume: end?.index ?? text.length };
}

function slashAt(text: string, at: number, before: string): Start {
  const afterSlashes = matchEnd(SLASHES, text, at) ?? at + 1;
  const none = { kind: 'none', resume: afterSlashes } as const;
  if (!isNameAt(text, afterSlashes)) return none;
  let boundary = boundaryBefore(text, at);
  if (boundary === 'none' && LONG_FLAG.test(before)) boundary = 'weak';
  if (boundary === 'none') return none;
  if (boundary === 'weak') return matchEnd(KNOWN_ROOT, text, at) === undefined ? none : path(at, at, false);
  if (before.endsWith('<') && matchEnd(CLOSING_TAG, text, at) !== undefined) return none;
  if (matchEnd(SWITCH, text, at) !== undefined) return none;
  const regexEnd = regexLiteralEnd(text, at) ?? routeEnd(text, at, before);
  if (regexEnd !== undefined) return { kind: 'none', resume: regexEnd };
  const body = bodyAt(text, at);
  return path(at, body, body > at);
}

/** strong: a path may begin. weak: only one below a well-known folder. none: the middle of a word or a relative path. */
function boundaryBefore(text: string, at: number): 'strong' | 'weak' | 'none' {
  const before = text.slice(Math.max(0, at - 24), at);
  if (before === '' || AFTER_BREAK.test(before)) return 'strong';
  const encoded = /%(?:25){0,4}([0-7][0-9a-f])$/i.exec(before)?.[1];
  const character = encoded === undefined ? lastCharacter(before) : String.fromCharCode(parseInt(encoded, 16));
  // `done./home/alice`, but not `./home` and `../home`.
  if (character === '.') return /[\p{L}\p{N})]\.$/u.test(before) ? 'weak' : 'none';
  if (/[A-Za-z0-9/]/.test(character)) return 'none';
  return /[_\p{L}\p{N}\p{M}\p{Sc}°)\]}*#?%~+\\-]/u.test(character) ? 'weak' : 'strong';
}

function lastCharacter(text: string): string {
  return /.$/su.exec(text)?.[0] ?? '';
}

/** Behind the closing slash of `/body/flags`, whose body is short, has what a folder's name has not, and shows no path. */
function regexLiteralEnd(text: string, at: number): number | undefined {
  if (text[at] !== '/') return undefined;
  let inClass = false;
  for (let index = at + 1; index < Math.min(text.length, at + 128); index += 1) {
    const character = text[index];
    if (character === '\n') return undefined;
    if (character === '/' && !inClass) {
      const body = text.slice(at, index);
      const flagged = /^[dgimsuvy]*(?![\p{L}\p{N}_./\\%~@+([{-])/u.test(text.slice(index + 1, index + 10));
      return flagged && SPECIAL_IN_REGEX.test(body) && !PATH_IN_REGEX.test(body) ? index + 1 : undefined;
    }
    if (character === '\\') index += 1;
    else if (character === '[') inClass = true;
    else if (character === ']') inClass = false;
  }
  return undefined;
}

/** Behind the route that follows an HTTP method, or the regular expression behind its `^`, that shows no path. */
function routeEnd(text: string, at: number, before: string): number | undefined {
  const anchored = before.endsWith('^');
  if (!anchored && !METHOD.test(before)) return undefined;
  const end = matchEnd(anchored ? ANCHORED_REGEX : ROUTE, text, at) ?? at;
  const route = text.slice(at, end);
  return PATH_IN_ROUTE.test(route) || (anchored && !SPECIAL_IN_REGEX.test(route)) ? undefined : end;
}

/** Where a sticky pattern ends that begins at `at`; undefined when it does not. */
function matchEnd(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

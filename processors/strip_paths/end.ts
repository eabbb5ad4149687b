/** Follows lists, quotes and blanks to where a path ends. */

// Case matters: a literal \n ends a line, and \N begins a name.
const NEXT_START = String.raw`(?=\\?/|%(?:25)*2[fF]|~[/\\]|[A-Za-z]:[\\/]|[fF]ile:[/\\])`;
/** What parts two paths; not the colon of a drive. */
const LIST = String.raw`(?:(?<![^\p{L}\p{N}_/\\][A-Za-z]):|[,;=([{&@：，；（])${NEXT_START}|%(?:25)*(?:20|2[cC]|3[abdABD])(?=%(?:25)*2[fF])`;
const STOP = String.raw`[\s“”„«»‘]|['’](?![\p{L}\p{N}])|&(?=\w+=)|%(?:25)*(?:26|0[adAD])|${LIST}`;
/** Windows has no names with these; elsewhere they are in one when a separator follows in the same word, but for `<br/>`. */
const DELIMITER = String.raw`["\x60<>|]|%(?:25)*(?:2[27]|3[ceCE])`;
const NO_NAME_FOLLOWS = String.raw`(?!(?!\w{1,9}\/>)[\p{L}\p{N}_.@$-]\S{0,255}?(?:[\\/]|%(?:25)*2[fF]))`;
const IN_QUOTES = new RegExp(String.raw`\s${NEXT_START}|${LIST}`, 'gu');
const BARE = new RegExp(String.raw`\\[nrt"']|(?:${DELIMITER})${NO_NAME_FOLLOWS}|${STOP}`, 'gu');
const BARE_WINDOWS = new RegExp(`${DELIMITER}|${STOP}`, 'gu');
const BLANK = /^[^\S\r\n]$/;

/** So many words may follow before one with a separator shows that the path went on: `My Own Documents/report`. */
const MAX_WORDS = 4;
/** Prose has slashes, but hardly ever backslashes. */
const MAX_WINDOWS_WORDS = 12;

const WORD = /[^\S\r\n]+([^\s"`<>|“”„«»]+)/y;
const SEPARATOR = /[\\/]|%(?:25)*(?:2f|5c)/i;
const SEPARATORS = /(?:[\\/]|%(?:25)*(?:2f|5c))+/iy;
const NEW_START = /[:=,;([{&@'‘：，；（]$/;
/** A flag, a variable, a relative path, an operator. */
const NOT_A_NAME = /^(?:-[A-Za-z-]|[$~]|\.{1,2}[\\/]|&&)/;
const PROSE_WITH_SLASH =
  /^(?:\d[\d.,]*\/\d|(?:and|either|he|she|his|w|n|y|i|o|yes|on|true|pass|client|read|input)\/(?:\w{1,6})[.,;:!?)]*$|(?:text|application|image|audio|video|font|multipart|message|model)\/[\w.+*-]+)/i;
const WITH_EXTENSION = /[^\\/]\.[A-Za-z][A-Za-z0-9]{0,4}$/;
/** `/home/j.doe` is no file. */
const USER = /(?:^|[\\/])(?:home|users)[\\/]+[^\\/]*$/i;
/** But for an initial: `John D. Smith`. */
const CLAUSE_END = /(?<!(?:^|[^\p{L}\p{N}])\p{Lu})\.$|[,:;!?]$/u;
/** Words of prose that are in no user's name; not those of other languages that are (`de`, `do`, `van`). */
const PROSE =
  'already|and|are|as|at|be|but|by|can|cannot|did|does|exists|for|from|had|has|if|in|is|it|not|on|or|that|the|to|was|were|will|with|would';
const NAME = String.raw`(?!(?:${PROSE})(?![\p{L}\p{N}_'’-]))(?:\p{Lu}\.|[\p{L}\p{N}](?:['’.-]?[\p{L}\p{M}\p{N}_])*)`;
const NAME_END = String.raw`(?=[\s\p{Pe}\p{Pf}.,;!?'"\x60<>|…，。、：；！？]|:(?![\\/])|\\[nrt"']|$)`;
/** More of a user's name, on the same line: `Alice Smith`, `alice van der berg`. */
const MORE_NAMES = new RegExp(String.raw`(?:(?:[^\S\r\n]+|["\x60<>|])${NAME}${NAME_END}){1,4}`, 'uy');
const MORE_NAMES_WINDOWS = new RegExp(String.raw`(?:[^\S\r\n]+${NAME}${NAME_END}){1,4}`, 'uy');
const OPENING: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
const TRAILING_PUNCTUATION = ".,:;!?)]}'’…";

const CLOSING: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '`': '`',
  '“': '”',
  '‘': '’',
  '«': '»',
  '„': '“',
};

/** Where something comes next in a text; each text is searched once, as long as the questions go forward. */
export class NextIndex {
  readonly #text: string;
  readonly #known = new Map<string, number>();

  constructor(text: string) {
    this.#text = text;
  }

  /** The next `character` at or after `from` (not before a letter or digit), or the length of the text. */
  of(character: string, from: number): number {
    let index = this.#known.get(character) ?? -1;
    if (index >= from) return index;
    do {
      index = this.#text.indexOf(character, Math.max(index + 1, from));
    } while (index >= 0 && character !== '\n' && /[\p{L}\p{N}]/u.test(this.#text[index + 1] ?? ''));
    if (index < 0) index = this.#text.length;
    this.#known.set(character, index);
    return index;
  }
}

/** Where a path ends that begins at `start` and has its elements from `body`; on its line. */
export function pathEnd(text: string, start: number, body: number, windows: boolean, next: NextIndex): number {
  const line = next.of('\n', body);
  const closing = closingQuote(text, start, body, line, next);
  const end = closing === undefined ? bareEnd(text, body, windows, line) : quotedEnd(text, body, closing);
  return withoutTail(text, body, end);
}

/** Where the name of the user ends whose home folder ends at `end`: without quotes it may go on behind a blank. */
export function userNameEnd(text: string, end: number, windows: boolean): number {
  const more = windows ? MORE_NAMES_WINDOWS : MORE_NAMES;
  more.lastIndex = end;
  return !/[\\/]/.test(text[end - 1]!) && more.test(text) ? more.lastIndex : end;
}

/** The end of what the quote right before a path opens, on the same line. */
function closingQuote(text: string, start: number, body: number, line: number, next: NextIndex): number | undefined {
  const closer = CLOSING[text[start - 1] ?? ''];
  if (closer === undefined) return undefined;
  let closing = next.of(closer, body);
  if (closing >= line) return undefined;
  // \"C:\\x\" inside of quotes: what escapes the quote is no separator.
  for (let opening = start - 2; text[opening] === '\\' && text[closing - 1] === '\\' && closing > body; opening -= 1) {
    closing -= 1;
  }
  return closing;
}

function quotedEnd(text: string, body: number, closing: number): number {
  IN_QUOTES.lastIndex = firstStop(text, body);
  return Math.min(closing, IN_QUOTES.exec(text)?.index ?? closing);
}

function bareEnd(text: string, body: number, windows: boolean, limit: number): number {
  const stop = windows ? BARE_WINDOWS : BARE;
  stop.lastIndex = firstStop(text, body);
  for (;;) {
    const found = stop.exec(text);
    if (found === null || found.index >= limit) return limit;
    const blank = found.index;
    if (!BLANK.test(found[0])) return blank;
    if (!windows && text[blank - 1] === '\\') continue;
    const goesOn = afterBlank(text, body, blank, windows);
    if (goesOn === undefined || goesOn >= limit) return blank;
    stop.lastIndex = goesOn;
  }
}

/** The first character of a name is none. */
function firstStop(text: string, body: number): number {
  SEPARATORS.lastIndex = body;
  const name = SEPARATORS.test(text) ? SEPARATORS.lastIndex : body;
  return /[\s"'`<>|:,;=)]/.test(text[name] ?? ' ') ? name : name + 1;
}

/** Where the path goes on if what follows the blank still belongs to it. */
function afterBlank(text: string, body: number, blank: number, windows: boolean): number | undefined {
  const before = text.slice(Math.max(body, blank - 64), blank);
  if ((WITH_EXTENSION.test(before) && !USER.test(before)) || CLAUSE_END.test(before)) return undefined;
  if (!windows && before.endsWith(')') && !closesOwnBracket(text, body, blank)) return undefined;
  WORD.lastIndex = blank;
  for (let words = windows ? MAX_WINDOWS_WORDS : MAX_WORDS; words > 0; words -= 1) {
    const word = WORD.exec(text)?.[1];
    if (word === undefined || NOT_A_NAME.test(word)) return undefined;
    const separator = word.search(SEPARATOR);
    if (separator === 0 || (separator > 0 && NEW_START.test(word.slice(0, separator)))) return undefined;
    if (separator > 0) return PROSE_WITH_SLASH.test(word) ? undefined : WORD.lastIndex - word.length + separator;
    if (CLAUSE_END.test(word)) return undefined;
  }
  return undefined;
}

/** Without the punctuation of the sentence around it, and without `:line:column`. */
function withoutTail(text: string, body: number, end: number): number {
  let trimmed = end;
  while (
    trimmed > body + 1 &&
    TRAILING_PUNCTUATION.includes(text[trimmed - 1]!) &&
    !closesOwnBracket(text, body, trimmed)
  ) {
    trimmed -= 1;
  }
  const place = /:\d{1,7}(?::\d{1,7})?$/.exec(text.slice(Math.max(body + 1, trimmed - 16), trimmed));
  return trimmed - (place?.[0].length ?? 0);
}

/** Whether the last character before `end` closes what the path opened shortly before: `copy (2)`. */
function closesOwnBracket(text: string, body: number, end: number): boolean {
  const closing = text[end - 1]!;
  const opening = OPENING[closing];
  let depth = 0;
  for (let index = end - 1; opening !== undefined && index >= Math.max(body, end - 128); index -= 1) {
    if (text[index] === closing) depth += 1;
    else if (text[index] === opening) depth -= 1;
    if (depth === 0) return true;
  }
  return false;
}

import fs from 'node:fs';

/** A JSON value of a file: one line of JSON lines, or one element of an array. */
export interface JsonText {
  /** Where it begins, counted from 1. */
  readonly line: number;
  /** undefined: longer than LONGEST. */
  readonly text: string | undefined;
}

const CHUNK = 64 * 1024;
/** Beyond this a line is no record of a session, and would only fill the memory. Bytes. */
export const LONGEST = 16 * 1024 * 1024;

const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPENING_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/**
 * The values of a file of JSON lines, or of one JSON array, as they stand there; blank lines are left out. Holds one value at
 * a time. `read` is told how many bytes were read. Throws when the file cannot be read.
 */
export function* jsonTexts(path: string, read: (bytes: number) => void): Generator<JsonText> {
  const piece = new Piece();
  let splitter: Splitter | undefined;
  for (const chunk of chunks(path)) {
    read(chunk.length);
    splitter ??= chunk
      .toString('latin1')
      .replace(/^\xef\xbb\xbf/, '')
      .trimStart()
      .startsWith('[')
      ? new Elements(piece)
      : new Lines(piece);
    yield* splitter.split(chunk);
  }
  // A last line without a line break, or an array that was cut off.
  if (splitter !== undefined) yield* piece.taken(splitter.line);
}

interface Splitter {
  readonly line: number;
  split(chunk: Buffer): Generator<JsonText>;
}

class Lines implements Splitter {
  readonly #piece: Piece;
  line = 1;

  constructor(piece: Piece) {
    this.#piece = piece;
  }

  *split(chunk: Buffer): Generator<JsonText> {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      this.#piece.add(chunk.subarray(start, end));
      yield* this.#piece.taken(this.line);
      this.line += 1;
      start = end + 1;
    }
    this.#piece.keep(chunk.subarray(start));
  }
}

class Elements implements Splitter {
  readonly #piece: Piece;
  line = 1;
  /** Brackets and braces that are open, the array's own included. */
  #depth = 0;
  #quoted = false;
  #escaped = false;
  #elementLine = 1;

  constructor(piece: Piece) {
    this.#piece = piece;
  }

  *split(chunk: Buffer): Generator<JsonText> {
    let start = 0;
    for (let index = 0; index < chunk.length; index += 1) {
      const byte = chunk[index]!;
      if (byte === LINE_FEED) this.line += 1;
      if (this.#quoted) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#quoted = false;
        continue;
      }
      if (byte === QUOTE) this.#quoted = true;
      else if (byte === OPENING_BRACKET || byte === OPENING_BRACE) {
        this.#depth += 1;
        if (this.#depth === 1) start = index + 1;
        if (this.#depth === 2) this.#elementLine = this.line;
      } else if ((byte === COMMA && this.#depth === 1) || (byte === CLOSING_BRACKET && this.#depth === 1)) {
        this.#piece.add(chunk.subarray(start, index));
        yield* this.#piece.taken(this.#elementLine);
        start = index + 1;
        if (byte === CLOSING_BRACKET) this.#depth = 0;
      } else if (byte === CLOSING_BRACKET || byte === CLOSING_BRACE) this.#depth -= 1;
    }
    if (this.#depth > 0) this.#piece.keep(chunk.subarray(start));
  }
}

/** The bytes of the value that is being read. */
class Piece {
  #parts: Buffer[] = [];
  #length = 0;

  add(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > LONGEST) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  /** Of a chunk that will be read into again. */
  keep(part: Buffer): void {
    this.add(Buffer.from(part));
  }

  *taken(line: number): Generator<JsonText> {
    const text =
      this.#length > LONGEST
        ? undefined
        : Buffer.concat(this.#parts)
            .toString('utf8')
            .replace(/^\ufeff/, '')
            .trim();
    this.#parts = [];
    this.#length = 0;
    if (text !== '') yield { line, text };
  }
}

/** The bytes of a file, each chunk in the place of the one before. */
function* chunks(path: string): Generator<Buffer> {
  const file = fs.openSync(path, 'r');
  const chunk = Buffer.allocUnsafe(CHUNK);
  try {
    for (;;) {
      const length = fs.readSync(file, chunk);
      if (length === 0) return;
      yield chunk.subarray(0, length);
    }
  } finally {
    fs.closeSync(file);
  }
}

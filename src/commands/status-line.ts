export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Of a terminal. */
  readonly columns?: number;
}

/**
 * A terminal whose last line is rewritten: what is written meanwhile appears above it. Uses no control character but the
 * carriage return, so that every terminal understands it.
 */
export class StatusLine {
  readonly #stream: OutputStream;
  #shown = '';

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  get isTTY(): boolean {
    return this.#stream.isTTY === true;
  }

  get columns(): number {
    // Some terminals say 0 when they do not know.
    return this.#stream.columns || 80;
  }

  /** `text` ends with a line break. */
  write(text: string): void {
    this.#stream.write(this.#shown === '' ? text : this.#erased + text + this.#shown);
  }

  /** Puts `line`, shorter than the terminal is wide, in place of the one before; empty: erases it. */
  show(line: string): void {
    if (line === this.#shown) return;
    this.#stream.write(this.#erased + line);
    this.#shown = line;
  }

  get #erased(): string {
    return `\r${' '.repeat(this.#shown.length)}\r`;
  }
}

import { createHash } from 'node:crypto';

/** Letters and digits only: no escape, no label and no file name changes it. */
const PREFIX = 'canaryzqx';
const NUMBER = /canaryzqx([0-9]{8})/g;
/** Of a digest: nobody prints less, and chance does not make as many alike. */
const DIGEST_CHARACTERS = 12;
const DIGESTS = ['md5', 'sha1', 'sha256', 'sha512'];

/**
 * Secrets that are each found again: a mark belongs to one place (a column, a field, a setting), and whatever holds the mark
 * tells of that place. What was encoded, or hashed without a key, is found too.
 */
export class Marks {
  readonly #places: string[] = [];
  /** Beginnings of digests -> place. */
  readonly #digests = new Map<string, string>();

  /** A new mark of this place. */
  at(place: string): string {
    const mark = PREFIX + String(this.#places.length).padStart(8, '0');
    this.#places.push(place);
    this.isHashed(mark, place);
    return mark;
  }

  /** `value` as a whole is a secret of this place: its digests without a key would let a guess be confirmed. */
  isHashed(value: string, place: string): void {
    for (const algorithm of DIGESTS) {
      const digest = createHash(algorithm).update(value).digest();
      for (const encoding of ['hex', 'base64', 'base64url'] as const) {
        this.#digests.set(digest.toString(encoding).slice(0, DIGEST_CHARACTERS), place);
      }
    }
  }

  /** The places that an output tells of, sorted; undefined is no output. */
  found(output: string | Buffer): readonly string[] {
    const bytes = typeof output === 'string' ? Buffer.from(output) : output;
    const text = bytes.toString('latin1');
    const found = new Set<string>();
    for (const readable of [text.toLowerCase(), text.replaceAll('\0', ''), ...decodings(text)]) {
      for (const [, number] of readable.matchAll(NUMBER)) {
        const place = this.#places[Number(number)];
        if (place !== undefined) found.add(place);
      }
    }
    for (const run of text.matchAll(/[A-Za-z0-9+/_-]{12,}/g)) {
      for (let start = 0; start + DIGEST_CHARACTERS <= run[0].length; start += 1) {
        const place = this.#digests.get(run[0].slice(start, start + DIGEST_CHARACTERS));
        if (place !== undefined) found.add(`${place} (digest without a key)`);
      }
    }
    return [...found].sort();
  }
}

/** What the hex and base64 in a text say, wherever in a group of bytes it begins. */
function* decodings(text: string): Generator<string> {
  for (const [run] of text.matchAll(/[0-9a-fA-F]{30,}/g)) {
    yield Buffer.from(run, 'hex').toString('latin1');
    yield Buffer.from(run.slice(1), 'hex').toString('latin1');
  }
  for (const [run] of text.matchAll(/[A-Za-z0-9+/_-]{20,}/g)) {
    for (const skipped of [0, 1, 2, 3]) yield Buffer.from(run.slice(skipped), 'base64').toString('latin1');
  }
}

import { IDENTIFIER } from './payload.schema.ts';

const IDENTIFIER_PATTERN = new RegExp(IDENTIFIER, 'u');
const WORD = /^[A-Za-z0-9_-]{1,64}$/;
const MODEL = /^[\w.:@/[\]-]{1,128}$/;
const LONGEST_PROJECT = 255;

/** An id as it stands; null for "" and for whatever is none. */
export function identifier(value: unknown): string | null {
  return typeof value === 'string' && IDENTIFIER_PATTERN.test(value) ? value : null;
}

/** A word of a set that grows with the versions of the agent; a sentence would be content. */
export function word(value: string | null | undefined): string | null {
  if (value === undefined || value === null || value === '') return null;
  return WORD.test(value) ? value : '_OTHER';
}

export function modelName(value: unknown): string | null {
  return typeof value === 'string' && MODEL.test(value) ? value : null;
}

/** The last element of a path of any system; null without one. */
export function projectOf(cwd: string | null | undefined): string | null {
  const last = cwd
    ?.split(/[/\\]/)
    .filter((element) => element !== '')
    .at(-1);
  if (last === undefined) return null;
  return last
    .slice(0, LONGEST_PROJECT)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '\uFFFD');
}

/** Texts of one event that are kept, cut so that together they have no more than so many bytes of UTF-8. */
export class TextBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(value: unknown): string | null {
    if (value === undefined || value === null || this.#left === 0) return null;
    const text = (typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed();
    const { read, written } = new TextEncoder().encodeInto(text, new Uint8Array(this.#left));
    this.#left -= written;
    return text.slice(0, read);
  }
}

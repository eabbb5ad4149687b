import { compare } from 'bcrypt';

/** The thread pool of four is for files and compression as well. */
const AT_ONCE = 2;

/** What src/http/ lets through at once, on four listeners, and again as much. */
const MAX_WAITING = 256;

/** Compares passwords with hashes off the event loop: few at once, the others in turn. */
export class Verifications {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** false, too, when too many are waiting. */
  async verify(password: string, hash: string): Promise<boolean> {
    if (this.#waiting.length >= MAX_WAITING) return false;
    while (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      // What PHP and Apache call $2y$ is what everybody else calls $2b$.
      return await compare(password, hash.replace(/^\$2y\$/, '$2b$'));
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

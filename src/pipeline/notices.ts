/** What stands in the way of several readers at once is said once: a missing file is not seven messages. */
export class Notices {
  readonly #counts = new Map<string, number>();

  /** True when nobody has raised it yet: say it. */
  raise(message: string): boolean {
    const count = this.#counts.get(message) ?? 0;
    this.#counts.set(message, count + 1);
    return count === 0;
  }

  /** True when nobody has it any more: say that it is over. */
  clear(message: string): boolean {
    const count = this.#counts.get(message) ?? 0;
    if (count > 1) this.#counts.set(message, count - 1);
    else this.#counts.delete(message);
    return count === 1;
  }

  /** The same trouble in other words. */
  replace(before: string, after: string): void {
    if (before === after) return;
    this.clear(before);
    this.raise(after);
  }
}

/** Answers SIGHUP, one after the other: those that come during an answer are answered together by the next. */
export class Hangups implements Disposable {
  #answer: (() => Promise<void>) | undefined;
  #heard = false;
  #answering = false;

  /** From now on the signal does not end the process. */
  constructor() {
    process.on('SIGHUP', this.#listen);
  }

  /** `answer` never rejects. It is called at once for a signal that has come before. */
  answer(answer: () => Promise<void>): void {
    this.#answer = answer;
    void this.#work();
  }

  [Symbol.dispose](): void {
    process.off('SIGHUP', this.#listen);
    this.#answer = undefined;
  }

  readonly #listen = (): void => {
    this.#heard = true;
    void this.#work();
  };

  async #work(): Promise<void> {
    if (this.#answering) return;
    this.#answering = true;
    while (this.#heard && this.#answer !== undefined) {
      this.#heard = false;
      await this.#answer();
    }
    this.#answering = false;
  }
}

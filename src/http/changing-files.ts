import { readFileSync, statSync } from 'node:fs';
import type { Failure, Logger, Remark, Settings } from '../component.ts';
import { ConfigError, describeError } from '../errors.ts';
import { codeOf } from './address.ts';

export interface ChangingFile {
  /** Where it stands in the settings. */
  readonly setting: readonly string[];
  /** Absolute. */
  readonly path: string;
}

export interface ChangingFilesOptions<T> {
  /** For messages: "certificates", "users". */
  readonly title: string;
  readonly files: readonly ChangingFile[];
  /** Of what they hold, in the order of the files. Throws ConfigError where that is not good; its message holds nothing of it. */
  readonly parse: (contents: readonly Buffer[]) => T;
  readonly settings: Pick<Settings, 'logger' | 'now'>;
  /** How often to look, at most; default: once a second. */
  readonly intervalMs?: number;
}

/** What files hold together, read again when one of them has changed. What is not good is told, and what was before stays. */
export class ChangingFiles<T extends object> {
  readonly #options: ChangingFilesOptions<T>;
  readonly #logger: Logger;
  #value: T | undefined;
  #signature = '';
  #lookedAtMs = -Infinity;
  #failure: Failure | undefined;

  constructor(options: ChangingFilesOptions<T>) {
    this.#options = options;
    this.#logger = options.settings.logger;
  }

  /** Why what is used is not what the files hold now. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** Reads them. Throws ConfigError, its path the setting. */
  load(): T {
    // Before the contents: a change in between is seen at the next look.
    this.#lookedAtMs = this.#options.settings.now();
    const signature = this.#sign();
    this.#value = this.#options.parse(this.#options.files.map(read));
    this.#signature = signature;
    return this.#value;
  }

  /** For `agentcol validate`: reads them, and says what is wrong, or what `remarks` has to say. */
  inspect(remarks: (value: T) => readonly Remark[]): readonly Remark[] {
    try {
      return remarks(this.load());
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.problems.map((problem) => ({ ...problem, severity: 'error' }));
    }
  }

  /** What they held when they were good last; undefined before `load`. */
  look(): T | undefined {
    const { intervalMs = 1_000, settings, title } = this.#options;
    const elapsedMs = settings.now() - this.#lookedAtMs;
    if (this.#value === undefined || (elapsedMs >= 0 && elapsedMs < intervalMs)) return this.#value;
    this.#lookedAtMs = settings.now();
    if (this.#sign() === this.#signature) {
      this.#failure = undefined;
      return this.#value;
    }
    const before = this.#value;
    try {
      this.load();
      this.#failure = undefined;
      this.#logger.info(`${title}: the files have changed and were read again`);
    } catch (error) {
      this.#fail(describeError(error));
      return before;
    }
    return this.#value;
  }

  #fail(reason: string): void {
    const { settings, title } = this.#options;
    const message = `${title}: what was read before stays in use: ${reason}`;
    if (this.#failure?.message === message) return;
    this.#failure = { reason: 'not_reloaded', message, sinceMs: settings.now() };
    this.#logger.error(message);
  }

  #sign(): string {
    return this.#options.files.map(({ path }) => signatureOf(path)).join();
  }
}

function signatureOf(path: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(':');
  } catch (error) {
    return String(codeOf(error));
  }
}

function read({ setting, path }: ChangingFile): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const reason = codeOf(error) === 'ENOENT' ? 'there is no such file' : describeError(error);
    throw new ConfigError([{ path: setting, message: `read ${path}: ${reason}` }], { cause: error });
  }
}

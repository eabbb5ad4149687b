/** For so long after a message was written, its repetitions are counted only. */
const WINDOW_MS = 60_000;
/** More different messages than that are remembered no longer. */
const MOST_WINDOWS = 1_000;

export type Level = 'debug' | 'info' | 'warn' | 'error';
export type Fields = Readonly<Record<string, unknown>>;

interface Window {
  readonly level: Level;
  readonly message: string;
  /** Of the last repetition. */
  fields: Fields;
  /** Monotonic milliseconds. */
  sinceMs: number;
  repetitions: number;
}

export type Write = (level: Level, message: string, fields: Fields) => void;

/** Writes a component's message once, and then once a minute how often it was repeated. */
export class Repeats {
  readonly #write: Write;
  readonly #windows = new Map<string, Window>();
  #timer: NodeJS.Timeout | undefined;

  constructor(write: Write) {
    this.#write = write;
  }

  log(level: Level, message: string, fields: Fields): void {
    const key = JSON.stringify([level, fields['component'], message]);
    const window = this.#windows.get(key);
    if (window !== undefined) {
      window.fields = fields;
      window.repetitions += 1;
      return;
    }
    if (this.#windows.size >= MOST_WINDOWS) this.flush();
    this.#windows.set(key, { level, message, fields, sinceMs: performance.now(), repetitions: 0 });
    this.#timer ??= setTimeout(this.#sweep, WINDOW_MS).unref();
    this.#write(level, message, fields);
  }

  /** Writes what has been counted so far, and forgets every message. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const window of this.#windows.values()) this.#sum(window);
    this.#windows.clear();
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    const nowMs = performance.now();
    let oldestMs = Infinity;
    for (const [key, window] of this.#windows) {
      if (nowMs - window.sinceMs >= WINDOW_MS) {
        if (window.repetitions === 0) {
          this.#windows.delete(key);
          continue;
        }
        this.#sum(window);
        window.sinceMs = nowMs;
        window.repetitions = 0;
      }
      oldestMs = Math.min(oldestMs, window.sinceMs);
    }
    if (this.#windows.size > 0) this.#timer = setTimeout(this.#sweep, oldestMs + WINDOW_MS - nowMs).unref();
  };

  #sum({ level, message, fields, sinceMs, repetitions }: Window): void {
    if (repetitions === 0) return;
    const seconds = Math.max(1, Math.round((performance.now() - sinceMs) / 1_000));
    const times = repetitions === 1 ? 'once' : `${repetitions} times`;
    this.#write(level, `${message} (repeated ${times} in ${seconds < 60 ? `${seconds}s` : '1m'})`, fields);
  }
}

/** What is wrong with one place of a configuration. `path` is relative to the component's own settings. */
export interface Problem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The user has to act: exit 1 before anything starts. Carries every problem found, not only the first. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[] | string, options?: ErrorOptions) {
    const list = typeof problems === 'string' ? [{ path: [], message: problems }] : problems;
    super(list.map((problem) => problem.message).join('\n'), options);
    this.name = 'ConfigError';
    this.problems = list;
  }
}

/** Nobody can mend it by waiting: count, drop, go on. Every other error is transient and tried again. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
}

/** The other side cannot take it now, and may have said when it will. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError';
  /** Not before; undefined: it did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { retryAfterMs, ...options }: ErrorOptions & { readonly retryAfterMs?: number } = {}) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * A source cannot be read at the moment. `reason` is a short stable word (a label value of
 * agentcol_sqlite_source_up); the message says what to do. Never holds row contents.
 */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** The text of anything thrown, with its causes: "open source: database is locked". */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describeError(error.cause)}`;
}

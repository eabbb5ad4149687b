/** A database that events cannot be written to. `reason` is a short stable word; the message says what to do. */
export class HookDatabaseError extends Error {
  override readonly name = 'HookDatabaseError';
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

import type { IncomingMessage } from 'node:http';

/** What stands in the way of a body. `incomplete`: the client has gone. `busy`: all bodies together are too many bytes. */
export type BodyFault = 'too_large' | 'incomplete' | 'busy';

/** Of all bodies that are held at once, where a single one may not be longer. */
const MOST_HELD_BYTES = 16 * 1024 * 1024;

/** Reads bodies that are bounded one by one and all together. What is left of one that is too long is not read. */
export class Bodies {
  readonly #most: number;
  readonly #mostHeld: number;
  #held = 0;

  constructor(mostBytes: number) {
    this.#most = mostBytes;
    this.#mostHeld = Math.max(mostBytes, MOST_HELD_BYTES);
  }

  /** Calls `use` with the body while it is held. */
  async with<T>(request: IncomingMessage, use: (body: Buffer) => Promise<T>): Promise<T | BodyFault> {
    if (Number(request.headers['content-length'] ?? 0) > this.#most) return 'too_large';
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      const fault = await new Promise<BodyFault | undefined>((resolve) => {
        const onData = (chunk: Buffer): void => {
          chunks.push(chunk);
          size += chunk.length;
          this.#held += chunk.length;
          if (size > this.#most) stop('too_large');
          else if (this.#held > this.#mostHeld) stop('busy');
        };
        const stop = (fault: BodyFault | undefined): void => {
          request.off('data', onData);
          // Paused and not destroyed: the answer has to go out on the same connection.
          if (fault !== undefined) request.pause();
          resolve(fault);
        };
        request.on('data', onData);
        request.once('end', () => stop(undefined));
        request.once('error', () => stop('incomplete'));
        request.once('close', () => (request.complete ? undefined : stop('incomplete')));
      });
      return fault ?? (await use(Buffer.concat(chunks, size)));
    } finally {
      this.#held -= size;
    }
  }
}

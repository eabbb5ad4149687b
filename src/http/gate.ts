import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Authenticator, Logger, Settings } from '../component.ts';
import { isSameSecret, secretDigest } from './digest.ts';
import type { Reply } from './listener.ts';
import { peerOf } from './peer.ts';
import { THROTTLE, Throttle, type ThrottleLimits } from './throttle.ts';

/**
 * Lets in who shows good credentials, and holds down how often others may try. Those that the authenticator recognizes are never
 * held up, whatever others do, who may have the same address. Short ones might be guessed in that way, as fast as requests
 * are answered: they get through on a connection that showed them before, and nothing bad since.
 */
export class Gate {
  readonly #authenticator: Authenticator;
  readonly #logger: Logger;
  readonly #throttle: Throttle;
  readonly #proven = new WeakMap<Socket, Buffer>();

  constructor(
    authenticator: Authenticator,
    { logger, now }: Pick<Settings, 'logger' | 'now'>,
    limits: Partial<ThrottleLimits> = {},
  ) {
    this.#authenticator = authenticator;
    this.#logger = logger;
    this.#throttle = new Throttle({ ...THROTTLE, ...limits }, now);
  }

  /** undefined: let in; otherwise the answer, which tells nothing but how to ask, or when. */
  async refusal(request: IncomingMessage): Promise<Reply | undefined> {
    const { authorization } = request.headers;
    if (authorization === undefined) return this.#unauthorized();
    if (this.#authenticator.recognizes(authorization)) return undefined;
    const digest = secretDigest(authorization);
    const proven = this.#proven.get(request.socket);
    if (proven !== undefined && isSameSecret(proven, digest)) {
      if (await this.#authenticator.authenticate(authorization)) return undefined;
      this.#proven.delete(request.socket);
      return this.#unauthorized();
    }
    const peer = peerOf(request);
    const waitMs = this.#throttle.take(peer);
    if (waitMs > 0) {
      this.#logger.warn('too many wrong credentials: for a while, further ones are not looked at', { peer });
      const headers = { 'Retry-After': String(Math.ceil(waitMs / 1_000)) };
      return { status: 429, headers, body: 'too many requests\n' };
    }
    if (await this.#authenticator.authenticate(authorization)) {
      this.#throttle.succeeded(peer);
      this.#proven.set(request.socket, digest);
      return undefined;
    }
    this.#proven.delete(request.socket);
    const delayMs = this.#throttle.failed(peer);
    if (delayMs > 0) await wait(delayMs);
    return this.#unauthorized();
  }

  #unauthorized(): Reply {
    return { status: 401, headers: { 'WWW-Authenticate': this.#authenticator.challenge }, body: 'unauthorized\n' };
  }
}

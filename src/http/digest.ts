import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Means nothing to anybody else, and nothing after the end of the process. */
const KEY = randomBytes(32);

/** Characters of a secret that was generated, from which on nobody guesses it at the speed of a network: 64 bits in hexadecimal. */
export const UNGUESSABLE_LENGTH = 16;

/** What may be kept of a password or a token in memory, and compared in a time that tells nothing: 32 bytes. */
export function secretDigest(text: string): Buffer {
  return createHmac('sha256', KEY).update(text).digest();
}

/** Whether two texts are the same, in a time that does not depend on where they differ. */
export function isSameSecret(one: Buffer, other: Buffer): boolean {
  return timingSafeEqual(one, other);
}

import { createHmac, createSecretKey } from 'node:crypto';
import { Recent } from './recent.ts';

/** 128 bits: two of 10^15 keys are equal by chance once in a hundred million. */
const DIGEST_BYTES = 16;
/** Session ids and the like, which come again and again. */
const REMEMBERED = 1024;
/** Longer texts are identities of single rows: remembering them would only cost memory. */
const LONGEST_REMEMBERED = 64;

/** HMAC-SHA-256 of `text` under `secret`, truncated to 128 bits, base64url. */
export function createDigest(secret: Buffer): (text: string) => string {
  const key = createSecretKey(secret);
  const recent = new Recent<string>(REMEMBERED);
  return (text) => {
    let digest = recent.get(text);
    if (digest === undefined) {
      digest = createHmac('sha256', key).update(text).digest().toString('base64url', 0, DIGEST_BYTES);
      if (text.length <= LONGEST_REMEMBERED) recent.set(text, digest);
    }
    return digest;
  };
}

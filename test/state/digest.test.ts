import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { createDigest } from '../../src/state/digest.ts';
import { Recent } from '../../src/state/recent.ts';

const secret = Buffer.alloc(32, 3);

test('is HMAC-SHA-256 cut to 128 bits, the first time and every other', () => {
  const digest = createDigest(secret);
  for (const text of ['', 'session', 'päth 🙂', 'x'.repeat(10_000)]) {
    const expected = createHmac('sha256', secret).update(text).digest().subarray(0, 16).toString('base64url');
    expect(digest(text)).toBe(expected);
    expect(digest(text)).toBe(expected);
    expect(expected).toHaveLength(22);
  }
});

test('depends on the key', () => {
  expect(createDigest(secret)('x')).not.toBe(createDigest(Buffer.alloc(32, 4))('x'));
});

test('remembers what is used, within its bound', () => {
  const recent = new Recent<number>(2);
  recent.set('used', 1);
  for (let index = 0; index < 100; index += 1) {
    recent.set(String(index), index);
    expect(recent.get('used')).toBe(1);
  }
  expect(recent.get('5')).toBeUndefined();
  expect(recent.get('99')).toBe(99);
  recent.clear();
  expect(recent.get('used')).toBeUndefined();
});

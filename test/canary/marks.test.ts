import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Marks } from './marks.ts';

describe('a search that finds nothing must be able to find something: a mark', () => {
  const marks = new Marks();
  marks.at('another place');
  const mark = marks.at('a place');

  it.each<[string, string | Buffer]>([
    ['as it is', `agent="${mark}"`],
    ['in other letters', mark.toUpperCase()],
    ['inside a path', `/home/${mark}/file.ts`],
    ['in UTF-16', Buffer.from(mark, 'utf16le')],
    ['in hex', Buffer.from(`user ${mark}`).toString('hex')],
    ['in base64, at any place of a group', Buffer.from(`: ${mark}`).toString('base64')],
    ['in base64, one further', Buffer.from(`u: ${mark}`).toString('base64')],
    ['in base64 of URLs, two further', Buffer.from(`us: ${mark}`).toString('base64url')],
  ])('is found %s', (_, output) => {
    expect(marks.found(output)).toEqual(['a place']);
  });

  it.each(['md5', 'sha1', 'sha256', 'sha512'])('is found as its %s without a key, also cut', (algorithm) => {
    const digest = createHash(algorithm).update(mark).digest('hex');
    expect(marks.found(`session_id="${digest.slice(0, 16)}"`)).toEqual(['a place (digest without a key)']);
  });

  it('is not found where it is not', () => {
    expect(marks.found('agent="architect" 0123456789abcdef0123456789abcdef canaryzqx')).toEqual([]);
  });
});

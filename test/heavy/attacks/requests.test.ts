import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { statuses, Target } from './target.ts';

let target: Target;

beforeAll(async () => {
  target = await Target.start({ auth: false });
});

afterAll(async () => {
  expect((await target.scrape({ agent: false })).status).toBe(200);
  expect(target.log).not.toContain('unexpected error');
  await target[Symbol.asyncDispose]();
});

const HOST = 'Host: localhost\r\n';
const CLOSE = 'Connection: close\r\n';
const HIDDEN = `GET / HTTP/1.1\r\n${HOST}\r\n`;

describe('a path', () => {
  test.each([
    '/../../etc/passwd',
    '/metrics/../../etc/passwd',
    '/..%2f..%2fetc%2fpasswd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/metrics/..',
    '/metrics%00',
    '/metrics;/..',
    '//metrics',
    '/./metrics',
    '/\\..\\..\\etc\\passwd',
    'http://evil.example/metrics',
    'file:///etc/passwd',
    '/__proto__',
    '/constructor',
  ])('of %s leads nowhere', async (path) => {
    const answer = await target.send(`GET ${path} HTTP/1.1\r\n${HOST}${CLOSE}\r\n`);
    expect(statuses(answer)).toEqual([404]);
    expect(answer).toMatch(/\r\n\r\nnot found\n$/);
  });
});

describe('a request that two servers would read differently', () => {
  test.each([
    ['two lengths', `Content-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n`],
    ['two equal lengths', 'Content-Length: 0\r\nContent-Length: 0\r\n'],
    ['a length and chunks', `Content-Length: ${HIDDEN.length}\r\nTransfer-Encoding: chunked\r\n`],
    ['chunks and a length', `Transfer-Encoding: chunked\r\nContent-Length: ${HIDDEN.length}\r\n`],
    ['chunks that are not the last coding', 'Transfer-Encoding: chunked, identity\r\n'],
    ['a coding that is none', 'Transfer-Encoding: xchunked\r\n'],
    ['a list of lengths', 'Content-Length: 0, 40\r\n'],
    ['a signed length', 'Content-Length: +4\r\n'],
    ['a negative length', 'Content-Length: -1\r\n'],
    ['a hexadecimal length', 'Content-Length: 0x10\r\n'],
    ['an enormous length', 'Content-Length: 99999999999999999999999\r\n'],
    ['a blank before the colon', 'Content-Length : 40\r\n'],
    ['a header folded over lines', `X-a: b\r\n Content-Length: 40\r\n`],
    ['a line feed alone in a header', 'X-a: b\nContent-Length: 40\r\n'],
    ['a carriage return alone in a header', 'X-a: b\rContent-Length: 40\r\n'],
    ['a NUL in a header', 'X-a: b\0c\r\n'],
    ['a header without a name', ': b\r\n'],
    ['two hosts', 'Host: evil.example\r\n'],
  ])('(%s) is refused, its connection closed, and what follows it is not read', async (_, header) => {
    const answer = await target.send(`GET /metrics HTTP/1.1\r\n${HOST}${header}\r\n${HIDDEN}`);
    expect(statuses(answer)).toEqual([400]);
    expect(answer).toMatch(/connection: close/i);
  });

  test.each([
    ['line feeds alone', HIDDEN.replaceAll('\r\n', '\n')],
    ['no version', 'GET /metrics\r\n\r\n'],
    ['another version', `GET /metrics HTTP/3.7\r\n${HOST}\r\n`],
    ['a blank in the path', `GET /met rics HTTP/1.1\r\n${HOST}\r\n`],
    ['a lower-case method', `get /metrics HTTP/1.1\r\n${HOST}\r\n`],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a bad chunk', `POST /metrics HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`],
  ])('(%s) is refused', async (_, text) => {
    const answer = await target.send(text);
    // The answer to a route may be there before its body is found out.
    expect([400, 405, 505]).toContain(statuses(answer)[0]);
    expect(statuses(answer)).toHaveLength(1);
  });
});

describe('too much', () => {
  test('of headers, 1 MB, is answered by 431 or cut off', async () => {
    const line = `X-a: ${'x'.repeat(1_000)}\r\n`;
    const answer = await target.send([`GET /metrics HTTP/1.1\r\n${HOST}`, ...Array<string>(1_000).fill(line), '\r\n']);
    expect([[], [431]]).toContainEqual(statuses(answer));
  });

  test('of one header, of the path, and of their number is answered by 431', async () => {
    const huge = 'x'.repeat(9_000);
    expect(statuses(await target.send(`GET /metrics HTTP/1.1\r\n${HOST}X-a: ${huge}\r\n\r\n`))).toEqual([431]);
    expect(statuses(await target.send(`GET /${huge} HTTP/1.1\r\n${HOST}\r\n`))).toEqual([431]);
    const many = Array.from({ length: 100 }, (_, index) => `X-${index}: y\r\n`).join('');
    expect(statuses(await target.send(`GET /metrics HTTP/1.1\r\n${HOST}${many}\r\n`))).toEqual([431]);
  });

  test.each([
    ['GET', 200],
    ['POST', 405],
  ])('of a body is not read: %s is answered by %d, and the connection is closed', async (method, status) => {
    const chunk = 'x'.repeat(65_536);
    const head = `${method} /metrics HTTP/1.1\r\n${HOST}Content-Length: 1000000000\r\n\r\n`;
    const before = target.residentMiB;
    const answer = await target.send([head, ...Array<string>(200).fill(chunk)]);
    // Where the reset overtakes the answer, there is none.
    expect([[], [status]]).toContainEqual(statuses(answer));
    expect(target.residentMiB - before).toBeLessThan(30);
  });

  test('of requests at once, without waiting for answers, ends the connection with the first', async () => {
    // Where the reset overtakes the answer, there is none.
    expect([[], [200]]).toContainEqual(statuses(await target.send(HIDDEN.repeat(5_000))));
  });
});

describe('a Host of DNS rebinding', () => {
  test.each([
    'evil.example',
    'evil.example:9465',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost.',
    'a@localhost',
  ])('%s is refused on every path', async (host) => {
    for (const path of ['/', '/metrics', '/none']) {
      const answer = await target.send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      expect([statuses(answer), answer.split('\r\n\r\n')[1]]).toEqual([[403], 'forbidden host\n']);
    }
  });
});

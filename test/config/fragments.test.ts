import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  durationMs,
  isDuration,
  isLoopback,
  loopbackOf,
  parseComponentId,
  parseEndpoint,
} from '../../src/config/fragments.ts';

describe('duration', () => {
  test.each([
    ['250ms', 250],
    ['1s', 1_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['90d', 7_776_000_000],
    ['1h30m', 5_400_000],
  ])('%s is %d ms', (text, milliseconds) => {
    expect(durationMs(text)).toBe(milliseconds);
  });

  test.each(['', '5', 's', '0s', '-1s', '1 s', '1S', '1w', '1s ', '1e3s', '٣s', '101000d', `${'1'.repeat(100)}s`])(
    '%j is none',
    (text) => {
      expect(isDuration(text)).toBe(false);
      expect(() => durationMs(text)).toThrow(RangeError);
    },
  );
});

describe('endpoint', () => {
  test.each([
    ['127.0.0.1:9465', { kind: 'tcp', host: '127.0.0.1', port: 9465 }],
    ['localhost:0', { kind: 'tcp', host: 'localhost', port: 0 }],
    ['[::1]:80', { kind: 'tcp', host: '::1', port: 80 }],
    ['unix:/run/a b.sock', { kind: 'unix', path: '/run/a b.sock' }],
  ])('reads %s', (text, expected) => {
    expect(parseEndpoint(text)).toEqual(expected);
  });

  test.each(['', ':9465', '9465', 'localhost', '127.0.0.1:', '127.0.0.1:65536', '::1:80', '[127.0.0.1]:80', '[zz]:1'])(
    '%j is none',
    (text) => {
      expect(parseEndpoint(text)).toBeUndefined();
    },
  );

  test.each(['http://localhost:80', 'unix:', 'unix:/', 'unix:relative', 'unix:/a\0b', 'a b:1', 'localhost:1\n'])(
    '%j is none either',
    (text) => {
      expect(parseEndpoint(text)).toBeUndefined();
    },
  );

  test.each(['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', '[0:0:0:0:0:0:0:1]:1', 'localhost:1', 'LOCALHOST:1', 'unix:/s'])(
    'only this machine reaches %s',
    (text) => {
      expect(isLoopback(parseEndpoint(text)!)).toBe(true);
    },
  );

  test.each(['0.0.0.0:1', '[::]:1', '10.0.0.1:1', '127.0.0.1.example.com:1', '127.1:1', '1270.0.0.1:1', 'myhost:1'])(
    'others may reach %s',
    (text) => {
      expect(isLoopback(parseEndpoint(text)!)).toBe(false);
    },
  );

  test('the loopback address that a message proposes is an endpoint on loopback with the same port', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(65_535), (host, port) => {
        const proposed = parseEndpoint(loopbackOf(parseEndpoint(`${host}:${port}`)!))!;
        expect(proposed).toMatchObject({ port });
        expect(isLoopback(proposed)).toBe(true);
      }),
    );
    expect(loopbackOf({ kind: 'unix', path: '/s' })).toBe('unix:/s');
  });
});

describe('component id', () => {
  test('is a type, or a type and a name', () => {
    expect(parseComponentId('sqlite')).toEqual({ type: 'sqlite', name: undefined });
    expect(parseComponentId('sqlite/my-agents.2')).toEqual({ type: 'sqlite', name: 'my-agents.2' });
  });

  test.each(['', '/', 'sqlite/', '/x', 'Sqlite', '1x', 'a b', 'a/b/c', 'a/b c', 'a::b', 'a/b:c'])(
    '%j is none',
    (text) => {
      expect(parseComponentId(text)).toBeUndefined();
    },
  );
});

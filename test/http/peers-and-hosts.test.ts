import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { hostCheck } from '../../src/http/hosts.ts';
import { peerOf } from '../../src/http/peer.ts';
import { serverProblems } from '../../src/http/server-problems.ts';

describe('a peer', () => {
  const peer = (remoteAddress: string | undefined, forwarded?: string): string =>
    peerOf({
      socket: { remoteAddress },
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    } as unknown as IncomingMessage);

  test.each([
    ['192.0.2.7', undefined, '192.0.2.7'],
    ['::ffff:192.0.2.7', undefined, '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', undefined, '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', undefined, '2001:db8:1:2::/64'],
    ['2001:db8::9', undefined, '2001:db8:0:0::/64'],
    ['::1', undefined, '0:0:0:0::/64'],
    ['fe80::1%eth0', undefined, 'fe80:0:0:0::/64'],
    [undefined, undefined, 'local'],
    ['127.0.0.1', '198.51.100.4', '198.51.100.4'],
    ['::1', '203.0.113.1, 198.51.100.4', '198.51.100.4'],
    ['::ffff:127.0.0.1', '2001:db8::1', '2001:db8:0:0::/64'],
    [undefined, '198.51.100.4', '198.51.100.4'],
    ['127.0.0.1', 'unknown', '127.0.0.1'],
    ['127.0.0.1', '', '127.0.0.1'],
    ['192.0.2.7', '198.51.100.4', '192.0.2.7'],
  ])('at %s that says it forwards for %s is %s', (address, forwarded, expected) => {
    expect(peer(address, forwarded)).toBe(expected);
  });
});

describe('a host', () => {
  const check = (endpoint: string, ...allowed_hosts: string[]) =>
    hostCheck({ endpoint, allow_insecure_bind: true, allowed_hosts });

  test.each([
    'localhost',
    'LOCALHOST:1',
    '127.0.0.1:9465',
    '[::1]',
    '[::1]:80',
    '10.0.0.1:1',
    'metrics.example.org:9465',
    undefined,
  ])('%s is ours', (host) => {
    expect(check('127.0.0.1:9465', 'Metrics.example.org')(host)).toBe(true);
  });

  test.each([
    'evil.example',
    'localhost.evil.example:9465',
    '',
    'localhost:x',
    '127.0.0.1.evil.example',
    '[::1',
    '0x7f.1',
    'a:b:c',
  ])('%s is not', (host) => {
    expect(check('127.0.0.1:9465', 'metrics.example.org')(host)).toBe(false);
  });

  test('in the endpoint is ours', () => {
    expect(check('laptop:9465')('laptop:9465')).toBe(true);
  });

  test('is of no matter on a Unix socket', () => {
    expect(check('unix:/run/a.sock')('evil.example')).toBe(true);
  });
});

describe('settings', () => {
  const tls = {
    cert_file: '/c',
    key_file: '/k',
    min_version: '1.2',
    max_version: '1.3',
    reload_interval: '1m',
  } as const;
  const auth = { authenticator: 'basicauth' };
  const open = { endpoint: '0.0.0.0:9465', allow_insecure_bind: false, allowed_hosts: [] };
  const messages = (server: Parameters<typeof serverProblems>[0]) =>
    serverProblems(server).map(({ message }) => message);

  test('that others can reach need TLS and authentication, or the word that they do not', () => {
    expect(messages(open)[0]).toContain('which has neither TLS nor authentication; set endpoint to 127.0.0.1:9465');
    expect(messages({ ...open, tls })[0]).toContain('which has no authentication');
    expect(messages({ ...open, auth })[0]).toContain('which has no TLS');
    expect(messages({ ...open, tls, auth })).toEqual([]);
    expect(messages({ ...open, tls: { ...tls, client_ca_file: '/ca' } })).toEqual([]);
    expect(messages({ ...open, allow_insecure_bind: true })).toEqual([]);
    expect(messages({ ...open, endpoint: '127.0.0.1:9465' })).toEqual([]);
  });

  test('that contradict each other are refused', () => {
    expect(messages({ ...open, endpoint: 'unix:/run/a.sock', tls })).toEqual([
      'a Unix socket does not leave this machine and has no TLS; remove it',
    ]);
    const reversed = { ...tls, min_version: '1.3', max_version: '1.2' } as const;
    expect(serverProblems({ ...open, tls: reversed, auth })).toEqual([
      { path: ['tls', 'max_version'], message: 'below min_version, which is 1.3' },
    ]);
    expect(messages({ ...open, endpoint: 'nowhere' })[0]).toContain('not host:port');
  });
});

import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';
import { isLoopback } from '../config/fragments.ts';

/**
 * Who is held down for failures: an address, of IPv6 its network of 64 bits. Behind a proxy on this machine every peer is
 * loopback, so there the client that the proxy names last counts. Who is on this machine can lie about that, which is what
 * the allowance of all strangers together is for.
 */
export function peerOf({ headers, socket }: IncomingMessage): string {
  const address = socket.remoteAddress === undefined ? undefined : plain(socket.remoteAddress);
  const local = address === undefined || isLoopback({ kind: 'tcp', host: address, port: 0 });
  const forwarded = headers['x-forwarded-for'];
  const client = local && typeof forwarded === 'string' ? forwarded.split(',').at(-1)?.trim() : undefined;
  return network(client !== undefined && isIP(client) !== 0 ? plain(client) : (address ?? 'local'));
}

/** Without the zone of a link-local address, and IPv4 as such. */
function plain(address: string): string {
  return address.replace(/%.*$/, '').replace(/^::ffff:(?=[\d.]+$)/i, '');
}

function network(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::', 2);
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after];
  return `${groups
    .slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

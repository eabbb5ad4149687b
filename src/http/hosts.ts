import { isIP } from 'node:net';
import { parseEndpoint, type ServerConfig } from '../config/fragments.ts';

const HOST = /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/;

/**
 * Tells whether a request with this Host header is meant for us. A page of evil.example whose name is made to point to
 * 127.0.0.1 (DNS rebinding) makes a browser send its own name here. An address cannot be made to point elsewhere.
 */
export function hostCheck({ endpoint, allowed_hosts }: ServerConfig): (host: string | undefined) => boolean {
  const parsed = parseEndpoint(endpoint);
  // No browser gets to a Unix socket.
  if (parsed?.kind !== 'tcp') return () => true;
  const names = new Set(['localhost', parsed.host, ...allowed_hosts].map((name) => name.toLowerCase()));
  return (host) => {
    // Only HTTP/1.0 gets here without one, and no browser speaks that.
    if (host === undefined) return true;
    const name = HOST.exec(host)?.[1]?.toLowerCase();
    return name !== undefined && (names.has(name) || isIP(name.replace(/^\[|\]$/g, '')) !== 0);
  };
}

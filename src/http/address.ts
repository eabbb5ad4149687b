import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import type { Endpoint } from '../config/fragments.ts';
import { ConfigError, describeError } from '../errors.ts';

/** Why `endpoint`, the value of `setting`, cannot be listened on, and what to do about it. */
export function addressError(endpoint: Endpoint, setting: string, error: unknown): ConfigError {
  const where = endpoint.kind === 'unix' ? `unix:${endpoint.path}` : hostPort(endpoint.host, endpoint.port);
  const remedy = endpoint.kind === 'unix' ? socketRemedy(error, setting, endpoint.path) : portRemedy(error, setting);
  const message = `listen on ${where}: ${remedy ?? describeError(error)}`;
  return new ConfigError([{ path: [setting], message }], { cause: error });
}

function portRemedy(error: unknown, setting: string): string | undefined {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return `the address is in use, perhaps by another agentcol; stop what listens there, or set ${setting} to another port`;
    case 'EACCES':
      return `permission denied; ports below 1024 are reserved: set ${setting} to a higher one`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `this machine has no such address; set ${setting} to one of its own, such as 127.0.0.1`;
    default:
      return undefined;
  }
}

function socketRemedy(error: unknown, setting: string, path: string): string | undefined {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return `a running process listens there, perhaps another agentcol; stop it, or set ${setting} to another path`;
    case 'EACCES':
      // libuv says so of a missing folder, too.
      return existsSync(dirname(path))
        ? `permission denied; set ${setting} to a path in a folder that this user may write to`
        : `its folder does not exist; create it, or set ${setting} to another path`;
    default:
      return undefined;
  }
}

/** Where to find `path` of a listener: "http://127.0.0.1:9465/metrics", "unix:/run/agentcol.sock (/metrics)"; empty when it does not listen. */
export function urlOf(
  { address, protocol }: { readonly address: string | undefined; readonly protocol: 'http' | 'https' },
  path: string,
): string {
  if (address === undefined) return '';
  return address.startsWith('unix:') ? `${address} (${path})` : `${protocol}://${address}${path}`;
}

/** What a server says of where it listens, as an endpoint is written. */
export function formatAddress(address: AddressInfo | string | null): string | undefined {
  if (address === null) return undefined;
  return typeof address === 'string' ? `unix:${address}` : hostPort(address.address, address.port);
}

export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

export function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

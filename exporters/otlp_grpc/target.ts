import { parseEndpoint } from '../../src/config/fragments.ts';
import type { Problem } from '../../src/errors.ts';
import { hostPort } from '../../src/http/address.ts';
import type { Config } from './config.ts';

export interface Target {
  /** As gRPC names it: https://github.com/grpc/grpc/blob/master/doc/naming.md */
  readonly name: string;
  /** undefined for a Unix socket. */
  readonly host: string | undefined;
  readonly insecure: boolean;
}

/** undefined when `endpoint` is none. */
export function targetOf({ endpoint, tls }: Pick<Config, 'endpoint' | 'tls'>): Target | undefined {
  const [, scheme, address = ''] = /^(?:(https?):\/\/)?(.*?)\/?$/.exec(endpoint) ?? [];
  const parsed = parseEndpoint(address);
  if (parsed === undefined) return undefined;
  if (parsed.kind === 'unix') {
    return scheme === undefined ? { name: `unix:${parsed.path}`, host: undefined, insecure: true } : undefined;
  }
  const insecure = scheme === undefined ? tls.insecure : scheme === 'http';
  return { name: `dns:${hostPort(parsed.host, parsed.port)}`, host: parsed.host, insecure };
}

export function targetProblems(config: Config): readonly Problem[] {
  const { endpoint, tls } = config;
  if (targetOf(config) === undefined) {
    const message = 'is no endpoint; write host:port, http://host:port, https://host:port or unix:/path';
    return [{ path: ['endpoint'], message }];
  }
  if (!endpoint.startsWith('https:') || !tls.insecure) return [];
  return [{ path: ['tls', 'insecure'], message: 'endpoint begins with https://; remove one of the two' }];
}

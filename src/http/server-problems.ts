import { isLoopback, loopbackOf, parseEndpoint, type ServerConfig } from '../config/fragments.ts';
import type { Problem } from '../errors.ts';

/** What is wrong with the settings of something that listens, before it does. */
export function serverProblems(server: ServerConfig): readonly Problem[] {
  const endpoint = parseEndpoint(server.endpoint);
  if (endpoint === undefined) {
    return [{ path: ['endpoint'], message: 'not host:port, [ipv6]:port or unix:/absolute/path' }];
  }
  const problems: Problem[] = [];
  const { tls } = server;
  if (tls !== undefined && endpoint.kind === 'unix') {
    problems.push({ path: ['tls'], message: 'a Unix socket does not leave this machine and has no TLS; remove it' });
  }
  if (tls !== undefined && tls.min_version > tls.max_version) {
    problems.push({ path: ['tls', 'max_version'], message: `below min_version, which is ${tls.min_version}` });
  }
  if (isLoopback(endpoint) || server.allow_insecure_bind) return problems;
  const missing = missingProtection(server);
  if (missing === undefined) return problems;
  const message =
    `other machines could reach ${server.endpoint}, which has ${missing}; ` +
    `set endpoint to ${loopbackOf(endpoint)} and put a proxy in front of it, configure tls and auth, or write allow_insecure_bind: true`;
  return [...problems, { path: ['endpoint'], message }];
}

/** A client certificate authenticates as well as a password does. */
function missingProtection({ tls, auth }: ServerConfig): string | undefined {
  const authenticates = auth !== undefined || tls?.client_ca_file !== undefined;
  if (tls === undefined) return authenticates ? 'no TLS' : 'neither TLS nor authentication';
  return authenticates ? undefined : 'no authentication';
}

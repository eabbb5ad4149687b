import { isLoopback, loopbackOf, parseEndpoint } from '../config/fragments.ts';
import type { Problem } from '../errors.ts';

/** What is wrong with the settings `endpoint` and `allow_insecure_bind` of something that has neither TLS nor authentication. */
export function bindProblems(settings: {
  readonly endpoint: string;
  readonly allow_insecure_bind: boolean;
}): readonly Problem[] {
  const endpoint = parseEndpoint(settings.endpoint);
  if (endpoint === undefined) {
    return [{ path: ['endpoint'], message: 'not host:port, [ipv6]:port or unix:/absolute/path' }];
  }
  if (isLoopback(endpoint) || settings.allow_insecure_bind) return [];
  const message =
    `other machines could reach ${settings.endpoint}, which has neither TLS nor authentication; ` +
    `set endpoint to ${loopbackOf(endpoint)} and put a proxy in front of it, or write allow_insecure_bind: true`;
  return [{ path: ['endpoint'], message }];
}

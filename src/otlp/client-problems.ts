import { validateHeaderName, validateHeaderValue } from 'node:http';
import { isLoopback } from '../config/fragments.ts';
import type { Remark } from '../component.ts';
import type { Problem } from '../errors.ts';
import type { ClientConfig, ClientTlsConfig } from './settings.ts';

/** Said by the request itself. */
const RESERVED = /^(?:host|te|connection|transfer-encoding|content-(?:type|encoding|length)|grpc-.*|.*-bin)$/i;

/** What the schema cannot say about what both have. */
export function clientProblems({ headers, auth, temporality }: ClientConfig): readonly Problem[] {
  const problems = Object.entries(headers).flatMap(([name, value]): Problem[] => {
    const path = ['headers', name];
    if (RESERVED.test(name)) return [{ path, message: 'is set by the request itself; remove it' }];
    if (auth !== undefined && name.toLowerCase() === 'authorization') {
      return [{ path, message: 'is set by auth; remove one of the two' }];
    }
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
      return [];
    } catch {
      return [{ path, message: 'is no name and value of an HTTP header' }];
    }
  });
  if (temporality === 'cumulative') return problems;
  const message =
    temporality === 'delta'
      ? 'delta is not offered: a request whose answer is lost would be counted twice or not at all, while totals heal with the next request; ' +
        'write cumulative, and let the cumulativetodelta processor of the Collector convert'
      : 'write cumulative';
  return [...problems, { path: ['temporality'], message }];
}

/** What the schema cannot say about `tls`. */
export function clientTlsProblems(tls: ClientTlsConfig): readonly Problem[] {
  if ((tls.cert_file === undefined) === (tls.key_file === undefined)) return [];
  const [there, missing] = tls.cert_file === undefined ? ['key_file', 'cert_file'] : ['cert_file', 'key_file'];
  return [{ path: ['tls', there], message: `is of no use without ${missing}` }];
}

/** For `agentcol validate`: other machines read along. */
export function clearTextRemarks(host: string, remedy: string, setting = 'endpoint'): readonly Remark[] {
  if (isLoopback({ kind: 'tcp', host, port: 0 })) return [];
  const message = `everything goes to ${host} in the clear, what auth shows included; ${remedy}`;
  return [{ path: [setting], message, severity: 'warning' }];
}

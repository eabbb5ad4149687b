import { isHostName, parseEndpoint } from '../config/fragments.ts';
import { oneOf, UsageError } from './usage-error.ts';
import type { Values } from './words.ts';

export const PROXIES = ['nginx', 'caddy'] as const;
export type Proxy = (typeof PROXIES)[number];

export interface ProxyConfigOptions {
  readonly proxy: Proxy;
  /** The id of the only exporter to be reached; undefined: all that can be. */
  readonly exporter: string | undefined;
  /** As clients name it, without a port. */
  readonly serverName: string;
  /** Where the proxy listens; without an address on all of the machine's. */
  readonly address: string | undefined;
  readonly port: number;
  /** Absolute paths, of characters that need no quotes. */
  readonly certificate: string;
  readonly certificateKey: string;
  readonly users: string;
}

const PORT = '9443';
const SERVER_NAME = 'metrics.example.org';

/** Whether no proxy reads anything but itself in it, and it is absolute. */
export function isPlainPath(text: string): boolean {
  return /^\/[A-Za-z0-9._/@+-]+$/.test(text);
}

/** Throws UsageError. */
export function parseProxyConfig(words: readonly string[], values: Values): ProxyConfigOptions {
  const proxy = oneOf(words[0], PROXIES, 'proxy-config needs', 'proxy');
  if (words.length > 1) throw new UsageError(`unexpected argument ${JSON.stringify(words[1])}`);
  const { 'server-name': serverName = SERVER_NAME, exporter } = values;
  if (!isHostName(serverName)) throw new UsageError('--server-name takes a host name, without a port');
  const file = (option: 'certificate' | 'certificate-key' | 'users', name: string): string => {
    const path = values[option] ?? `/etc/${proxy}/agentcol/${name}`;
    if (!isPlainPath(path)) {
      throw new UsageError(`--${option} takes an absolute path of letters, digits and . _ - @ + /`);
    }
    return path;
  };
  return {
    proxy,
    exporter,
    serverName,
    ...parseListen(values.listen ?? PORT),
    certificate: file('certificate', 'certificate.pem'),
    certificateKey: file('certificate-key', 'certificate.key'),
    users: file('users', 'users'),
  };
}

function parseListen(text: string): Pick<ProxyConfigOptions, 'address' | 'port'> {
  const endpoint = parseEndpoint(/^\d+$/.test(text) ? `0.0.0.0:${text}` : text);
  if (endpoint?.kind !== 'tcp' || endpoint.port === 0) {
    throw new UsageError('--listen takes a port or address:port, as in --listen 9443');
  }
  return { address: endpoint.host === '0.0.0.0' ? undefined : endpoint.host, port: endpoint.port };
}

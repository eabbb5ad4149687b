/**
 * Schema fragments that components share, with the functions that read such values.
 *
 * Custom formats: `duration`, `endpoint`, `component_id`, `host_name`.
 * Custom keywords, for strings:
 * - `path: true`: `~` and paths relative to the configuration file are made absolute; the schema's own default may hold
 *   `${env:NAME:-default}` and `~`.
 * - `reference: 'extensions'`: the id of an extension, which must be configured and listed in service::extensions.
 * - `secret: true`: a key, a password, a token: print-config shows [REDACTED].
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { FromSchema } from 'json-schema-to-ts';

const DURATION_PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const MAX_DURATION_MS = 100 * 365 * 86_400_000;

/** More than zero, at most a hundred years: "250ms", "1s", "5m", "1h30m", "90d". Read it with durationMs. */
export const duration = { type: 'string', format: 'duration' } as const;

/** A file or folder; absolute once validated. */
export const path = { type: 'string', minLength: 1, path: true } as const;

/** Where to listen: "127.0.0.1:9465", "[::1]:9465", "localhost:0", "unix:/run/agentcol.sock". Read it with parseEndpoint. */
export const endpoint = { type: 'string', format: 'endpoint' } as const;

/** "type" or "type/name". */
export const componentId = { type: 'string', format: 'component_id' } as const;

/** The id of an extension that the service starts. */
export const extensionId = { type: 'string', format: 'component_id', reference: 'extensions' } as const;

/** The Collector's server settings for TLS. */
export const tls = {
  type: 'object',
  additionalProperties: false,
  required: ['cert_file', 'key_file'],
  description: 'Serves HTTPS. Without it, plain HTTP.',
  properties: {
    cert_file: { ...path, description: 'PEM: the certificate, followed by those that lead to its authority.' },
    key_file: { ...path, description: 'PEM: its private key, without a passphrase.' },
    client_ca_file: {
      ...path,
      description: 'PEM: authorities. Only clients with a certificate of one of them get through (mutual TLS).',
    },
    min_version: { enum: ['1.2', '1.3'], default: '1.2', description: 'The oldest version of TLS to speak.' },
    max_version: { enum: ['1.2', '1.3'], default: '1.3', description: 'The newest version of TLS to speak.' },
    reload_interval: {
      ...duration,
      default: '1m',
      description: 'How often to look whether the files have changed.',
    },
  },
} as const;

/** Who may ask. */
export const auth = {
  type: 'object',
  additionalProperties: false,
  required: ['authenticator'],
  description: 'Answers only those who show what an extension accepts.',
  properties: {
    authenticator: { ...extensionId, description: 'The extension that tells who may ask: basicauth, bearertokenauth.' },
  },
} as const;

/** What everything that listens has besides `endpoint`, whose default and description are its own. Give it to createListener. */
export const serverSettings = {
  allow_insecure_bind: {
    type: 'boolean',
    default: false,
    description: 'Allows an `endpoint` that other machines can reach without both TLS and authentication.',
  },
  tls,
  auth,
  allowed_hosts: {
    type: 'array',
    items: { type: 'string', format: 'host_name' },
    default: [],
    description:
      'Names in the `Host` header to answer to, besides `localhost`, the name in `endpoint` and IP addresses.',
  },
} as const;

/** The settings of everything that listens, as far as they are the same. */
export type ServerConfig = FromSchema<{
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly required: readonly ['endpoint'];
  readonly properties: { readonly endpoint: typeof endpoint } & typeof serverSettings;
}>;

export type TlsConfig = FromSchema<typeof tls>;

/** A host as a Host header names it, without a port: "metrics.example.org", "[::1]". */
export function isHostName(text: string): boolean {
  return /^(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]+\])$/.test(text);
}

export function isDuration(text: string): boolean {
  if (text.length > 64 || !DURATION.test(text)) return false;
  const milliseconds = sumParts(text);
  return milliseconds > 0 && milliseconds <= MAX_DURATION_MS;
}

/** Milliseconds of a duration; throws RangeError when it is none, or zero. */
export function durationMs(text: string): number {
  if (!isDuration(text)) throw new RangeError(`not a duration: ${JSON.stringify(text)}`);
  return sumParts(text);
}

function sumParts(text: string): number {
  let milliseconds = 0;
  for (const [, amount, unit] of text.matchAll(DURATION_PART)) milliseconds += Number(amount) * UNIT_MS[unit!]!;
  return milliseconds;
}

export type Endpoint =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** undefined when it is no endpoint. The host of "[::1]:80" is "::1"; a host is never left out, a port neither. */
export function parseEndpoint(text: string): Endpoint | undefined {
  if (text.startsWith('unix:')) {
    const socket = text.slice('unix:'.length);
    return socket.startsWith('/') && socket.length > 1 && !socket.includes('\0')
      ? { kind: 'unix', path: socket }
      : undefined;
  }
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, ipv6, name, digits] = match;
  const port = Number(digits);
  if (port > 65_535 || (ipv6 !== undefined && !isIPv6(ipv6))) return undefined;
  return { kind: 'tcp', host: ipv6 ?? name!, port };
}

/** Whether only this machine can connect. An unknown name counts as reachable from elsewhere. */
export function isLoopback(endpoint: Endpoint): boolean {
  if (endpoint.kind === 'unix') return true;
  const host = endpoint.host.toLowerCase();
  if (isIPv4(host)) return host.startsWith('127.');
  if (isIPv6(host)) return new URL(`http://[${host}]`).hostname === '[::1]';
  return host === 'localhost';
}

/** The same port on this machine alone, for messages. */
export function loopbackOf(endpoint: Endpoint): string {
  return endpoint.kind === 'unix' ? `unix:${endpoint.path}` : `127.0.0.1:${endpoint.port}`;
}

const COMPONENT_ID = /^([a-z][a-z0-9_]{0,62})(?:\/([^\s/:]+))?$/;

/** The type and name of "type/name"; undefined when it is no component id. */
export function parseComponentId(id: string): { readonly type: string; readonly name: string | undefined } | undefined {
  const match = COMPONENT_ID.exec(id);
  return match === null ? undefined : { type: match[1]!, name: match[2] };
}

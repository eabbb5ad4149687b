import { parseComponentId } from '../config/fragments.ts';
import { hostPort } from '../http/address.ts';
import type { ProxyConfigOptions } from './proxy-config-options.ts';
import type { Upstream } from './proxy-config-upstreams.ts';

/** Of the answers of a proxy, errors included. */
export const SECURITY_HEADERS: readonly (readonly [string, string])[] = [
  ['Cache-Control', 'no-store'],
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Referrer-Policy', 'no-referrer'],
  ['X-Content-Type-Options', 'nosniff'],
];

/** Why a header is missing that many expect. */
export const NO_HSTS =
  'No Strict-Transport-Security: it would bind every port of this name, and this one speaks nothing but TLS.';

const TITLES = { nginx: 'nginx', caddy: 'Caddy' } as const;

/** What each proxy needs of its files. */
interface FileAdvice {
  readonly key: string;
  /** The commands that make the file of users. */
  readonly users: readonly string[];
}

/** The comment at the top: what is where, which files are needed, how Prometheus gets in. */
export function preamble(options: ProxyConfigOptions, upstreams: readonly Upstream[], howTo: FileAdvice): string {
  const { proxy, serverName, certificate, certificateKey } = options;
  const checksUsers = upstreams.some(({ authenticator }) => authenticator === undefined);
  const files: readonly (readonly [string, string])[] = [
    [certificate, `the certificate of ${serverName}, then those that lead to its authority`],
    [certificateKey, howTo.key],
    ...(checksUsers ? [[options.users, 'who may see the metrics'] as const] : []),
  ];
  const lines = [
    `agentcol's metrics behind ${TITLES[proxy]}: TLS, passwords, limits. GET and HEAD of these, everything else is 404:`,
    '',
    ...table(upstreams.map((upstream) => [upstream.path, describe(upstream)])),
    '',
    `Written by \`agentcol proxy-config ${proxy}\`; when agentcol's configuration changes, write it anew. It needs`,
    '',
    ...table(files),
    ...(checksUsers ? howTo.users.map((line) => `    ${line}`) : []),
    '',
    'In prometheus.yml:',
    '',
    '  scrape_configs:',
    ...upstreams.flatMap((upstream) => scrapeConfig(options, upstream)),
  ];
  return comment(lines);
}

/** Of lines, which may be indented. */
export function comment(lines: readonly string[], indent = ''): string {
  return lines.map((line) => `${indent}# ${line}`.trimEnd()).join('\n');
}

/** What a proxy connects to, as text: 127.0.0.1:9465, unix:/run/agentcol.sock. */
export function addressOf({ endpoint }: Upstream): string {
  return endpoint.kind === 'unix' ? `unix:${endpoint.path}` : hostPort(endpoint.host, endpoint.port);
}

/** What an operator should know of an upstream, beyond its address. */
export function notesOn(upstream: Upstream): readonly string[] {
  const notes: string[] = [];
  if (upstream.isExposed) {
    notes.push(`Other machines reach ${upstream.id} without this proxy, too: see its endpoint.`);
  }
  if (upstream.scheme === 'https') {
    notes.push('Its certificate is not checked: the way there does not leave this machine.');
  }
  if (upstream.endpoint.kind === 'unix') {
    notes.push(`Only the user of agentcol may open this socket: let the proxy's workers run as that user.`);
  }
  return notes;
}

function describe({ authenticator, ...upstream }: Upstream): string {
  const asks = authenticator === undefined ? '' : `, which asks for passwords itself (${authenticator})`;
  return `${upstream.id} at ${addressOf({ authenticator, ...upstream })}${asks}`;
}

function scrapeConfig({ serverName, port }: ProxyConfigOptions, { name, path, authenticator }: Upstream): string[] {
  const isToken = authenticator !== undefined && parseComponentId(authenticator)?.type === 'bearertokenauth';
  return [
    `    - job_name: ${name}`,
    '      scheme: https',
    ...(path === '/metrics' ? [] : [`      metrics_path: ${path}`]),
    isToken
      ? '      authorization: { credentials_file: /etc/prometheus/agentcol.token }'
      : '      basic_auth: { username: prometheus, password_file: /etc/prometheus/agentcol.password }',
    `      static_configs: [{ targets: ['${serverName}:${port}'] }]`,
  ];
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`);
}

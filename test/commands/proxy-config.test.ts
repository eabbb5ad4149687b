import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { parseCommandLine } from '../../src/commands/command-line.ts';
import { load } from '../../src/commands/load.ts';
import { renderCaddy } from '../../src/commands/proxy-config-caddy.ts';
import { renderNginx } from '../../src/commands/proxy-config-nginx.ts';
import { parseProxyConfig } from '../../src/commands/proxy-config-options.ts';
import { findUpstreams } from '../../src/commands/proxy-config-upstreams.ts';
import { proxyConfig } from '../../src/commands/proxy-config.ts';
import { refuseRoot } from '../../src/commands/refuse-root.ts';
import { UsageError } from '../../src/commands/usage-error.ts';
import { ConfigError } from '../../src/errors.ts';
import { Workspace } from '../main-job/harness.ts';
import { capture } from './capture.ts';

let workspace: Workspace;
let out: string;

beforeEach(() => {
  workspace = new Workspace();
  out = '';
  capture(process.stdout, (text) => (out += text));
});

afterEach(() => {
  vi.restoreAllMocks();
  workspace[Symbol.dispose]();
});

async function call(...words: readonly string[]): Promise<string> {
  const line = parseCommandLine(['proxy-config', ...words]);
  if (line.command !== 'proxy-config') throw new Error(line.command);
  out = '';
  expect(await proxyConfig(line)).toBe(0);
  return out;
}

/** What both proxies are told of a configuration. */
async function both(file: string, exporter?: string): Promise<{ readonly nginx: string; readonly caddy: string }> {
  const { config } = await load([file], []);
  const upstreams = findUpstreams(config, exporter);
  const [nginx, caddy] = (['nginx', 'caddy'] as const).map((proxy) => parseProxyConfig([proxy], {}));
  return { nginx: renderNginx(nginx!, upstreams), caddy: renderCaddy(caddy!, upstreams) };
}

/** A configuration with these exporters, all of them used. */
function written(exporters: Readonly<Record<string, unknown>>, extensions: Readonly<Record<string, unknown>> = {}) {
  const file = workspace.file('agentcol.yaml');
  const pipeline = { receivers: ['sqlite'], processors: ['hash', 'strip_paths'], exporters: Object.keys(exporters) };
  const config = {
    receivers: { sqlite: { database: 'agents.db', preset: 'agent_workflow' } },
    processors: { hash: { key: 'k'.repeat(32) }, strip_paths: null },
    exporters,
    extensions,
    service: { extensions: Object.keys(extensions), pipelines: { metrics: pipeline } },
  };
  fs.writeFileSync(file, stringify(config));
  return file;
}

const BASIC = { basicauth: { htpasswd: { inline: `me:$2y$10$${'a'.repeat(53)}` } } };

test.each([
  ['nginx', 'deploy/nginx/agentcol.conf'],
  ['caddy', 'deploy/caddy/Caddyfile'],
])('what is shipped for %s is what the default configuration gives', async (proxy, file) => {
  expect(fs.readFileSync(path.resolve(file), 'utf8')).toBe(await call(proxy, '--config', 'otel-config.yaml'));
});

describe('the way to an exporter', () => {
  test('is its address, whatever port that is', async () => {
    const file = written({ prometheus: { endpoint: '127.0.0.1:7000' } });
    const { nginx, caddy } = await both(file);
    expect(nginx).toContain('server 127.0.0.1:7000;');
    expect(caddy).toContain('reverse_proxy 127.0.0.1:7000 {');
  });

  test('is its Unix socket, which only its owner may open', async () => {
    const file = written({ prometheus: { endpoint: 'unix:/run/agent-col/a_1.sock' } });
    const { nginx, caddy } = await both(file);
    expect(nginx).toContain('server unix:/run/agent-col/a_1.sock;');
    expect(nginx).toContain('Only the user of agentcol may open this socket');
    expect(caddy).toContain('reverse_proxy unix//run/agent-col/a_1.sock {');
  });

  test.each([
    ['0.0.0.0:7000', '127.0.0.1:7000'],
    ['[::]:7000', '[::1]:7000'],
    ['192.0.2.7:7000', '192.0.2.7:7000'],
  ])('is %s -> %s where other machines reach it, too, and says so', async (endpoint, upstream) => {
    const file = written({ prometheus: { endpoint, allow_insecure_bind: true } });
    for (const text of Object.values(await both(file))) {
      expect(text).toContain(` ${upstream}`);
      expect(text).toContain('Other machines reach prometheus without this proxy, too');
    }
  });

  test('is TLS where it speaks TLS', async () => {
    const tls = { cert_file: '/c.pem', key_file: '/k.pem' };
    const file = written({ prometheus: { endpoint: '127.0.0.1:7000', tls } });
    const { nginx, caddy } = await both(file);
    expect(nginx).toContain('proxy_pass https://agentcol/metrics;');
    expect(caddy).toContain('reverse_proxy https://127.0.0.1:7000 {');
    expect(caddy).toContain('\t\t\t\ttls_insecure_skip_verify\n');
  });
});

describe('several exporters', () => {
  const exporters = {
    prometheus: { endpoint: '127.0.0.1:7000' },
    'prometheus/usage': { endpoint: '127.0.0.1:7001', auth: { authenticator: 'basicauth' } },
  };

  test('have a path each', async () => {
    const { nginx, caddy } = await both(written(exporters, BASIC));
    expect(nginx.match(/^ {4}location .*$/gm)).toEqual([
      '    location = /metrics {',
      '    location = /metrics/usage {',
      '    location / {',
    ]);
    expect(nginx).toMatch(/upstream agentcol-usage \{\n {4}server 127.0.0.1:7001;/);
    expect(nginx).toContain('metrics_path: /metrics/usage');
    expect(caddy.match(/path_regexp .*$/gm)).toEqual(['path_regexp ^/metrics$', 'path_regexp ^/metrics/usage$']);
  });

  test('are asked for passwords by the proxy, or, with auth, ask themselves', async () => {
    const { nginx, caddy } = await both(written(exporters, BASIC));
    const [first = '', second = ''] = nginx.split('location = ').slice(1);
    expect(first).toContain('auth_basic_user_file /etc/nginx/agentcol/users;');
    expect(first).toContain('proxy_set_header Authorization "";');
    expect(second).not.toContain('auth_basic');
    expect(second).toContain('proxy_set_header Authorization $http_authorization;');
    const [one = '', other = ''] = caddy.split('handle @').slice(1);
    expect(one).toMatch(/basicauth \{[^]*header_up -Authorization/);
    expect(other).not.toMatch(/basicauth \{|header_up -Authorization/);
  });

  test('are reduced to one by --exporter', async () => {
    const file = written(exporters, BASIC);
    for (const text of Object.values(await both(file, 'prometheus/usage'))) {
      expect(text).not.toContain('7000');
      expect(text).toContain('127.0.0.1:7001');
      // The proxy asks nobody for a password: it has no file of users.
      expect(text).not.toContain('agentcol/users');
    }
    await expect(call('nginx', '-c', file, '--exporter', 'prometheus/usag')).rejects.toEqual(
      new UsageError(
        '--exporter is one of prometheus, prometheus/usage, not "prometheus/usag"; did you mean "prometheus/usage"?',
      ),
    );
  });

  test('are those that a pipeline uses', async () => {
    const file = written(exporters, BASIC);
    const one = await call('nginx', '-c', file, '--set', 'service::pipelines::metrics::exporters=[prometheus]');
    expect(one).not.toContain('7001');
    const none = call('nginx', '-c', written({ debug: null }));
    await expect(none).rejects.toThrow('no pipeline has a prometheus exporter');
  });

  test('with a token say so to Prometheus', async () => {
    const auth = { authenticator: 'bearertokenauth' };
    const file = written(
      { prometheus: { endpoint: '127.0.0.1:7000', auth } },
      { bearertokenauth: { token: 't'.repeat(40) } },
    );
    expect(await call('nginx', '-c', file)).toContain('authorization: { credentials_file: ');
  });
});

describe('the address of the proxy', () => {
  test('is one of the machine, or all of them', async () => {
    const all = await call('nginx', '-c', 'otel-config.yaml', '--listen', '443');
    expect(all.match(/^ +listen .*$/gm)).toEqual(['    listen 443 ssl;', '    listen [::]:443 ssl;']);
    const one = await call('nginx', '-c', 'otel-config.yaml', '--listen', '[2001:db8::1]:443');
    expect(one.match(/^ +listen .*$/gm)).toEqual(['    listen [2001:db8::1]:443 ssl;']);
    const caddy = await call('caddy', '-c', 'otel-config.yaml', '--listen', '192.0.2.1:443');
    expect(caddy).toContain('https://:443 {\n\tbind 192.0.2.1\n');
    expect(caddy).toContain("targets: ['metrics.example.org:443']");
  });

  test('is not that of the exporter', async () => {
    const call9465 = call('nginx', '-c', 'otel-config.yaml', '--listen', '9465');
    await expect(call9465).rejects.toEqual(new UsageError('--listen: 9465 is the port of prometheus itself'));
  });
});

test('what no proxy can reach is told with its place, all at once', async () => {
  const file = written({
    'prometheus/a.b': { endpoint: '127.0.0.1:0' },
    'prometheus/socket': { endpoint: 'unix:/run/a b;.sock' },
    'prometheus/mutual': {
      endpoint: '127.0.0.1:7000',
      tls: { cert_file: '/c', key_file: '/k', client_ca_file: '/ca' },
    },
  });
  const error: unknown = await call('nginx', '-c', file).catch((thrown: unknown) => thrown);
  if (!(error instanceof ConfigError)) throw error;
  const places = error.message.split('\n').map((line) => line.replace(/^\S+:\d+:\d+: /, ''));
  expect(places).toEqual([
    'exporters::prometheus/a.b::endpoint: port 0 is another one at every start; a proxy needs one that stays',
    'exporters::prometheus/a.b: the name becomes part of a path: write it with letters, digits, _ and - only',
    "exporters::prometheus/socket::endpoint: a proxy's configuration takes a path of letters, digits and . _ - @ + / only",
    'exporters::prometheus/mutual::tls::client_ca_file: asks the proxy for a certificate of its own, which agentcol proxy-config knows nothing of; remove it',
  ]);
});

test('root is refused, every other user is not, and a system without users neither', () => {
  expect(() => refuseRoot(0)).toThrow(/^agentcol does not run as root: .*--allow-root$/);
  refuseRoot(1000);
  refuseRoot(undefined);
});

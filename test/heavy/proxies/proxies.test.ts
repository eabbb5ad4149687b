import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, test, vi } from 'vitest';
import { parse } from 'yaml';
import { Workspace } from '../../main-job/harness.ts';
import { requirement } from '../requirement.ts';
import { aroundNginx, freePort, PASSWORD, Stage, USER, type Proxy } from './stage.ts';

const RIGHT = `${USER}:${PASSWORD}`;
const OPENMETRICS = 'application/openmetrics-text; version=1.0.0';
/** Above the time that the proxies give a client to finish its headers, milliseconds. */
const HEADERS_MS = 9_000;

const installed = {
  nginx: requirement('nginx (Debian package nginx-light)', spawnSync('nginx', ['-v']).status === 0),
  caddy: requirement('caddy (Debian package caddy)', spawnSync('caddy', ['version']).status === 0),
} as const;
const promtool = requirement('promtool (Debian package prometheus)', spawnSync('promtool', ['--version']).status === 0);

const FORBIDDEN: readonly (readonly [string, string])[] = [
  ...['/', '/metrics/', '/metrics/usage', '/METRICS', '/metricsx', '/status', '/.env'].map(
    (path) => ['GET', path] as const,
  ),
  ...['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'].map((method) => [method, '/metrics'] as const),
];

describe.each(['nginx', 'caddy'] as const)('%s', (proxy) => {
  const { met, reason } = installed[proxy];

  describe.skipIf(!met)(`in front of the default kind of exporter${reason}`, () => {
    let stage: Stage;

    beforeAll(async () => {
      stage = await Stage.start({ proxy });
    });

    afterAll(async () => {
      await stage[Symbol.asyncDispose]();
    });

    /** The rate limit is the subject of one test only; the others come back when there is room. */
    async function patiently(question: Parameters<Stage['ask']>[0]) {
      return await vi.waitFor(
        async () => {
          const answer = await stage.ask(question);
          if (answer.status === 429) throw new Error('too many');
          return answer;
        },
        { timeout: 60_000, interval: 250 },
      );
    }

    it('asks who wants to know, and tells nothing else', async () => {
      for (const auth of [undefined, `${USER}:wrong`, `${USER}:`, `nobody:${PASSWORD}`, ':']) {
        const { status, headers, body } = await patiently(auth === undefined ? {} : { auth });
        expect(status).toBe(401);
        expect(headers['www-authenticate']).toMatch(/^Basic realm=/);
        expect(body).not.toContain('agent');
      }
      const { status } = await patiently({ headers: { Authorization: 'Bearer x' } });
      expect(status).toBe(401);
    });

    it.each([undefined, OPENMETRICS])('passes on what agentcol says byte by byte (Accept: %s)', async (accept) => {
      const before = await stage.direct('prometheus', accept);
      const headers = accept === undefined ? {} : { Accept: accept };
      const plain = await patiently({ auth: RIGHT, headers });
      const compressed = await patiently({ auth: RIGHT, headers: { ...headers, 'Accept-Encoding': 'gzip' } });
      // Nothing changed meanwhile, so all four are one.
      expect((await stage.direct('prometheus', accept)).body).toBe(before.body);
      expect(before.body).toContain('agent_workflow_invocations_total');
      expect(plain).toMatchObject({ status: 200, body: before.body });
      expect(plain.headers['content-encoding']).toBeUndefined();
      expect(compressed).toMatchObject({ status: 200, body: before.body });
      expect(compressed.headers['content-encoding']).toBe('gzip');
      for (const { headers: told } of [plain, compressed]) {
        expect(told['content-type']).toBe(before.headers['content-type']);
      }
    });

    it('answers HEAD', async () => {
      expect(await patiently({ auth: RIGHT, method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    });

    it.each(FORBIDDEN)('has nothing at %s %s', async (method, path) => {
      for (const auth of [RIGHT, undefined]) {
        const headers = method === 'GET' ? {} : { 'Content-Length': '0' };
        const { status } = await patiently({ method, path, headers, ...(auth === undefined ? {} : { auth }) });
        expect(status).toBe(404);
      }
    });

    it('takes no body', async () => {
      const headers = { 'Content-Length': '100' };
      const { status } = await patiently({ method: 'POST', auth: RIGHT, headers, body: 'x'.repeat(100) });
      expect([404, 413]).toContain(status);
    });

    it('refuses headers that are too large', async () => {
      const { status } = await patiently({ auth: RIGHT, headers: { 'X-Large': 'x'.repeat(64_000) } });
      expect([400, 431]).toContain(status);
    });

    it('sends security headers with every answer, each once, and no version', async () => {
      const answers = [await patiently({ auth: RIGHT }), await patiently({}), await patiently({ path: '/' })];
      for (const { headers } of answers) {
        expect(headers).toMatchObject({
          'cache-control': 'no-store',
          'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
          'cross-origin-resource-policy': 'same-origin',
          'referrer-policy': 'no-referrer',
          'x-content-type-options': 'nosniff',
        });
        expect(headers.server ?? '').not.toMatch(/\d/);
      }
    });

    it('speaks TLS 1.2 and 1.3, nothing older, and no plain HTTP', async () => {
      const versions = ['TLSv1.2', 'TLSv1.3'] as const;
      for (const version of versions) {
        const tls = { minVersion: version, maxVersion: version };
        expect((await patiently({ auth: RIGHT, tls })).status).toBe(200);
      }
      const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
      await expect(stage.ask({ tls: old })).rejects.toThrow(/alert protocol version|unsupported protocol/);
      const plain = await fetch(`http://127.0.0.1:${stage.port}/metrics`, {
        headers: { Authorization: `Basic ${Buffer.from(RIGHT).toString('base64')}` },
      });
      expect(plain.status).toBe(400);
    });

    it('drops a client that does not finish its headers', async () => {
      const socket = connect({ host: '127.0.0.1', port: stage.port, rejectUnauthorized: false });
      const startMs = performance.now();
      await new Promise<void>((resolve) => {
        socket.on('secureConnect', () => socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-'));
        socket.on('error', () => resolve()).on('close', () => resolve());
        socket.resume();
      });
      expect(performance.now() - startMs).toBeLessThan(HEADERS_MS);
    });

    it('answers 502 while agentcol is not there, and recovers by itself', async () => {
      await stage.stopAgentcol();
      const down = await patiently({ auth: RIGHT });
      expect(down.status).toBe(502);
      expect(down.headers['x-content-type-options']).toBe('nosniff');
      expect((await patiently({})).status).toBe(401);
      await stage.startAgentcol();
      expect((await patiently({ auth: RIGHT })).status).toBe(200);
    });

    it('logs neither passwords nor what they are sent as', () => {
      expect(stage.log).not.toContain(PASSWORD);
      expect(stage.log).not.toContain(Buffer.from(RIGHT).toString('base64').slice(0, 20));
    });

    it.skipIf(!promtool.met)(`tells a scrape configuration that Prometheus takes${promtool.reason}`, () => {
      const comment = stage.file.split('\n').filter((line) => line.startsWith('#'));
      const from = comment.findIndex((line) => line.includes('scrape_configs:'));
      const lines = comment.slice(from).map((line) => line.slice('#   '.length));
      const until = lines.findIndex((line, index) => index > 0 && !line.startsWith('  '));
      fs.writeFileSync(stage.workspace.file('agentcol.password'), PASSWORD);
      const text = lines
        .slice(0, until === -1 ? undefined : until)
        .join('\n')
        .replace('/etc/prometheus', stage.workspace.folder);
      expect(parse(text)).toMatchObject({ scrape_configs: [{ job_name: 'agentcol', scheme: 'https' }] });
      const file = stage.workspace.file('prometheus.yml');
      fs.writeFileSync(file, text);
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', file], { encoding: 'utf8' });
      expect(`${String(status)} ${stdout}${stderr}`).toMatch(/^0 /);
    });

    // Caddy has no limits without further modules.
    if (proxy === 'nginx') {
      it('holds down a flood, and lets scrapes in afterwards', async () => {
        const answers = await Promise.all(Array.from({ length: 100 }, () => stage.ask({ auth: RIGHT })));
        const counts = new Map<number, number>();
        for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
        expect([...counts.keys()].filter((status) => status !== 200 && status !== 429)).toEqual([]);
        // Ten at once, and two a second while the others come in.
        expect(counts.get(200) ?? 0).toBeLessThan(40);
        expect((await patiently({ auth: RIGHT })).status).toBe(200);
      });
    }
  });

  describe.skipIf(!met)(`in front of other exporters${reason}`, () => {
    it('reaches a Unix socket', async () => {
      await using stage = await Stage.start({
        proxy,
        exporters: async (workspace) => ({ prometheus: { endpoint: `unix:${workspace.file('metrics.sock')}` } }),
      });
      expect((await stage.ask({})).status).toBe(401);
      const { body } = await stage.direct();
      expect(await stage.ask({ auth: RIGHT })).toMatchObject({ status: 200, body });
    });

    it('reaches several, each by its path, and one that speaks TLS', async () => {
      await using stage = await Stage.start({
        proxy,
        exporters: async (workspace) => ({
          prometheus: { endpoint: `127.0.0.1:${await freePort()}`, namespace: 'one' },
          'prometheus/usage': {
            endpoint: `127.0.0.1:${await freePort()}`,
            namespace: 'two',
            tls: { cert_file: workspace.file('certificate.pem'), key_file: workspace.file('certificate.key') },
          },
        }),
      });
      const [one, two] = [await stage.direct('prometheus'), await stage.direct('prometheus/usage')];
      expect(one.body).not.toBe(two.body);
      expect(await stage.ask({ auth: RIGHT })).toMatchObject({ status: 200, body: one.body });
      expect(await stage.ask({ auth: RIGHT, path: '/metrics/usage' })).toMatchObject({ status: 200, body: two.body });
      expect((await stage.ask({ path: '/metrics/usage' })).status).toBe(401);
    });

    it('lets agentcol ask for passwords, who holds down those who guess, whatever address they claim', async () => {
      await using stage = await Stage.start({
        proxy,
        authenticates: true,
        exporters: async () => ({
          prometheus: { endpoint: `127.0.0.1:${await freePort()}`, auth: { authenticator: 'basicauth' } },
        }),
      });
      const { body } = await stage.direct();
      expect(await stage.ask({ auth: RIGHT })).toMatchObject({ status: 200, body });
      const unknown = await stage.ask({});
      expect(unknown.status).toBe(401);
      expect(unknown.headers['www-authenticate']).toMatch(/^Basic /);
      const refused = await vi.waitFor(
        async () => {
          const headers = { 'X-Forwarded-For': `192.0.2.${Math.floor(Math.random() * 250)}` };
          const answer = await stage.ask({ auth: `${USER}:guess`, headers });
          // nginx has a limit of its own, with an answer of its own.
          if (answer.body !== 'too many requests\n') throw new Error(`${answer.status} ${answer.body}`);
          return answer;
        },
        { timeout: 60_000, interval: 5 },
      );
      expect(refused.status).toBe(429);
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    });
  });
});

describe('what is shipped', () => {
  /** The file with the files that it needs in `workspace`. */
  function shipped(workspace: Workspace, file: string, proxy: Proxy): string {
    const made = spawnSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
        ...['-subj', '/CN=metrics.example.org', '-addext', 'subjectAltName=DNS:metrics.example.org'],
        ...['-keyout', workspace.file('certificate.key'), '-out', workspace.file('certificate.pem')],
      ],
      { encoding: 'utf8' },
    );
    if (made.status !== 0) throw new Error(made.stderr);
    fs.writeFileSync(workspace.file('users'), `prometheus $2a$04$${'a'.repeat(53)}\n`);
    const text = fs.readFileSync(file, 'utf8').replaceAll(`/etc/${proxy}/agentcol`, workspace.folder);
    const copy = workspace.file('shipped.conf');
    fs.writeFileSync(copy, text);
    return copy;
  }

  test.skipIf(!installed.nginx.met)(`is good for nginx -t${installed.nginx.reason}`, () => {
    using workspace = new Workspace();
    const around = aroundNginx(workspace, shipped(workspace, 'deploy/nginx/agentcol.conf', 'nginx'));
    const file = workspace.file('nginx.conf');
    fs.writeFileSync(file, around);
    const { status, stderr } = spawnSync('nginx', ['-t', '-p', workspace.folder, '-c', file], { encoding: 'utf8' });
    expect(`${String(status)} ${stderr}`).toMatch(/^0 /);
    expect(stderr).not.toMatch(/warn|error/);
  });

  test.skipIf(!installed.caddy.met)(
    `is good for caddy validate, and formatted as caddy fmt does${installed.caddy.reason}`,
    () => {
      using workspace = new Workspace();
      const file = shipped(workspace, 'deploy/caddy/Caddyfile', 'caddy');
      const env = { ...process.env, HOME: workspace.folder, XDG_DATA_HOME: workspace.folder };
      const words = ['validate', '--adapter', 'caddyfile', '--config', file];
      const { status, stderr } = spawnSync('caddy', words, { encoding: 'utf8', env });
      expect(`${String(status)} ${stderr}`).toMatch(/^0 /);
      const { stdout } = spawnSync('caddy', ['fmt', 'deploy/caddy/Caddyfile'], { encoding: 'utf8', env });
      expect(stdout).toBe(fs.readFileSync('deploy/caddy/Caddyfile', 'utf8'));
    },
  );
});

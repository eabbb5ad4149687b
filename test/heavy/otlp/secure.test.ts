import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { generateAgentWorkflow } from '../../fixtures/generate.ts';
import { certificate } from '../../http/certificates.ts';
import { OpenTelemetryCollector } from '../../interop/collector.ts';
import { describeInterop } from '../../interop/suite.ts';
import { HOUR, Workspace } from '../../main-job/harness.ts';
import { recount } from '../../oracle/recount.ts';
import { differences } from '../../oracle/samples.ts';
import { aroundNginx, freePort } from '../proxies/stage.ts';
import { Agentcol, PATIENCE } from './agentcol.ts';

const IGNORE = { ignore: ['agent_workflow_database_size_bytes'] };
const TOKEN = 'correct-horse-battery-staple';

describeInterop('OTLP with TLS and authentication', () => {
  let workspace: Workspace;
  let database: string;

  beforeEach(() => {
    workspace = new Workspace();
    database = workspace.file('agent_workflow.db');
    generateAgentWorkflow(database, { invocations: 50, endMs: Date.now() - 2 * HOUR });
    const authority = certificate('authority');
    const [server, client] = [certificate('localhost', authority), certificate('agentcol', authority)];
    const files = {
      'ca.pem': authority.cert,
      'other-ca.pem': certificate('somebody else').cert,
      'server.pem': server.cert,
      'server.key': server.key,
      'client.pem': client.cert,
      'client.key': client.key,
      token: TOKEN,
      'wrong-token': 'guess',
    };
    for (const [name, text] of Object.entries(files)) fs.writeFileSync(workspace.file(name), text, { mode: 0o600 });
  });
  afterEach(() => workspace[Symbol.dispose]());

  async function arrives(agentcol: Agentcol, collector: OpenTelemetryCollector, exporter: string): Promise<void> {
    await vi.waitFor(async () => {
      expect(differences(recount(database, Date.now(), 'UTC'), await collector.samples(), IGNORE)).toEqual([]);
      expect(await agentcol.errors(exporter)).toEqual([]);
    }, PATIENCE);
  }

  async function fails(agentcol: Agentcol, exporter: string, reason: RegExp): Promise<void> {
    await vi.waitFor(async () => expect((await agentcol.errors(exporter)).join()).toMatch(reason), PATIENCE);
    // Prometheus has everything all the same.
    expect(
      differences(recount(database, Date.now(), 'UTC'), (await agentcol.scrape()) ?? new Map<string, number>(), IGNORE),
    ).toEqual([]);
  }

  describe.each([
    ['otlp_http', (port: { http: number; grpc: number }) => `https://localhost:${port.http}`],
    ['otlp_grpc', (port: { http: number; grpc: number }) => `localhost:${port.grpc}`],
  ])('by %s', (exporter, endpointOf) => {
    it('arrives with the right certificates and token; with wrong ones says so, and heals without a restart', async () => {
      await using collector = await OpenTelemetryCollector.start(workspace.file('collector'), {
        tls: {
          cert_file: workspace.file('server.pem'),
          key_file: workspace.file('server.key'),
          client_ca_file: workspace.file('ca.pem'),
        },
        token: TOKEN,
      });
      const endpoint = endpointOf({ http: collector.httpPort, grpc: collector.grpcPort });
      await using agentcol = new Agentcol(workspace.folder, {
        database,
        extensions: { bearertokenauth: { filename: workspace.file('wrong-token') } },
        exporters: {
          [exporter]: {
            endpoint,
            tls: {
              ca_file: workspace.file('other-ca.pem'),
              cert_file: workspace.file('client.pem'),
              key_file: workspace.file('client.key'),
            },
            auth: { authenticator: 'bearertokenauth' },
            export_interval: '500ms',
            retry_on_failure: { initial_interval: '100ms', max_interval: '500ms' },
          },
        },
        pipelines: { metrics: ['prometheus', exporter] },
      });
      await agentcol.start();
      await fails(agentcol, exporter, /certificate|issuer|UNABLE_TO|SELF_SIGNED/);

      agentcol.edit('other-ca.pem', 'ca.pem');
      await agentcol.reload();
      await fails(agentcol, exporter, /401|[Uu]nauthenticated|UNAUTHENTICATED/);

      agentcol.edit('wrong-token', 'token');
      await agentcol.reload();
      await arrives(agentcol, collector, exporter);

      // Mutual: without a certificate of its own it gets nowhere.
      agentcol.edit(`cert_file: ${workspace.file('client.pem')}`, `insecure_skip_verify: false`);
      agentcol.edit(`key_file: ${workspace.file('client.key')}`, `min_version: "1.3"`);
      await agentcol.reload();
      await fails(agentcol, exporter, /certificate|alert|closed|hang up|reset|UNAVAILABLE|unavailable/i);
      expect(agentcol.log).not.toContain('unexpected error');
      expect(await agentcol.stop()).toBe(0);
    });
  });

  it('arrives through an nginx that asks for a name and a password', async () => {
    await using collector = await OpenTelemetryCollector.start(workspace.file('collector'));
    const port = await freePort();
    const password = spawnSync('openssl', ['passwd', '-6', '-stdin'], { input: 'right', encoding: 'utf8' }).stdout;
    fs.writeFileSync(workspace.file('users'), `agentcol:${password}`);
    fs.writeFileSync(
      workspace.file('site.conf'),
      `server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${workspace.file('server.pem')};
    ssl_certificate_key ${workspace.file('server.key')};
    auth_basic "OTLP";
    auth_basic_user_file ${workspace.file('users')};
    location / { proxy_pass http://127.0.0.1:${collector.httpPort}; }
}`,
    );
    fs.writeFileSync(workspace.file('nginx.conf'), aroundNginx(workspace, workspace.file('site.conf')));
    const nginx = spawn('nginx', ['-p', workspace.folder, '-c', workspace.file('nginx.conf')], { stdio: 'ignore' });
    await using agentcol = new Agentcol(workspace.folder, {
      database,
      extensions: { 'basicauth/client': { client_auth: { username: 'agentcol', password: 'wrong' } } },
      exporters: {
        otlp_http: {
          endpoint: `https://localhost:${port}`,
          tls: { ca_file: workspace.file('ca.pem') },
          auth: { authenticator: 'basicauth/client' },
          export_interval: '500ms',
          retry_on_failure: { initial_interval: '100ms', max_interval: '500ms' },
        },
      },
      pipelines: { metrics: ['prometheus', 'otlp_http'] },
    });
    try {
      await agentcol.start();
      await fails(agentcol, 'otlp_http', /401/);
      agentcol.edit('password: wrong', 'password: right');
      await agentcol.reload();
      await arrives(agentcol, collector, 'otlp_http');
    } finally {
      nginx.kill();
      await once(nginx, 'exit');
    }
  });
});

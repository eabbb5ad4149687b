import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { hashSync } from 'bcrypt';
import { describe, expect, it, vi } from 'vitest';
import { generateAgentWorkflow } from '../../fixtures/generate.ts';
import { Workspace } from '../../main-job/harness.ts';
import { freePort } from '../../pipeline/reloading.ts';
import { MAIN } from '../../program.ts';
import { DefaultAgentcol, DEFAULT_CONFIG } from '../default-agentcol.ts';
import { PASSWORD, Stage, USER, type Proxy } from '../proxies/stage.ts';
import { prometheus, PrometheusServer } from '../prometheus-server.ts';
import { requirement } from '../requirement.ts';
import { elsewhere, Variant } from './variant.ts';

const installed = {
  nginx: requirement('nginx (Debian package nginx-light)', spawnSync('nginx', ['-v']).status === 0),
  caddy: requirement('caddy (Debian package caddy)', spawnSync('caddy', ['version']).status === 0),
} as const;

/** Both jobs are up, samples of both are there, and every rule can be evaluated. */
async function scrapes(folder: string): Promise<void> {
  const { status, stderr } = spawnSync('promtool', ['check', 'config', path.join(folder, 'prometheus.yml')], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const server = await PrometheusServer.start(folder);
  try {
    await vi.waitFor(
      async () => {
        const targets = await server.targets();
        expect(targets.map(({ labels, health, lastError }) => [labels.job, health, lastError]).sort()).toEqual([
          ['agentcol', 'up', ''],
          ['agentcol-telemetry', 'up', ''],
        ]);
        const [settled] = await server.query('sum(agent_workflow_invocations_total{job="agentcol"})');
        expect(settled?.value).toBeGreaterThan(0);
        expect(await server.query('agentcol_build_info{job="agentcol-telemetry"}')).toHaveLength(1);
        expect(await server.query('agentcol_component_up == 1')).not.toEqual([]);
        const rules = await server.rules();
        expect(rules).not.toEqual([]);
        expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
        expect(rules.filter(({ name, state }) => name.startsWith('Agentcol') && state === 'firing')).toEqual([]);
      },
      { timeout: 60_000, interval: 250 },
    );
  } finally {
    await server.stop();
  }
}

describe.skipIf(!prometheus.met)(`the ready configurations of Prometheus${prometheus.reason}`, () => {
  it.each(['prometheus.yml', 'prometheus.basicauth.yml', 'prometheus.bearertokenauth.yml'])(
    '%s scrapes an agentcol that is configured as its comment says',
    async (file) => {
      using workspace = new Workspace();
      const token = randomBytes(32).toString('hex');
      fs.writeFileSync(workspace.file('htpasswd'), `${USER}:${hashSync(PASSWORD, 10)}\n`);
      fs.writeFileSync(workspace.file('tokens'), `${token}\n`);
      fs.writeFileSync(workspace.file('agentcol.password'), PASSWORD);
      fs.writeFileSync(workspace.file('agentcol.token'), token);
      generateAgentWorkflow(workspace.file('agent_workflow.db'), { invocations: 100, endMs: Date.now(), slim: true });
      const variant = new Variant(file);
      const extra =
        variant.agentcol === undefined
          ? undefined
          : elsewhere(variant.agentcol, { '/etc/agentcol/': `${workspace.folder}/` });
      // Who does not say who it is gets nothing, where agentcol asks.
      await using agentcol = await DefaultAgentcol.start(workspace, { extra, answer: extra === undefined ? 200 : 401 });
      variant.install(workspace.folder, {
        "'127.0.0.1:9465'": `'127.0.0.1:${agentcol.ports[0]}'`,
        "'127.0.0.1:9466'": `'127.0.0.1:${agentcol.ports[1]}'`,
        ...(extra === undefined ? {} : { '/etc/prometheus/': `${workspace.folder}/` }),
      });
      await scrapes(workspace.folder);
    },
  );

  describe.each<Proxy>(['nginx', 'caddy'])('prometheus.proxy.yml', (proxy) => {
    it.skipIf(!installed[proxy].met)(
      `scrapes through ${proxy}, and agentcol's own metrics by TLS${installed[proxy].reason}`,
      async () => {
        const variant = new Variant('prometheus.proxy.yml');
        const own = await freePort();
        using workspace = new Workspace();
        await using stage = await Stage.start({
          proxy,
          authenticates: true,
          telemetry: (files) =>
            variant.telemetry({ '0.0.0.0:9466': `127.0.0.1:${own}`, '/etc/agentcol/': `${files.folder}/` }),
        });
        fs.writeFileSync(workspace.file('agentcol.password'), PASSWORD);
        fs.copyFileSync(stage.workspace.file('certificate.pem'), workspace.file('agentcol.pem'));
        variant.install(workspace.folder, {
          "'metrics.example.org:9443'": `'localhost:${stage.port}'`,
          "'metrics.example.org:9466'": `'localhost:${own}'`,
          '/etc/prometheus/': `${workspace.folder}/`,
        });
        await scrapes(workspace.folder);
      },
    );
  });

  it('prometheus.proxy.yml names an address for other machines that agentcol takes with TLS and a password', () => {
    using workspace = new Workspace();
    const { agentcol = '' } = new Variant('prometheus.proxy.yml');
    fs.writeFileSync(workspace.file('extra.yaml'), agentcol);
    const words = [MAIN, 'validate', '--config', DEFAULT_CONFIG];
    const validate = (...more: readonly string[]): string =>
      spawnSync(process.execPath, [...words, '--config', workspace.file('extra.yaml'), ...more], { encoding: 'utf8' })
        .stderr;
    expect(validate()).not.toMatch(/address: /);
    // It does look: without TLS the same address is refused.
    fs.writeFileSync(workspace.file('extra.yaml'), agentcol.replace(/^ *tls: .*\n/m, ''));
    expect(validate()).toMatch(/address: /);
  });
});

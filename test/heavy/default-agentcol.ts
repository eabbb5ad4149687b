import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { expect, vi } from 'vitest';
import type { Workspace } from '../main-job/harness.ts';
import { freePort } from '../pipeline/reloading.ts';
import { MAIN, ROOT } from '../program.ts';

export const DEFAULT_CONFIG = path.join(ROOT, 'otel-config.yaml');

export interface DefaultAgentcolOptions {
  /** A second configuration file, as text. */
  readonly extra?: string | undefined;
  /** What both addresses answer to somebody who does not say who he is; default: 200. */
  readonly answer?: number;
}

/** The built agentcol by the default configuration, over the agent_workflow.db of a workspace, with its state there too. */
export class DefaultAgentcol {
  /** Of the metrics, and of its own. */
  readonly ports: readonly [number, number];
  readonly #child: ChildProcess;

  private constructor(workspace: Workspace, ports: readonly [number, number], extra: string | undefined) {
    this.ports = ports;
    const words = ['--allow-root', '--config', DEFAULT_CONFIG];
    if (extra !== undefined) {
      fs.writeFileSync(workspace.file('extra.yaml'), extra);
      words.push('--config', workspace.file('extra.yaml'));
    }
    words.push('--set', `exporters::prometheus::endpoint=127.0.0.1:${ports[0]}`);
    words.push('--set', `service::telemetry::metrics::address=127.0.0.1:${ports[1]}`);
    const log = fs.openSync(workspace.file('agentcol.log'), 'a');
    this.#child = spawn(process.execPath, [MAIN, ...words], {
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        AGENT_WORKFLOW_DB: workspace.file('agent_workflow.db'),
        XDG_STATE_HOME: workspace.folder,
      },
    });
    fs.closeSync(log);
  }

  static async start(
    workspace: Workspace,
    { extra, answer = 200 }: DefaultAgentcolOptions = {},
  ): Promise<DefaultAgentcol> {
    const agentcol = new DefaultAgentcol(workspace, [await freePort(), await freePort()], extra);
    await vi.waitFor(
      async () => {
        if (agentcol.#child.exitCode !== null) throw new Error(fs.readFileSync(workspace.file('agentcol.log'), 'utf8'));
        for (const port of agentcol.ports) {
          expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(answer);
        }
      },
      { timeout: 120_000, interval: 50 },
    );
    return agentcol;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }
}

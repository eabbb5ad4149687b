import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { expect, vi } from 'vitest';
import { stringify } from 'yaml';
import { HookLogger, openAgentWorkflow } from '../../fixtures/agent-workflow.ts';
import { HOUR, Workspace } from '../../main-job/harness.ts';
import { freePort } from '../../pipeline/reloading.ts';
import { MAIN } from '../../program.ts';
import { runHook } from '../hooks/hook-process.ts';
import { PrometheusServer } from '../prometheus-server.ts';
import { asked, Recording } from './recording.ts';

export const SCRAPE_MS = 2000;
/** The recorded database knows no phases. */
const PHASES = {
  'api-design-architect': 'planning',
  'debug-specialist': 'development',
  'docs-architect': 'finalization',
};

/** The built agentcol on recorded data, a real Prometheus that scrapes it, and more of the same while it does. */
export class Stage implements AsyncDisposable {
  readonly #workspace = new Workspace();
  readonly #database = this.#workspace.file('agent_workflow.db');
  readonly #hooks = this.#workspace.file('hooks.db');
  readonly #recording: Recording;
  #replays = 0;
  #agentcol: ChildProcess | undefined;
  #prometheus: PrometheusServer | undefined;

  constructor(recorded: { readonly database: string; readonly hooks: string }) {
    fs.copyFileSync(recorded.database, this.#database);
    fs.chmodSync(this.#database, 0o600);
    const { status, stderr } = spawnSync(
      process.execPath,
      [MAIN, 'import', recorded.hooks, '--database', this.#hooks],
      { encoding: 'utf8' },
    );
    expect(status, stderr).toBe(0);
    this.#recording = new Recording(this.#database);
  }

  get prometheus(): PrometheusServer {
    if (this.#prometheus === undefined) throw new Error('Prometheus is not running');
    return this.#prometheus;
  }

  /** Resolves when Prometheus has scraped all that was recorded: agentcol shows nothing before it has read everything. */
  async start(): Promise<void> {
    const [metrics, telemetry] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    this.#startAgentcol(metrics, telemetry);
    const config = {
      global: { scrape_interval: `${SCRAPE_MS}ms`, scrape_timeout: `${SCRAPE_MS}ms` },
      scrape_configs: [
        { job_name: 'agentcol', static_configs: [{ targets: [metrics] }] },
        { job_name: 'agentcol-telemetry', static_configs: [{ targets: [telemetry] }] },
      ],
    };
    fs.writeFileSync(this.#workspace.file('prometheus.yml'), stringify(config));
    this.#prometheus = await PrometheusServer.start(this.#workspace.folder);
    await this.#becomes('sum(up)', 2);
  }

  /** How many invocations have been completed or failed since Prometheus scraped first. */
  get invocations(): number {
    return this.#replays * this.#recording.runs.length;
  }

  /** Everything that was recorded once more, as if it happened now, some of it failing. Resolves when it was scraped. */
  async replay(): Promise<void> {
    const before = await this.#value('sum(agent_workflow_tool_calls_total)');
    const logger = new HookLogger(openAgentWorkflow(this.#database));
    const at = Date.now();
    logger.transaction(() => {
      this.#replayInto(logger, at);
    });
    logger.close();
    await this.#becomes('sum(agent_workflow_tool_calls_total)', before + this.#recording.calls.length);
  }

  #replayInto(logger: HookLogger, at: number): void {
    const { runs, calls } = this.#recording;
    this.#replays += 1;
    const session = `replayed-${this.#replays}`;
    logger.sessionStart(session, at);
    logger.sessionStart(`${session}-silent`, at - 2 * HOUR);
    logger.stop(`${session}-silent`, at - HOUR);
    for (const { agent_name: agent, duration_seconds: durationSeconds, raw_output: rawOutput } of runs) {
      const status = agent === 'debug-specialist' ? 'failed' : 'completed';
      const id = logger.invocationStart({ session, agent, phase: null, at });
      logger.invocationEnd(id, { at, durationSeconds, rawOutput, status });
    }
    logger.invocationStart({ session, agent: runs[0]!.agent_name, at });
    for (const [index, { agent_name: agent, tool_name: tool, duration_seconds: durationSeconds }] of calls.entries()) {
      const id = logger.toolStart({ session, agent, tool, at });
      logger.toolEnd(id, { at, durationSeconds, status: index % 10 === 0 ? 'error' : 'completed' });
    }
    logger.toolStart({ session, agent: runs[0]!.agent_name, tool: calls[0]!.tool_name, at });
  }

  /** Recorded requests for permission, granted. Resolves when that was scraped. */
  async ask(requests: number, hooks: string): Promise<void> {
    const allowed = 'sum(agent_workflow_permission_requests_total{agent_workflow_outcome="allowed"})';
    for (const payload of asked(hooks, requests)) {
      expect((await runHook(this.#hooks, JSON.stringify(payload))).code).toBe(0);
    }
    await this.#becomes(allowed, requests);
  }

  /** A moment just gone at which Prometheus had everything: on a busy machine a scrape may be late, and all is gone with it. */
  settled(): Promise<number> {
    return vi.waitFor(
      async () => {
        const atMs = Date.now() - 2 * SCRAPE_MS;
        expect((await this.prometheus.query('sum(up)', atMs))[0]?.value).toBe(2);
        return atMs;
      },
      { timeout: 60_000, interval: 200 },
    );
  }

  #startAgentcol(metrics: string, telemetry: string): void {
    const receiver = {
      database: [this.#database, this.#hooks],
      timezone: 'UTC',
      collection_interval: '100ms',
      storage: 'file_storage',
    };
    const pipeline = {
      receivers: ['sqlite/agents', 'sqlite/sessions'],
      processors: ['hash', 'strip_paths'],
      exporters: ['prometheus'],
    };
    const config = {
      receivers: {
        'sqlite/agents': { ...receiver, preset: 'agent_workflow', maps: { phases: PHASES } },
        'sqlite/sessions': { ...receiver, preset: 'agent_workflow_sessions' },
      },
      processors: { hash: null, strip_paths: null },
      exporters: { prometheus: { endpoint: metrics } },
      extensions: { file_storage: { directory: this.#workspace.file('state') } },
      service: {
        extensions: ['file_storage'],
        telemetry: { metrics: { address: telemetry } },
        pipelines: { metrics: pipeline },
      },
    };
    const file = this.#workspace.file('otel-config.yaml');
    fs.writeFileSync(file, stringify(config));
    const log = fs.openSync(this.#workspace.file('agentcol.log'), 'a');
    this.#agentcol = spawn(process.execPath, [MAIN, '--allow-root', '--config', file], { stdio: ['ignore', log, log] });
    fs.closeSync(log);
  }

  async #value(expression: string): Promise<number> {
    return (await this.prometheus.query(expression))[0]?.value ?? NaN;
  }

  async #becomes(expression: string, value: number): Promise<void> {
    await vi.waitFor(
      async () => {
        if (this.#agentcol?.exitCode != null) throw new Error(this.log);
        expect(await this.#value(expression), expression).toBe(value);
      },
      { timeout: 120_000, interval: 100 },
    );
  }

  get log(): string {
    return fs.readFileSync(this.#workspace.file('agentcol.log'), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#prometheus?.stop();
    if (this.#agentcol?.exitCode === null) {
      this.#agentcol.kill();
      await once(this.#agentcol, 'exit');
    }
    this.#workspace[Symbol.dispose]();
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const ROOT = path.resolve(import.meta.dirname, '..');
const MAIN = path.join(ROOT, 'dist/src/main.cjs');
const ATTEMPT_MS = 100;
/** Stopping takes a fraction of a second. */
const PATIENCE_MS = 10_000;

export interface CollectorOptions {
  /** Where its log and its state are kept. */
  readonly folder: string;
  readonly database: string;
  /** host:port */
  readonly metrics: string;
  readonly ownMetrics: string;
  readonly health: string;
}

/** The built agentcol, in a process and a process group of its own: Ctrl-C is for the demo, which stops it then. */
export class Collector implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #metrics: string;
  readonly #log: string;

  constructor({ folder, database, metrics, ownMetrics, health }: CollectorOptions) {
    this.#metrics = metrics;
    this.#log = path.join(folder, 'agentcol.log');
    const log = fs.openSync(this.#log, 'a');
    const words = [
      ...['--allow-root', '--config', 'otel-config.yaml', '--config', 'demo/otel-config.yaml'],
      ...['--set', `exporters::prometheus::endpoint=${metrics}`],
      ...['--set', `extensions::health_check::endpoint=${health}`],
      ...['--set', `service::telemetry::metrics::address=${ownMetrics}`],
    ];
    const env = { ...process.env, AGENT_WORKFLOW_DB: database, XDG_STATE_HOME: path.join(folder, 'state') };
    this.#child = spawn(process.execPath, [MAIN, ...words], {
      cwd: ROOT,
      env,
      stdio: ['ignore', log, log],
      detached: true,
    });
    this.#exit = once(this.#child, 'close');
    fs.closeSync(log);
  }

  /** Resolves when metrics are served. Rejects when it ends before, and when `stop` is aborted. */
  async ready(stop: AbortSignal): Promise<void> {
    while (!(await this.#answers())) {
      this.check();
      await delay(ATTEMPT_MS, undefined, { signal: stop });
    }
  }

  /** Throws when it has ended. */
  check(): void {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return;
    throw new Error(`agentcol has ended (${exitCode ?? signalCode}):\n${fs.readFileSync(this.#log, 'utf8')}`);
  }

  /** At once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    const impatience = setTimeout(() => this.kill(), PATIENCE_MS);
    await this.#exit;
    clearTimeout(impatience);
  }

  async #answers(): Promise<boolean> {
    try {
      const response = await fetch(`http://${this.#metrics}/metrics`, { headers: { connection: 'close' } });
      await response.body?.cancel();
      return response.ok;
    } catch {
      // Nobody listens yet.
      return false;
    }
  }
}

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { vi } from 'vitest';
import { freePort } from '../pipeline/reloading.ts';
import { requirement } from './requirement.ts';

export const prometheus = requirement(
  'prometheus (Debian package prometheus)',
  spawnSync('prometheus', ['--version']).status === 0,
);

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly number[];
}

export interface Target {
  readonly labels: { readonly job: string };
  readonly health: string;
  readonly lastError: string;
}

export interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly state?: string;
}

/** A real Prometheus on a free port of loopback, by the configuration `prometheus.yml` of a folder, where its data are too. */
export class PrometheusServer {
  readonly #child: ChildProcess;
  readonly #api: string;
  readonly #log: string;

  private constructor(folder: string, port: number) {
    this.#api = `http://127.0.0.1:${port}`;
    this.#log = path.join(folder, 'prometheus.log');
    const log = fs.openSync(this.#log, 'a');
    const words = [
      `--config.file=${path.join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${path.join(folder, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    this.#child = spawn('prometheus', words, { stdio: ['ignore', log, log] });
    fs.closeSync(log);
  }

  static async start(folder: string): Promise<PrometheusServer> {
    const server = new PrometheusServer(folder, await freePort());
    await vi.waitFor(
      async () => {
        if (server.#child.exitCode !== null) throw new Error(fs.readFileSync(server.#log, 'utf8'));
        const { ok } = await fetch(`${server.#api}/-/ready`);
        if (!ok) throw new Error('Prometheus is not ready');
      },
      { timeout: 60_000, interval: 50 },
    );
    return server;
  }

  /** The samples of an instant query, now or at `atMs` (epoch milliseconds). Rejects with what Prometheus has against it. */
  async query(expression: string, atMs?: number): Promise<readonly Sample[]> {
    const time = atMs === undefined ? '' : `&time=${atMs / 1000}`;
    const { result } = await this.#ask<{
      readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
    }>(`query?query=${encodeURIComponent(expression)}${time}`);
    return result.map(({ metric, value }) => ({ labels: metric, value: numberOf(value[1]) }));
  }

  /** The series of a range query, each with its values. */
  async queryRange(expression: string, startMs: number, endMs: number, stepMs: number): Promise<readonly Series[]> {
    const range = `start=${startMs / 1000}&end=${endMs / 1000}&step=${stepMs / 1000}`;
    const { result } = await this.#ask<{
      readonly result: readonly {
        readonly metric: Record<string, string>;
        readonly values: readonly (readonly [number, string])[];
      }[];
    }>(`query_range?query=${encodeURIComponent(expression)}&${range}`);
    return result.map(({ metric, values }) => ({ labels: metric, values: values.map(([, value]) => numberOf(value)) }));
  }

  /** The values that a label has in the series that match. */
  labelValues(label: string, match: string): Promise<readonly string[]> {
    return this.#ask(`label/${label}/values?match[]=${encodeURIComponent(match)}`);
  }

  async targets(): Promise<readonly Target[]> {
    return (await this.#ask<{ readonly activeTargets: readonly Target[] }>('targets')).activeTargets;
  }

  async rules(): Promise<readonly Rule[]> {
    const { groups } = await this.#ask<{ readonly groups: readonly { readonly rules: readonly Rule[] }[] }>('rules');
    return groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill();
    await once(this.#child, 'exit');
  }

  async #ask<T>(question: string): Promise<T> {
    const response = await fetch(`${this.#api}/api/v1/${question}`);
    const body = (await response.json()) as { readonly status: string; readonly error?: string; readonly data: T };
    if (body.status !== 'success') throw new Error(`${question}: ${body.error ?? body.status}`);
    return body.data;
  }
}

function numberOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity'));
}

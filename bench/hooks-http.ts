import fs from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Bystander } from './bystander.ts';
import { payload } from './hook.ts';
import { milliseconds, quantile, type Result } from './result.ts';
import { MAIN } from '../test/program.ts';

const TARGET_MS = 5;
/** Hooks that one agent, and a few that work side by side, call at once. */
const AT_ONCE = [1, 8];
/** More than agents do: a call of a tool takes longer than that. */
const PER_SECOND = 100;

/** From the request to its answer, `events` of them, by a collector that publishes what they become meanwhile. */
export async function hooksHttp(events: number): Promise<Result[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-bench-hooks-http-'));
  const config = path.join(folder, 'otel-config.yaml');
  const port = await freePort();
  fs.writeFileSync(config, configuration(folder, port));
  const child = spawn(process.execPath, [MAIN, '--allow-root', '--config', config], { stdio: 'ignore' });
  const bare = fork(path.join(import.meta.dirname, 'bare-server.ts'));
  const [barePort] = (await once(bare, 'message')) as [number];
  using bystander = new Bystander();
  try {
    const token = await tokenOf(path.join(folder, 'state', 'hooks.token'), port);
    const results: Result[] = [];
    let number = 0;
    for (const atOnce of AT_ONCE) {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 2 * atOnce });
      const burst = async (to: number, bodies: readonly string[]): Promise<number[]> =>
        Promise.all(bodies.map((body) => time(agent, to, token, body)));
      const times: number[] = [];
      const bareTimes: number[] = [];
      await bystander.longestBlockMs();
      while (times.length < events) {
        const pause = delay((1_000 * atOnce) / PER_SECOND);
        const bodies = Array.from({ length: atOnce }, () => payload(number++));
        times.push(...(await burst(port, bodies)));
        bareTimes.push(...(await burst(barePort, bodies)));
        await pause;
      }
      agent.destroy();
      const besides = `an idle process waited ${milliseconds(await bystander.longestBlockMs())} at most`;
      results.push(...report(atOnce, times, bareTimes, besides));
    }
    return results;
  } finally {
    bare.disconnect();
    child.kill();
    await once(child, 'exit');
    fs.rmSync(folder, { recursive: true });
  }
}

function report(atOnce: number, times: readonly number[], bare: readonly number[], besides: string): Result[] {
  return [0.5, 0.99].map((q) => {
    const measured = quantile(times, q);
    const machine = `a bare server ${milliseconds(quantile(bare, q))}${q === 0.99 ? `; ${besides}` : ''}`;
    return {
      what: `POST /hooks, ${PER_SECOND} a second, ${atOnce} at once, p${q * 100} of ${times.length}`,
      measured: `${milliseconds(measured)} (${machine})`,
      target: q === 0.99 ? `<= ${TARGET_MS} ms` : '',
      ...(q === 0.99 && { met: measured <= TARGET_MS }),
    };
  });
}

/** JSON is YAML. */
function configuration(folder: string, port: number): string {
  return JSON.stringify({
    receivers: {
      claude_code_hooks: {
        endpoint: `127.0.0.1:${port}`,
        database: path.join(folder, 'data', 'agents.db'),
        storage: 'file_storage',
      },
    },
    processors: { hash: null, strip_paths: null },
    exporters: { prometheus: { endpoint: '127.0.0.1:0' } },
    extensions: { file_storage: { directory: path.join(folder, 'state') } },
    service: {
      extensions: ['file_storage'],
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        metrics: {
          receivers: ['claude_code_hooks'],
          processors: ['hash', 'strip_paths'],
          exporters: ['prometheus'],
        },
      },
    },
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Once the collector answers. */
async function tokenOf(file: string, port: number): Promise<string> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    await delay(50);
    if (!fs.existsSync(file)) continue;
    const token = fs.readFileSync(file, 'utf8').trim();
    const answered = await time(new http.Agent(), port, token, payload(-2)).catch(() => undefined);
    if (answered !== undefined) return token;
  }
  throw new Error('agentcol takes in no events');
}

function time(agent: http.Agent, port: number, token: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const request = http.request({ agent, port, path: '/hooks', method: 'POST', headers }, (response) => {
      response.resume();
      response.once('end', () => {
        if (response.statusCode === 200) resolve(performance.now() - begin);
        else reject(new Error(`answered with ${response.statusCode ?? 0}`));
      });
    });
    request.once('error', reject);
    request.end(body);
  });
}

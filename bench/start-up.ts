import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createAgentWorkflow } from '../test/fixtures/agent-workflow.ts';
import { freePort } from './agentcol.ts';
import { milliseconds, quantile, type Result } from './result.ts';
import { MAIN } from '../test/program.ts';

const TARGET_MS = 500;
const ATTEMPT_MS = 2;

/** From the start of the process to the first metrics, of a database without rows, beside an empty process, taking turns. */
export async function startUp(times: number): Promise<Result[]> {
  const empty: number[] = [];
  const ready: number[] = [];
  for (let number = 0; number < times; number += 1) {
    const begin = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    empty.push(performance.now() - begin);
    ready.push(await firstAnswer());
  }
  const [base, own] = [quantile(empty, 0.5), quantile(ready, 0.5)];
  return [
    {
      what: `start of the process -> first metrics, no rows, p50 of ${times}`,
      measured: `${milliseconds(own)} (node -e 0: ${milliseconds(base)})`,
      target: `<= ${TARGET_MS} ms`,
      met: own <= TARGET_MS,
    },
  ];
}

/** Milliseconds. */
async function firstAnswer(): Promise<number> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-bench-start-'));
  const database = path.join(folder, 'agents.db');
  createAgentWorkflow(database).close();
  const port = await freePort();
  const begin = performance.now();
  const child = spawn(
    process.execPath,
    [MAIN, '--allow-root', '--set', `exporters::prometheus::endpoint=127.0.0.1:${port}`],
    { cwd: folder, env: { ...process.env, AGENT_WORKFLOW_DB: database, XDG_STATE_HOME: folder }, stdio: 'ignore' },
  );
  try {
    while (!(await hasMetrics(port))) {
      if (child.exitCode !== null) throw new Error(`agentcol has ended with ${child.exitCode}`);
      await delay(ATTEMPT_MS);
    }
    return performance.now() - begin;
  } finally {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
    fs.rmSync(folder, { recursive: true });
  }
}

async function hasMetrics(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get({ port, path: '/metrics', agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode === 200));
    });
    request.on('error', () => resolve(false));
  });
}

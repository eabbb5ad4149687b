import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { milliseconds, quantile, type Result } from './result.ts';
import { MAIN } from '../test/program.ts';

const TARGET = 1.3;
/** Half of the recorded payloads are longer than this. */
const PAYLOAD_BYTES = 3147;

/** Wall time of `agentcol hook` with a database that is there, beside that of an empty process, taking turns. */
export async function hook(pairs: number): Promise<Result[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-bench-hook-'));
  try {
    const words = [MAIN, 'hook', '--database', path.join(folder, 'agents.db')];
    // The first makes the database; and who comes first after a pause is not who is measured.
    for (let number = -5; number < 0; number += 1) time(words, number);
    const empty: number[] = [];
    const hooks: number[] = [];
    for (let number = 0; number < pairs; number += 1) {
      // In turns who is first: what the one leaves to the caches of the machine, the other finds.
      if (number % 2 === 0) empty.push(time(['-e', '0'], number));
      hooks.push(time(words, number));
      if (number % 2 === 1) empty.push(time(['-e', '0'], number));
    }
    return [0.5, 0.99].map((q) => {
      const [base, own] = [quantile(empty, q), quantile(hooks, q)];
      return {
        what: `agentcol hook, one event, p${q * 100} of ${pairs}`,
        measured: `${milliseconds(own)}, ${(own / base).toFixed(2)}x node -e 0 (${milliseconds(base)})`,
        target: `<= ${TARGET}x`,
        met: own / base <= TARGET,
      };
    });
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** Calls of tools: each begins, and ends with the next event. */
export function payload(number: number): string {
  const begins = number % 2 === 0;
  return JSON.stringify({
    session_id: '0f7f0a2e-8f1c-4b1e-9d55-3b1f0c1d2e3f',
    transcript_path: '/home/alice/.claude/projects/project/0f7f0a2e.jsonl',
    cwd: '/home/alice/project',
    permission_mode: 'default',
    hook_event_name: begins ? 'PreToolUse' : 'PostToolUse',
    tool_name: 'Bash',
    tool_input: { command: 'x'.repeat(PAYLOAD_BYTES), description: 'List the files' },
    ...(begins ? {} : { tool_response: { stdout: 'a\nb\n', stderr: '', interrupted: false } }),
    tool_use_id: `toolu_${Math.floor(number / 2)}`,
  });
}

function time(words: readonly string[], number: number): number {
  const input = payload(number);
  const begin = performance.now();
  const { status } = spawnSync(process.execPath, words, { input });
  const wallMs = performance.now() - begin;
  if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status ?? 'a signal'}`);
  return wallMs;
}

import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { MAIN } from '../../program.ts';

/** The built program: npm run heavy builds it first. */

export interface HookRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly elapsedMs: number;
}

/** One hook as an agent runs it: a process of its own, which gets `input` on its standard input. */
export function runHook(database: string, input: string | Buffer): Promise<HookRun> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const child = spawn(process.execPath, [MAIN, 'hook', '--database', database]);
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, ...output, elapsedMs: performance.now() - startMs });
    });
    child.stdin.on('error', reject);
    child.stdin.end(input);
  });
}

/** Runs `work` over all items, `workers` at a time, in order of their beginning. */
export async function inParallel<Item>(
  items: readonly Item[],
  workers: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: workers }, worker));
}

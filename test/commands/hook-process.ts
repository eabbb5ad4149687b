import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export interface HookRun {
  readonly code: number | null;
  readonly output: string;
}

/** One hook process: `input` undefined leaves it without standard input. */
export async function runHookProcess(
  words: readonly string[],
  input: string | Buffer | undefined,
  env: Readonly<Record<string, string>> = {},
  program = process.execPath,
): Promise<HookRun> {
  const child = spawn(program, [...words], {
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  // An agent that writes to a hook which has ended gets EPIPE: the test must see it.
  const written = new Promise<string>((resolve) => {
    child.stdin?.on('error', (error) => resolve(`write: ${error.message}`));
    child.stdin?.end(input, () => resolve(''));
    if (input === undefined) resolve('');
  });
  const exit = once(child, 'close') as Promise<[number | null]>;
  const [out, err, [code], fault] = await Promise.all([text(child.stdout!), text(child.stderr!), exit, written]);
  return { code, output: out + err + fault };
}

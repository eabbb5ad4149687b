import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import manifest from '../../package.json' with { type: 'json' };

const ROOT = path.resolve(import.meta.dirname, '../..');

/** The one file of `agentcol`, made of the sources as `npm run bundle` makes it of what is built; gone with the test. */
export class HookBundle implements Disposable {
  /** In the checkout, since it looks for SQLite from where it is. */
  readonly #folder: string;
  readonly main: string;

  constructor() {
    fs.mkdirSync(path.join(ROOT, '.cache'), { recursive: true });
    this.#folder = fs.mkdtempSync(path.join(ROOT, '.cache/hook-bundle-'));
    this.main = path.join(this.#folder, 'main.cjs');
    const [program, ...words] = manifest.scripts.bundle
      .replace('dist/src/main.js', 'src/main.ts')
      .replace('dist/src/main.cjs', this.main)
      .replace('execute.js', 'execute.ts')
      .split(' ');
    execFileSync(path.join(ROOT, 'node_modules/.bin', program!), words, { cwd: ROOT });
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.#folder, { recursive: true });
  }
}

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

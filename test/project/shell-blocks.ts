import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { MarkdownFile, markdownFiles, type Fence } from './markdown.ts';

/** Shell blocks are tested when they say so: ```sh tested. What they need besides Node and npm follows: needs curl sqlite3. */
export function testedBlocks(file: MarkdownFile): readonly Fence[] {
  return file.fences.filter(({ language, words }) => language === 'sh' && words[0] === 'tested');
}

/** The programs that any tested block of a file needs. */
export function needsOf(file: MarkdownFile): readonly string[] {
  const needs = testedBlocks(file).flatMap(({ words }) => (words[1] === 'needs' ? words.slice(2) : []));
  return [...new Set(needs)].toSorted();
}

/** Files with tested blocks, by whether they need other programs. */
export function testedFiles(heavy: boolean): readonly MarkdownFile[] {
  return markdownFiles().filter((file) => testedBlocks(file).length > 0 && needsOf(file).length > 0 === heavy);
}

/** A home of its own in which the blocks of a document run, in its order, by one shell; gone with the test. */
export class ShellSession implements Disposable {
  readonly home = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-shell-')));
  readonly #folder: string;

  /** `program` is what `agentcol` stands for, with `${HOME}` for the home; `folder` (default: the home) is where the shell begins. */
  constructor(program: readonly string[], folder?: string) {
    this.#folder = folder ?? this.home;
    const bin = path.join(this.home, 'bin');
    fs.mkdirSync(bin);
    const words = program.map((word) => `"${word}"`).join(' ');
    // Root is refused where it collects; a fresh machine is often a container where there is nobody else.
    const script = `#!/bin/sh
case "\${1-run}" in run | -*) [ "$(id -u)" != 0 ] || set -- "$@" --allow-root ;; esac
exec ${words} "$@"
`;
    fs.writeFileSync(path.join(bin, 'agentcol'), script, { mode: 0o755 });
  }

  /**
   * Runs these texts, each as it stands, until one fails; resolves to what they printed, each text's output by itself. `launcher` is
   * put before the shell. Rejects with the output, and ends what still runs in the background.
   */
  async run(texts: readonly string[], { launcher = [] as readonly string[], seconds = 60 } = {}): Promise<string[]> {
    const mark = '== next text ==';
    const script = ['set -eu', ...texts.flatMap((text) => [`echo '${mark}'`, text])].join('\n');
    const log = path.join(this.home, 'shell.log');
    const output = fs.openSync(log, 'w');
    const [program, ...words] = [...launcher, 'bash', '-c', script];
    const shell = spawn(program, words, {
      cwd: this.#folder,
      env: { PATH: `${this.home}/bin:${this.home}/.local/bin:${process.env.PATH}`, HOME: this.home, NO_COLOR: '1' },
      stdio: ['ignore', output, output],
      // A process group of its own, with all that it leaves in the background.
      detached: true,
    });
    fs.closeSync(output);
    const timer = setTimeout(() => this.#end(shell.pid), seconds * 1000);
    const [code, signal] = (await once(shell, 'exit')) as [number | null, string | null];
    clearTimeout(timer);
    this.#end(shell.pid);
    const printed = fs.readFileSync(log, 'utf8');
    if (code !== 0) throw new Error(`the shell ended with ${code ?? signal}:\n${printed.slice(-4000)}`);
    return printed.split(`${mark}\n`).slice(1);
  }

  #end(group: number | undefined): void {
    if (group === undefined) return;
    try {
      process.kill(-group, 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

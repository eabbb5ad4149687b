import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { PROBE, type Usage } from './agentcol.ts';

/** A process that does nothing: what its event loop has to wait is the machine's doing, and so is as much of anybody else's. */
export class Bystander implements Disposable {
  readonly #child: ChildProcess = spawn(
    process.execPath,
    ['--import', PROBE, '--eval', 'setInterval(() => undefined, 1e9)'],
    { env: { ...process.env, AGENTCOL_BENCH_DELAY: '1' }, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );

  /** The longest wait since the last time. */
  async longestBlockMs(): Promise<number> {
    this.#child.send({});
    const [usage] = (await once(this.#child, 'message')) as [Usage];
    return usage.longestBlockMs ?? NaN;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

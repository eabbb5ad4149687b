import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { requirement } from '../requirement.ts';

/** Needs the right to trace other processes of this user as well: some containers take it away. */
export const strace = requirement(
  'strace (Debian package strace), and the right to trace',
  spawnSync('strace', ['-o', '/dev/null', '-e', 'inject=getppid:delay_enter=1', 'true']).status === 0,
);

/** System calls of a process on some files, and what happens to them instead: see "Tampering" in strace(1). */
export interface Fault {
  readonly pid: number;
  readonly files: readonly string[];
  /** `pwrite64:error=EROFS`, `pread64:delay_enter=20000` (microseconds). */
  readonly inject: string;
}

/** Makes system calls of a running process go wrong, or slow, from now on until it is disposed of. */
export async function inject({ pid, files, inject }: Fault): Promise<AsyncDisposable> {
  const syscalls = inject.split(':', 1)[0]!;
  const paths = files.flatMap((file) => ['-P', file]);
  const words = ['-f', '-p', String(pid), ...paths, '-e', `trace=${syscalls}`, '-e', `inject=${inject}`];
  const tracer = spawn('strace', ['-o', '/dev/null', ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise<void>((resolve, reject) => {
    let said = '';
    tracer.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes(' attached')) resolve();
    });
    tracer.once('error', reject);
    tracer.once('exit', () => reject(new Error(`strace ended: ${said}`)));
  });
  return {
    [Symbol.asyncDispose]: async () => {
      if (tracer.exitCode !== null) return;
      // It lets go of the process, which runs on.
      tracer.kill('SIGTERM');
      await once(tracer, 'exit');
    },
  };
}

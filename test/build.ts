import { execFileSync } from 'node:child_process';
import { ROOT } from './program.ts';

/** Before the first test: what tests start as a process is of these sources. A second, for a program that starts in half of one. */
export function setup(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
}

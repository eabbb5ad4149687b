/**
 * `npm run bench [-- NAME [ARGUMENT...]]`: runs one benchmark of this folder, or every one, each in a process of its own.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const benchmarks = fs
  .readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
  .map((file) => path.basename(file, '.ts'));
const [wanted, ...rest] = process.argv.slice(2);
if (wanted !== undefined && !benchmarks.includes(wanted)) {
  console.error(`no benchmark "${wanted}"; there are: ${benchmarks.join(', ')}`);
  process.exitCode = 2;
} else {
  for (const name of wanted === undefined ? benchmarks : [wanted]) {
    console.log(`\n== ${name}`);
    const file = path.join(import.meta.dirname, `${name}.ts`);
    const { status } = spawnSync(process.execPath, ['--import', 'tsx', file, ...rest], { stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  }
}

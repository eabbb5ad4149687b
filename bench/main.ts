/**
 * `npm run bench [-- --rows INVOCATIONS] [--only NAME]...`: measures the built agentcol, and prints the table of
 * docs/benchmarks.md. The full table is that of `--rows 1000000`; it takes a quarter of an hour and 8 GB of temporary files.
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { cycles } from './cycles.ts';
import { firstRead } from './first-read.ts';
import { hook } from './hook.ts';
import { hooksHttp } from './hooks-http.ts';
import { idle } from './idle.ts';
import { limits } from './limits.ts';
import { live } from './live.ts';
import { otlp } from './otlp.ts';
import { processors } from './processors.ts';
import { table, type Result } from './result.ts';
import { scrape } from './scrape.ts';
import { startUp } from './start-up.ts';

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '100000' }, only: { type: 'string', multiple: true } },
});
const rows = Number(values.rows);
if (!Number.isInteger(rows) || rows < 1) throw new Error('--rows: a whole number of invocations');

const measurements: Readonly<Record<string, () => Promise<Result[]>>> = {
  'first-read': () => firstRead(rows),
  processors: () => processors(rows, 10),
  cycles: () => cycles([10_000, rows, 3 * rows]),
  idle: () => idle(Math.min(rows, 100_000), 20),
  live: () => live(20),
  scrape: () => scrape(5),
  hook: () => hook(400),
  'start-up': () => startUp(20),
  'hooks-http': () => hooksHttp(1_500),
  limits: () => limits(),
  otlp: () => otlp(Math.min(rows, 50_000)),
};
const names = values.only ?? Object.keys(measurements);
const results: Result[] = [];
for (const name of names) {
  const measure = measurements[name];
  if (measure === undefined) throw new Error(`--only: one of ${Object.keys(measurements).join(', ')}`);
  console.error(`measuring ${name}`);
  results.push(...(await measure()));
}
console.log(`${os.cpus().length} cores, Node ${process.version}, ${os.platform()} ${os.arch()}\n`);
console.log(table(results));

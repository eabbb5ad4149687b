import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

/** Runs in a process of its own: what is set holds for a whole process, and not for its past. Prints bytes. */
const program = (first: string): string => `
  import { getHeapSpaceStatistics } from 'node:v8';
  ${first}
  const recent = [];
  let peak = 0;
  for (let round = 0; round < 3_000_000; round += 1) {
    // Half a megabyte lives on for a while: enough for V8 to believe in a larger heap.
    recent[round % 10_000] = { round, text: [round] };
    if (round % 10_000 > 0) continue;
    for (const { space_name: name, physical_space_size: size } of getHeapSpaceStatistics()) {
      if (name === 'new_space') peak = Math.max(peak, size);
    }
  }
  console.log(peak);
`;

function youngPeak(first: string): number {
  const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program(first)], {
    encoding: 'utf8',
  });
  return Number(output);
}

test('the young generation stays at its first size however much is allocated, which it would not by itself', () => {
  const module = pathToFileURL(path.resolve(import.meta.dirname, '../src/heap.ts')).href;
  const small = youngPeak(`const { keepHeapSmall } = await import('${module}'); keepHeapSmall();`);
  const usual = youngPeak('');
  // It has grown a little before: what loads the program is loaded first.
  expect(small).toBeLessThan(8e6);
  expect(usual).toBeGreaterThan(2 * small);
});

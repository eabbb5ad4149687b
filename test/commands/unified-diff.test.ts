import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { unifiedDiff } from '../../src/commands/unified-diff.ts';

let folder: string;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-diff-'));
});

afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

it('shows what changes, with its surroundings', () => {
  const before = Array.from({ length: 30 }, (_, index) => `${index}\n`).join('');
  const after = before.replace('4\n', 'four\n').replace('10\n', '').replace('29\n', '29');
  expect(unifiedDiff('a.json', before, after)).toBe(
    `--- a.json
+++ a.json
@@ -2,13 +2,12 @@
 1
 2
 3
-4
+four
 5
 6
 7
 8
 9
-10
 11
 12
 13
@@ -27,4 +26,4 @@
 26
 27
 28
-29
+29
\\ No newline at end of file
`,
  );
});

it('tells a file that comes or goes', () => {
  expect(unifiedDiff('a', undefined, 'x\n')).toBe('--- /dev/null\n+++ a\n@@ -0,0 +1,1 @@\n+x\n');
  expect(unifiedDiff('a', 'x\n', undefined)).toBe('--- a\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n');
  expect(unifiedDiff('a', 'x', 'x')).toBe('');
});

it(
  'is what patch takes (skipped where there is no patch program)',
  { skip: spawnSync('patch', ['--version']).status !== 0 },
  () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 30 }).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const file = path.join(folder, 'patched');
        fs.writeFileSync(file, before);
        const { status, stdout } = spawnSync('patch', ['--silent', file], {
          input: unifiedDiff('patched', before, after),
          encoding: 'utf8',
        });
        expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
        expect(fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '').toBe(after);
      }),
      { numRuns: 60 },
    );
  },
);

// Adds up the results of .ci/run: each test of the suites, and each step that is no test suite, counts one.
import fs from 'node:fs';
import path from 'node:path';

const folder = process.argv[2];
let passed = 0;
let failed = 0;
let skipped = 0;
for (const file of fs.readdirSync(folder).sort()) {
  const text = fs.readFileSync(path.join(folder, file), 'utf8');
  if (file.endsWith('.json')) {
    const results = JSON.parse(text);
    passed += results.numPassedTests;
    failed += results.numFailedTests;
    skipped += results.numPendingTests + results.numTodoTests;
  } else if (text.trim() === 'ok') {
    passed += 1;
  } else {
    console.log(`${path.basename(file, '.step')}: failed`);
    failed += 1;
  }
}
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const GUARANTEES = ['exact', 'at least once', 'best effort', 'not detected'];

/** The cells of each line of the table. */
const lines = fs
  .readFileSync(path.join(ROOT, 'docs/guarantees.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| --') && !line.startsWith('| what '))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\||\|$/g, '').trim()));

describe('docs/guarantees.md', () => {
  it.each(lines)('%s: %s', (_, guarantee, shownBy = '') => {
    expect(GUARANTEES).toContain(guarantee);
    const tests = [...shownBy.matchAll(/`(test\/[^`]+)`: “([^”]+)”/g)];
    if (guarantee !== 'not detected') expect(tests).not.toEqual([]);
    for (const [, file = '', name = ''] of tests) {
      const source = fs.readFileSync(path.join(ROOT, file), 'utf8');
      expect(
        ["'", '`'].some((quote) => source.includes(quote + name + quote)),
        `${file}: ${name}`,
      ).toBe(true);
    }
  });
});

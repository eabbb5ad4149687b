import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { markdownFiles } from './markdown.ts';
import { ROOT } from '../program.ts';

const GUARANTEES = ['exact', 'at least once', 'best effort', 'not detected'];

/** The tests that a text names: `test/file.test.ts`: “name”. */
function testsNamed(text: string): readonly { readonly file: string; readonly name: string }[] {
  return [...text.matchAll(/`(test\/[^`]+)`: “([^”]+)”/g)].map(([, file = '', name = '']) => ({
    file,
    name: name.replace(/\s+/g, ' '),
  }));
}

/** The cells of each line of the table. */
const lines = fs
  .readFileSync(path.join(ROOT, 'docs/guarantees.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| --') && !line.startsWith('| what '))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\||\|$/g, '').trim()));

describe('docs/guarantees.md', () => {
  it.each(lines)('%s: %s', (_, guarantee, shownBy = '') => {
    expect(GUARANTEES).toContain(guarantee);
    if (guarantee !== 'not detected') expect(testsNamed(shownBy)).not.toEqual([]);
  });
});

describe('a test that is named', () => {
  const files = markdownFiles().map(({ name }) => name);
  const naming = files.filter((name) => testsNamed(fs.readFileSync(path.join(ROOT, name), 'utf8')).length > 0);

  it('is so by what is guaranteed, promised and answered', () => {
    expect(naming).toEqual(expect.arrayContaining(['SECURITY.md', 'docs/guarantees.md', 'docs/review-findings.md']));
  });

  it.each(naming)('in %s is there', (document) => {
    const missing = testsNamed(fs.readFileSync(path.join(ROOT, document), 'utf8')).filter(({ file, name }) => {
      const source = fs.readFileSync(path.join(ROOT, file), 'utf8');
      return !["'", '`'].some((quote) => source.includes(quote + name + quote));
    });
    expect(missing).toEqual([]);
  });
});

import fs from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonTexts, LONGEST } from '../../../../receivers/claude_code_hooks/import/json-values.ts';
import { Workspace } from '../../../main-job/harness.ts';

function read(content: string | Buffer): { readonly line: number; readonly value: unknown }[] {
  using workspace = new Workspace();
  const file = workspace.file('values');
  fs.writeFileSync(file, content);
  return [...jsonTexts(file, () => undefined)].map(({ line, text }) => ({
    line,
    value: text === undefined ? 'too long' : (JSON.parse(text) as unknown),
  }));
}

describe('the values of a file', () => {
  it('are its lines, whatever ends them, blank ones left out', () => {
    expect(read('{"a":1}\r\n\n  {"b":"[,]"}\n3')).toEqual([
      { line: 1, value: { a: 1 } },
      { line: 3, value: { b: '[,]' } },
      { line: 4, value: 3 },
    ]);
  });

  it('are the elements of an array, with the lines on which they begin', () => {
    expect(read('\ufeff [\n {"a": [1, 2]},\n\n {"b":\n "],\\"}"}, []\n]\n')).toEqual([
      { line: 2, value: { a: [1, 2] } },
      { line: 4, value: { b: '],"}' } },
      { line: 5, value: [] },
    ]);
  });

  it('are none in an empty file and in an empty array', () => {
    expect(read('')).toEqual([]);
    expect(read('[ ]')).toEqual([]);
  });

  it('are the same, as lines and as an array, for any values', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue().filter((value) => !Array.isArray(value))), fc.boolean(), (values, pretty) => {
        const expected: unknown = JSON.parse(JSON.stringify(values));
        const lines = values.map((value) => JSON.stringify(value)).join('\n');
        const array = JSON.stringify(values, undefined, pretty ? 2 : undefined);
        expect(read(lines).map(({ value }) => value)).toEqual(expected);
        expect(read(array).map(({ value }) => value)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('may be longer than what is read at once, with characters of several bytes at any place', () => {
    const text = 'ä€😀'.repeat(100_000);
    const values = read(`"${text}"\n${JSON.stringify({ text })}\n`);
    expect(values.map(({ value }) => value)).toEqual([text, { text }]);
  });

  it('are told as too long beyond a limit, and those after them are read', () => {
    const long = Buffer.alloc(LONGEST + 10, 'x');
    expect(read(Buffer.concat([Buffer.from('1\n"'), long, Buffer.from('"\n2\n')]))).toEqual([
      { line: 1, value: 1 },
      { line: 2, value: 'too long' },
      { line: 3, value: 2 },
    ]);
  });
});

import { expect, test } from 'vitest';
import { FACTORIES, problems, receiving, sqlite } from './loading.ts';

/** What is said of the receiver's setting `x: <yaml>` under a schema. */
async function said(schema: object, yaml: string): Promise<readonly string[]> {
  const settings = { type: 'object', additionalProperties: false, properties: { x: schema } };
  const factories = FACTORIES.map((factory) => (factory === sqlite ? { ...sqlite, schema: settings } : factory));
  const found = await problems(receiving(`x: ${yaml}`), { factories });
  return found.map((message) => message.replace(/^a\.yaml:\d+:\d+: receivers::sqlite\/agents::/, ''));
}

const oneKey = (key: string) => ({
  type: 'object',
  additionalProperties: false,
  required: [key],
  properties: { [key]: { type: 'number' } },
});

test.each([
  ['a constant', { const: 'on' }, 'off', 'expected "on", not "off"'],
  ['numbers', { type: 'number', maximum: 5 }, '6', 'expected a number of at most 5, not 6'],
  ['steps', { type: 'number', multipleOf: 5 }, '6', 'expected a multiple of 5, not 6'],
  ['short text', { type: 'string', minLength: 2 }, 'ü', 'expected at least 2 characters, not 1'],
  ['long text', { type: 'string', maxLength: 1 }, '👍👍', 'expected at most 1 character, not 2'],
  ['many keys', { type: 'object', maxProperties: 1 }, '{a: 1, b: 2}', 'expected at most 1 key, not 2'],
  ['a pattern', { type: 'string', pattern: '^a' }, 'b', 'expected text that matches ^a, not "b"'],
  ['one value', { enum: [5] }, '"5"', 'expected 5, not "5"'],
  [
    'a key of its own',
    { type: 'object', propertyNames: { maxLength: 1 } },
    '{ab: 1}',
    'key "ab" is not allowed here: expected must NOT have more than 1 characters',
  ],
  ['what has no words', { not: { type: 'string' } }, 'a', 'must NOT be valid'],
])('%s', async (_, schema, yaml, message) => {
  expect(await said(schema, yaml)).toEqual([`x: ${message}`]);
});

test('of several forms, the one that was meant is explained', async () => {
  const forms = { anyOf: [{ type: 'string', format: 'duration' }, oneKey('start')] };
  expect(await said(forms, '5')).toEqual([expect.stringMatching(/^x: expected a duration .* or a map, not 5$/)]);
  expect(await said(forms, 'soon')).toEqual([expect.stringMatching(/^x: expected a duration .*, not "soon"$/)]);
  expect(await said(forms, '{start: a}')).toEqual(['x::start: expected a number, not "a"']);
  expect(await said(forms, '{stat: 1}')).toEqual(['x: unknown key "stat"; did you mean "start"?']);
});

test('forms within forms', async () => {
  const inner = { anyOf: [{ type: 'number' }, oneKey('start')] };
  const forms = { anyOf: [{ type: 'string' }, { type: 'array', items: inner }] };
  expect(await said(forms, '[1, {start: 1}, true]')).toEqual(['x::2: expected a number or a map, not true']);
});

test('forms that differ in their keys alone are told by them', async () => {
  const keys = { type: 'object', anyOf: [{ required: ['tables'] }, { required: ['preset'] }] };
  expect(await said(keys, '{}')).toEqual(['x: missing key: "tables" or "preset"']);
  expect(await said({ oneOf: [{ type: 'number' }, { type: 'integer' }] }, '5')).toEqual([
    'x: fits more than one of its forms',
  ]);
  expect(await said({ anyOf: [{ const: 'a' }, { enum: ['b', 'c'] }] }, 'd')).toEqual([
    'x: expected "a" or "b" or "c", not "d"',
  ]);
});

test('a condition is told by what it asks for', async () => {
  const condition = { type: 'object', if: { required: ['a'] }, then: { required: ['b'] } };
  expect(await said(condition, '{a: 1}')).toEqual(['x: missing key "b"']);
});

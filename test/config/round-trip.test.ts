import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { ReceiverFactory } from '../../src/component.ts';
import { FACTORIES, load, receiverSettings, sqlite } from './loading.ts';

const anything: ReceiverFactory = {
  ...sqlite,
  schema: { type: 'object', additionalProperties: true },
  check: async () => [],
};
const factories = FACTORIES.map((factory) => (factory === sqlite ? anything : factory));

const scalar = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
  fc.constantFrom(
    '',
    '~',
    'null',
    'true',
    '1s',
    '0x1F',
    '1e3',
    '5',
    ' x ',
    'a\nb',
    'a: b',
    '- a',
    '#x',
    '"',
    "'",
    '<<',
    '*a',
  ),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  fc.boolean(),
  fc.constant(null),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('any'), { maxLength: 4 }),
    // "<<" is not a key, but merges.
    fc.dictionary(
      fc.string({ unit: 'grapheme-ascii' }).filter((key) => key !== '<<'),
      tie('any'),
      { maxKeys: 4 },
    ),
  ),
})).any;

/** As a user has to write it: every dollar doubled. */
function withDollars(from: unknown): unknown {
  if (typeof from === 'string') return from.replaceAll('$', '$$$$');
  if (Array.isArray(from)) return from.map(withDollars);
  if (typeof from !== 'object' || from === null) return from;
  return Object.fromEntries(Object.entries(from).map(([key, inner]) => [key, withDollars(inner)]));
}

test('settings written as YAML and loaded are the same settings', async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), value), async (settings) => {
      const text = stringify({
        receivers: { 'sqlite/agents': withDollars(settings) },
        exporters: { prometheus: null },
        service: { pipelines: { metrics: { receivers: ['sqlite/agents'], exporters: ['prometheus'] } } },
      });
      expect(receiverSettings(await load(text, { factories }))).toEqual(JSON.parse(JSON.stringify(settings)));
    }),
    { numRuns: 100 },
  );
});

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

const settings = fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), value);

function yamlOf(receiver: Readonly<Record<string, unknown>>): string {
  return stringify({
    receivers: { 'sqlite/agents': withDollars(receiver) },
    exporters: { prometheus: null },
    service: { pipelines: { metrics: { receivers: ['sqlite/agents'], exporters: ['prometheus'] } } },
  });
}

test('settings written as YAML and loaded are the same settings', async () => {
  await fc.assert(
    fc.asyncProperty(settings, async (written) => {
      const config = await load(yamlOf(written), { factories });
      expect(receiverSettings(config)).toEqual(JSON.parse(JSON.stringify(written)));
    }),
    { numRuns: 40 },
  );
});

test('a configuration that was printed and loaded is the same configuration', async () => {
  await fc.assert(
    fc.asyncProperty(settings, async (written) => {
      const config = await load(yamlOf(written), { factories });
      const again = await load(config.print(), { factories });
      expect(receiverSettings(again)).toEqual(receiverSettings(config));
      expect(again.print()).toBe(config.print());
    }),
    { numRuns: 40 },
  );
});

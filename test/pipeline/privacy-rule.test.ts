import fc from 'fast-check';
import { expect, test } from 'vitest';
import { factories } from '../../src/components.ts';
import type { Processor } from '../../src/component.ts';
import type { Config } from '../../src/config/config.ts';
import { privacySettings } from '../../src/config/privacy.ts';
import type { LanePlan } from '../../src/pipeline/assembly.ts';
import { ruleProblems } from '../../src/pipeline/rules.ts';
import type { Attributes, Batch } from '../../src/pipeline/signals.ts';
import { testSettings } from '../component-suite.ts';
import { batchOf, calls, highest, pointsOf, took } from '../processors/points.ts';

const SECRET = 'canary';
/** What must not be seen of it is the secret; `note` is made from a prompt. */
const VALUES: Attributes = {
  session_id: `6706089d-${SECRET}`,
  cwd: `/home/${SECRET}/shop`,
  note: `please ${SECRET}`,
  'gen_ai.tool.name': 'Bash',
  n: 5,
};
const NAMES = [...Object.keys(VALUES), 'copy'];
const ORIGINS = new Map([['note', ['prompt']]]);

const name = fc.constantFrom(...NAMES);
const names = fc.uniqueArray(name, { minLength: 1, maxLength: 3 });
const pattern = fc.constantFrom('^s', 'o', '_', 'note|cwd');
const action = fc.oneof(
  fc.record({ action: fc.constantFrom('insert', 'update', 'upsert'), key: name, from_attribute: name }),
  fc.record({ action: fc.constantFrom('insert', 'update', 'upsert'), key: name, value: fc.constantFrom('x', 1, true) }),
  fc.record({ action: fc.constantFrom('delete', 'hash'), key: name }),
  fc.record({ action: fc.constantFrom('delete', 'hash'), pattern }),
);
const matcher = fc.oneof(
  fc.constantFrom({ metric_names: ['calls'] }, { metric_names: ['t*'] }),
  fc.record({ attributes: fc.tuple(fc.record({ key: name, present: fc.boolean() })) }),
);
/** Filled in here: compiling schemas would be most of the time. */
const hmac = { key: 'sixteen or more!', length: 16 };
const processor: fc.Arbitrary<readonly [type: string, config: Readonly<Record<string, unknown>>]> = fc.oneof(
  names.map((attributes) => ['hash', { attributes, ...hmac }] as const),
  fc
    .constantFrom('basename', 'drop', 'hash')
    .map((mode) => ['strip_paths', { attributes: ['*'], mode, ...hmac }] as const),
  fc.array(action, { minLength: 1, maxLength: 4 }).map((actions) => ['attributes', { actions, ...hmac }] as const),
  matcher.map((one) => ['filter', { exclude: [one] }] as const),
  matcher.map((one) => ['filter', { include: [one] }] as const),
  fc.constant(['resource', { attributes: [{ key: 'h', value: 1, action: 'insert' }] }] as const),
  fc.constant(['cardinality_limit', { limit: 2, metrics: {} }] as const),
);

async function create(type: string, config: Readonly<Record<string, unknown>>): Promise<Processor> {
  const factory = factories.find((one) => one.kind === 'processor' && one.type === type);
  if (factory?.kind !== 'processor') throw new Error(`no processor ${type}`);
  return factory.create(config, testSettings(type));
}

/** What the rule says of such a pipeline, but for the places of processors. */
function problemsOf(processors: readonly Processor[]): readonly string[] {
  const metrics = [calls, highest, took].map((metric) => ({
    metric,
    digest: '',
    attributes: Object.keys(VALUES),
    origins: ORIGINS,
  }));
  const lane = {
    pipeline: 'metrics',
    signal: 'metrics',
    receiver: { configured: { id: 'r' }, instance: { readers: [], metrics } },
    processors: processors.map((instance, index) => ({ configured: { id: `p/${index}` }, instance })),
  };
  const privacy = { sensitive_attributes: privacySettings.properties.sensitive_attributes.default, allow: [] };
  const config = {
    service: { pipelines: new Map([['metrics', { exporters: ['e'] }]]), privacy },
    place: ({ message }: { readonly message: string }) => message,
  } as unknown as Pick<Config, 'service' | 'place'>;
  return ruleProblems(config, [lane as unknown as LanePlan])
    .map(({ message }) => message)
    .filter((message) => message.startsWith('attribute'));
}

/** Points with every attribute there or missing. */
function everySubset(): Batch {
  const all = Object.keys(VALUES);
  const subsets = Array.from({ length: 2 ** all.length }, (_, bits): Attributes => {
    return Object.fromEntries(
      all.filter((_name, index) => (bits >> index) % 2 === 1).map((one) => [one, VALUES[one]!]),
    );
  });
  return batchOf(
    ...[calls, highest, took].map((metric) =>
      pointsOf(
        metric,
        subsets.map((one) => [one, 1] as const),
      ),
    ),
  );
}

const BATCH = everySubset();

test('what it lets pass shows no secret, whatever the processors do to attributes', async () => {
  let passed = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(processor, { maxLength: 6 }), async (written) => {
      const processors = await Promise.all(written.map(([type, config]) => create(type, config)));
      if (problemsOf(processors).length > 0) {
        refused += 1;
        return;
      }
      passed += 1;
      const left = processors.reduce<Batch | undefined>((batch, one) => batch && one.process(batch), BATCH);
      expect(JSON.stringify(left ?? {})).not.toContain(SECRET);
    }),
    { numRuns: 800 },
  );
  expect(passed).toBeGreaterThan(50);
  expect(refused).toBeGreaterThan(50);
});

test('each remedy that it names is one', async () => {
  const hash = await create('hash', { attributes: ['session_id', 'note'], ...hmac });
  const strip = await create('strip_paths', { attributes: ['*'], mode: 'basename', ...hmac });
  expect(problemsOf([])).toHaveLength(3);
  expect(problemsOf([hash, strip])).toEqual([]);
  expect(problemsOf([await create('hash', { attributes: ['*'], ...hmac })])).toEqual([]);
  const left = [hash, strip].reduce<Batch | undefined>((batch, one) => batch && one.process(batch), BATCH);
  expect(JSON.stringify(left)).not.toContain(SECRET);
  expect(JSON.stringify(BATCH)).toContain(SECRET);
});

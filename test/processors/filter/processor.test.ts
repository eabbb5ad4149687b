import { describe, expect, test } from 'vitest';
import { filterProcessor } from '../../../processors/filter/factory.ts';
import type { Attributes } from '../../../src/pipeline/signals.ts';
import { filledConfig, processorSuite, testSettings } from '../../component-suite.ts';
import { mergesWhatBecomesEqual } from '../merging.ts';
import { batchOf, calls, latest, pointsOf, took, valuesOf } from '../points.ts';

type Config = Readonly<Record<string, unknown>>;

function create(config: Config) {
  return filterProcessor.create(filledConfig(filterProcessor, config), testSettings('filter'));
}

/** Whether a point of `calls` with these attributes goes on. */
async function keeps(config: Config, attributes: Attributes): Promise<boolean> {
  const processed = (await create(config)).process(batchOf(pointsOf(calls, [[attributes, 1]])));
  return Object.keys(valuesOf(processed)).length > 0;
}

const readOnly = { attributes: [{ key: 'tool', value: 'Read' }] };

processorSuite(filterProcessor, {
  config: { exclude: [readOnly] },
  changed: batchOf(
    pointsOf(calls, [
      [{ tool: 'Read' }, 1],
      [{ tool: 'Bash' }, 2],
    ]),
    pointsOf(took, [[{ tool: 'Read' }, 2]]),
  ),
  unchanged: batchOf(
    pointsOf(calls, [
      [{ tool: 'Bash' }, 1],
      [{}, 2],
    ]),
  ),
});

describe('conditions', () => {
  test.each<[Config, Attributes, boolean]>([
    [{ key: 'k', value: 'v' }, { k: 'v' }, true],
    [{ key: 'k', value: 'v' }, { k: 'w' }, false],
    [{ key: 'k', value: 'v' }, {}, false],
    [{ key: 'k', value: 5 }, { k: 5 }, true],
    [{ key: 'k', value: 5 }, { k: '5' }, false],
    [{ key: 'k', value: false }, { k: false }, true],
    [{ key: 'k', glob: 'a*d' }, { k: 'abcd' }, true],
    [{ key: 'k', glob: 'a*d' }, { k: 'abcde' }, false],
    [{ key: 'k', glob: '?' }, { k: 5 }, true],
    [{ key: 'k', glob: '*' }, {}, false],
    [{ key: 'k', regexp: '^mcp__(a|b)' }, { k: 'mcp__b_x' }, true],
    [{ key: 'k', regexp: '^mcp__(a|b)' }, { k: 'x_mcp__b' }, false],
    [{ key: 'k', regexp: '' }, {}, false],
    [{ key: 'k', present: true }, { k: '' }, true],
    [{ key: 'k', present: true }, {}, false],
    [{ key: 'k', present: false }, {}, true],
    [{ key: 'k', present: false }, { k: 0 }, false],
    [{ key: 'constructor', present: true }, {}, false],
  ])('%j of %j: %s', async (condition, attributes, holds) => {
    const list = [{ attributes: [condition] }];
    expect(await keeps({ include: list }, attributes)).toBe(holds);
    expect(await keeps({ exclude: list }, attributes)).toBe(!holds);
  });

  test('all of one entry hold, and one entry is enough', async () => {
    const both = {
      attributes: [
        { key: 'a', value: 1 },
        { key: 'b', present: true },
      ],
    };
    const include = [both, { attributes: [{ key: 'c', value: 1 }] }];
    expect(await keeps({ include }, { a: 1, b: 0 })).toBe(true);
    expect(await keeps({ include }, { a: 1 })).toBe(false);
    expect(await keeps({ include }, { c: 1 })).toBe(true);
  });
});

describe('lists', () => {
  const named = (...metric_names: readonly string[]): Config => ({ metric_names });
  const two = batchOf(pointsOf(calls, [[{ tool: 'Read' }, 1]]), pointsOf(took, [[{ tool: 'Read' }, 2]]));
  const [ofCalls, ofTook] = ['calls{tool="Read"}', 'took{tool="Read"}'];

  test.each<[Config, readonly string[]]>([
    [{ include: [named('calls')] }, [ofCalls]],
    [{ include: [named('c*', 'to?k')] }, [ofCalls, ofTook]],
    [{ include: [named('nothing')] }, []],
    [{ exclude: [named('t*')] }, [ofCalls]],
    [{ include: [named('*')], exclude: [named('calls')] }, [ofTook]],
    [{ include: [named('calls'), readOnly] }, [ofCalls, ofTook]],
    [{ exclude: [{ ...named('calls'), ...readOnly }] }, [ofTook]],
    [{ include: [{ ...named('calls'), ...readOnly }] }, [ofCalls]],
  ])('%j', async (config, kept) => {
    expect(Object.keys(valuesOf((await create(config)).process(two)))).toEqual(kept);
  });

  test('a metric of which nothing is left is told to the privacy rule, others are not', async () => {
    const filter = await create({ include: [named('calls'), readOnly], exclude: [named('took')] });
    const attributes = [{ name: 'session_id', treatments: [] }];
    expect(filter.traceAttributes?.(attributes, took)).toBeUndefined();
    expect(filter.traceAttributes?.(attributes, calls)).toBe(attributes);
    expect(filter.traceAttributes?.(attributes, latest)).toBe(attributes);
  });
});

test('of a snapshot without any point that is kept, nothing goes on but that it is empty', async () => {
  const filter = await create({ exclude: [readOnly] });
  const batch = batchOf(pointsOf(latest, [[{ tool: 'Read' }, 1]], 'snapshot'));
  expect(filter.process(batch)).toEqual(batchOf(pointsOf(latest, [], 'snapshot')));
});

test('counts what it drops, by metric', async () => {
  const filter = await create({ exclude: [{ metric_names: ['took'] }, readOnly] });
  const points = pointsOf(calls, [
    [{ tool: 'Read', a: 1 }, 1],
    [{ tool: 'Read' }, 1],
    [{ tool: 'Bash' }, 1],
  ]);
  filter.process(batchOf(points, pointsOf(took, [[{}, 1]]), pointsOf(took, [])));
  filter.process(batchOf(points));
  expect(filter.withheld).toEqual(
    new Map([
      ['calls', 4],
      ['took', 1],
    ]),
  );
});

mergesWhatBecomesEqual(
  () => create({ exclude: [{ attributes: [{ key: 'a', value: 'x' }] }] }),
  (before) => (before['a'] === 'x' ? undefined : before),
);

test('a condition has one test, and a regular expression that takes no more time than its text is long', async () => {
  const config = filledConfig(filterProcessor, {
    include: [{ attributes: [{ key: 'a' }] }, { metric_names: ['m'] }],
    exclude: [
      { attributes: [{ key: 'a', value: 1, glob: 'x' }] },
      {
        attributes: [
          { key: 'a', value: 1 },
          { key: 'b', regexp: '(?=x)' },
        ],
      },
    ],
  });
  expect(await filterProcessor.check?.(config)).toEqual([
    { path: ['include', 0, 'attributes', 0], message: 'give one of value, glob, regexp, present' },
    { path: ['exclude', 0, 'attributes', 0], message: 'give one of value, glob, regexp, present' },
    {
      path: ['exclude', 1, 'attributes', 1, 'regexp'],
      message: expect.stringMatching(
        /^not a regular expression that can be used here: invalid or unsupported Perl syntax/,
      ) as unknown,
    },
  ]);
});

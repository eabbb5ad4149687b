import { describe, expect, test } from 'vitest';
import { exposition } from '../../../exporters/prometheus/exposition.ts';
import { canonical } from '../../../exporters/prometheus/writer.ts';
import { awkwardSource } from './awkward-source.ts';
import { MemorySource, metric, START_MS } from './memory-source.ts';

/** The sample lines alone. */
function samples(sources: readonly MemorySource[]): string[] {
  return exposition(sources, 'text')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

describe('golden files', () => {
  test('text 0.0.4', async () => {
    await expect(exposition([awkwardSource()], 'text')).toMatchFileSnapshot('golden/awkward.txt');
  });

  test('OpenMetrics 1.0', async () => {
    await expect(exposition([awkwardSource()], 'openmetrics')).toMatchFileSnapshot('golden/awkward.openmetrics.txt');
  });
});

describe('exposition', () => {
  test('of nothing is empty, and ends as OpenMetrics must', () => {
    expect(exposition([], 'text')).toBe('');
    expect(exposition([new MemorySource()], 'openmetrics')).toBe('# EOF\n');
  });

  test('writes HELP and TYPE once a family, and sorts families and series whatever their order', () => {
    const [b, a] = [metric('b', 'gauge', { description: 'Second.' }), metric('a', 'counter')];
    const source = new MemorySource().set(b, { x: '2' }, 2).set(a, {}, 1).set(b, { x: '10' }, 10).set(b, { x: '1' }, 1);
    expect(exposition([source], 'text')).toBe(
      '# TYPE a_total counter\na_total 1\n' +
        '# HELP b Second.\n# TYPE b gauge\nb{x="1"} 1\nb{x="10"} 10\nb{x="2"} 2\n',
    );
  });

  test('makes buckets cumulative, up to +Inf', () => {
    const source = new MemorySource().set(
      metric('wait', 'histogram', { unit: 's', boundaries: [0.5, 1] }),
      { a: 'b' },
      { count: 6, sum: 4.5, bucketCounts: [1, 2, 3] },
    );
    expect(samples([source])).toEqual([
      'wait_seconds_bucket{a="b",le="0.5"} 1',
      'wait_seconds_bucket{a="b",le="1.0"} 3',
      'wait_seconds_bucket{a="b",le="+Inf"} 6',
      'wait_seconds_sum{a="b"} 4.5',
      'wait_seconds_count{a="b"} 6',
    ]);
  });

  test('OpenMetrics has the unit, the family name without _total, and when each series began', () => {
    const source = new MemorySource().set(metric('wait', 'counter', { unit: 's' }), { a: 'b' }, 2, START_MS);
    expect(exposition([source], 'openmetrics')).toBe(
      '# TYPE wait_seconds counter\n# UNIT wait_seconds seconds\n' +
        `wait_seconds_total{a="b"} 2\nwait_seconds_created{a="b"} ${START_MS / 1000}\n# EOF\n`,
    );
  });

  test('puts the namespace and the constant labels on everything, but an attribute wins', () => {
    const source = new MemorySource()
      .set(metric('runs', 'counter'), { team: 'own' }, 1)
      .set(metric('up', 'gauge'), {}, 1);
    expect(exposition([source], 'text', { namespace: 'lab', const_labels: { team: 'tools' } })).toBe(
      '# TYPE lab_runs_total counter\nlab_runs_total{team="own"} 1\n# TYPE lab_up gauge\nlab_up{team="tools"} 1\n',
    );
  });
});

describe('series that become equal', () => {
  const equal = [{ a: 'x' }, { a: 'x', b: '' }] as const;

  test('of a counter add, exactly', () => {
    const runs = metric('runs', 'counter');
    const source = new MemorySource()
      .set(runs, equal[0], 0.1)
      .set(runs, equal[1], 0.2)
      .set(runs, { a: 'x', c: '' }, 0.3);
    // 0.1 + 0.2 + 0.3 is 0.6000000000000001 when added one after the other.
    expect(samples([source])).toEqual(['runs_total{a="x"} 0.6']);
  });

  test('began when the first of them began', () => {
    const runs = metric('runs', 'counter');
    const source = new MemorySource().set(runs, equal[0], 1, 9_000).set(runs, equal[1], 1, 5_000);
    expect(exposition([source], 'openmetrics')).toContain('runs_created{a="x"} 5\n');
  });

  test.each([
    ['max', 5],
    ['last', 3],
  ] as const)('of a gauge take the %s in the order of their attributes', (aggregation, expected) => {
    const level = metric('level', 'gauge', { aggregation });
    const source = new MemorySource().set(level, equal[0], 3).set(level, equal[1], 5);
    expect(samples([source])).toEqual([`level{a="x"} ${expected}`]);
  });

  test('of histograms add bucket by bucket', () => {
    const wait = metric('wait', 'histogram', { boundaries: [1] });
    const source = new MemorySource()
      .set(wait, equal[0], { count: 3, sum: 4, bucketCounts: [1, 2] })
      .set(wait, equal[1], { count: 1, sum: 0.5, bucketCounts: [1, 0] });
    expect(samples([source])).toEqual([
      'wait_bucket{a="x",le="1.0"} 2',
      'wait_bucket{a="x",le="+Inf"} 4',
      'wait_sum{a="x"} 4.5',
      'wait_count{a="x"} 4',
    ]);
  });

  test('are found where only a lone surrogate told them apart', () => {
    const runs = metric('runs', 'counter');
    const source = new MemorySource().set(runs, { a: '\ud800' }, 1).set(runs, { a: '\ud801' }, 2);
    expect(samples([source])).toEqual(['runs_total{a="\uFFFD"} 3']);
  });

  test('stay infinite where one of them is', () => {
    const runs = metric('runs', 'counter');
    const source = new MemorySource().set(runs, equal[0], Infinity).set(runs, equal[1], 2);
    expect(samples([source])).toEqual(['runs_total{a="x"} +Inf']);
  });

  test('are found across sources and across metrics of one name; of last, the later source wins', () => {
    const [one, two] = [new MemorySource('metrics'), new MemorySource('metrics/two')];
    one.set(metric('runs', 'counter'), { a: 'x' }, 1).set(metric('runs.total', 'counter'), { a: 'x' }, 2);
    two.set(metric('runs', 'counter'), { a: 'x' }, 4).set(metric('runs', 'counter'), { a: 'y' }, 8);
    one.set(metric('level', 'gauge'), {}, 1);
    two.set(metric('level', 'gauge'), {}, 2);
    expect(samples([one, two])).toEqual(['level 2', 'runs_total{a="x"} 7', 'runs_total{a="y"} 8']);
    expect(samples([two, one])).toEqual(['level 1', 'runs_total{a="x"} 7', 'runs_total{a="y"} 8']);
  });
});

describe('metrics of one name that do not fit together', () => {
  test.each([
    ['another type', metric('a', 'counter'), metric('a', 'gauge')],
    ['other buckets', metric('a', 'histogram', { boundaries: [1] }), metric('a', 'histogram', { boundaries: [2] })],
    [
      'another aggregation',
      metric('a', 'gauge', { aggregation: 'last' }),
      metric('a', 'gauge', { aggregation: 'max' }),
    ],
    ['a name that a histogram uses', metric('a', 'histogram'), metric('a.count', 'gauge')],
    ['a name that a counter uses', metric('a', 'counter'), metric('a.created', 'gauge')],
  ])('%s: the first source keeps it, whatever came first', (_, first, second) => {
    const value = (type: string) => (type === 'histogram' ? { count: 0, sum: 0, bucketCounts: [0, 0, 0, 0] } : 1);
    const one = new MemorySource('metrics').set(first, {}, value(first.type));
    const two = new MemorySource('metrics/two').set(second, {}, value(second.type));
    expect(exposition([one, two], 'text')).toBe(exposition([one], 'text'));
    expect(exposition([two, one], 'text')).toBe(exposition([two], 'text'));
  });

  test('an up-down counter and a gauge that adds are the same to Prometheus', () => {
    const source = new MemorySource()
      .set(metric('a', 'updowncounter'), {}, 1)
      .set(metric('a', 'gauge', { aggregation: 'sum' }), {}, 2);
    expect(samples([source])).toEqual(['a 3']);
  });
});

describe('canonical numbers', () => {
  // The list of the OpenMetrics specification, and the boundaries of the public contract.
  test.each([
    [0, '0.0'],
    [1e-10, '1e-10'],
    [1e-5, '1e-05'],
    [0.0001, '0.0001'],
    [0.001, '0.001'],
    [0.5, '0.5'],
    [1, '1.0'],
    [10, '10.0'],
    [100_000, '100000.0'],
    [1e6, '1e+06'],
    [1e10, '1e+10'],
    [1_048_576, '1.048576e+06'],
    [-2, '-2.0'],
    [5242.88, '5242.88'],
    [6553.6, '6553.6'],
    [86_400, '86400.0'],
    [1.5e-7, '1.5e-07'],
    [1e100, '1e+100'],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
    [NaN, 'NaN'],
  ])('%d is %s', (value, text) => {
    expect(canonical(value)).toBe(text);
  });
});

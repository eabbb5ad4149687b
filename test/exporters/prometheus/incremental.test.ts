import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Exposition, exposition } from '../../../exporters/prometheus/exposition.ts';
import type { Format } from '../../../exporters/prometheus/writer.ts';
import { MemorySource, metric } from './memory-source.ts';

function textOf(exposition: Exposition, format: Format): string {
  return Buffer.concat(exposition.chunks(format)).toString();
}

/** An exposition that hears of every commit of its sources. */
function connected(sources: readonly MemorySource[]): Exposition {
  const exposition = new Exposition(sources);
  for (const source of sources) source.onCommit((changes) => exposition.apply(source, changes));
  return exposition;
}

describe('an exposition that is kept ready', () => {
  // Some of these share a name, some of those cannot be published together.
  const METRICS = [
    metric('runs', 'counter', { description: 'Runs.' }),
    metric('runs.total', 'counter'),
    metric('level', 'gauge', { unit: 'By' }),
    metric('level.bytes', 'gauge', { aggregation: 'max' }),
    metric('level.bytes', 'updowncounter'),
    metric('wait', 'histogram', { unit: 's' }),
    metric('wait', 'histogram', { unit: 's', boundaries: [5] }),
    metric('wait.seconds.count', 'gauge'),
  ];
  const step = fc.record({
    source: fc.nat(1),
    action: fc.constantFrom(
      ...Array.from({ length: 12 }, () => 'set'),
      'remove',
      'remove',
      'commit',
      'read',
      'hold',
      'forget',
    ),
    // Mostly the first, so that it has enough series to split blocks.
    metric: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(METRICS.length - 1) }),
    // `b` may be empty, so that series become equal.
    attributes: fc.record({ a: fc.nat(300), b: fc.constantFrom('', 'x') }),
    value: fc.nat(9),
  });

  test('equals one made anew, after any sequence of changes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const sources = [new MemorySource('metrics'), new MemorySource('metrics/two')];
        const kept = connected(sources);
        let held:
          { readonly text: string; readonly chunks: readonly Buffer[]; readonly release: () => void } | undefined;
        for (const { source: at, action, metric: index, attributes, value } of steps) {
          const source = sources[at]!;
          const one = METRICS[index]!;
          const histogram = {
            count: value,
            sum: value / 3,
            bucketCounts: (one.boundaries ?? []).map(() => value).concat(1),
          };
          if (action === 'set') source.set(one, attributes, one.type === 'histogram' ? histogram : value / 3);
          else if (action === 'remove') source.remove(one, attributes);
          else if (action === 'commit') source.commit();
          else if (action === 'read') kept.chunks('text');
          else if (action === 'hold' && held === undefined) {
            held = { text: textOf(kept, 'text'), chunks: kept.chunks('text'), release: kept.hold() };
          } else if (action === 'hold' && held !== undefined) {
            expect(Buffer.concat(held.chunks).toString()).toBe(held.text);
            held.release();
            held = undefined;
          } else kept.forget('text');
        }
        for (const source of sources) source.commit();
        expect(textOf(kept, 'text')).toBe(exposition(sources, 'text'));
        expect(textOf(kept, 'openmetrics')).toBe(exposition(sources, 'openmetrics'));
      }),
      { numRuns: 200 },
    );
  });

  test('equals one made anew while a thousand series come and go', () => {
    const runs = metric('runs', 'counter');
    const source = new MemorySource();
    const kept = connected([source]);
    const name = (index: number) => ({ a: String((index * 7_919) % 1_000) });
    for (let index = 0; index < 1_000; index += 1) {
      source.set(runs, name(index), index).commit();
      kept.chunks('text');
    }
    expect(textOf(kept, 'text')).toBe(exposition([source], 'text'));
    for (let index = 0; index < 990; index += 1) source.remove(runs, name(index)).commit();
    expect(textOf(kept, 'text')).toBe(exposition([source], 'text'));
    expect(textOf(kept, 'text').split('\n')).toHaveLength(12);
    for (let index = 990; index < 1_000; index += 1) source.remove(runs, name(index)).commit();
    expect(textOf(kept, 'text')).toBe('');
  });

  test('writes again only the neighbourhood of what changed', () => {
    const runs = metric('runs', 'counter');
    const source = new MemorySource();
    for (let index = 0; index < 5_000; index += 1) source.set(runs, { a: index }, 0);
    const kept = connected([source]);
    const before = new Set(kept.chunks('text').map((chunk) => chunk.toString()));
    const buffers = new Set(kept.chunks('text'));
    source.set(runs, { a: 2_500 }, 1).commit();
    const after = kept.chunks('text');
    const rewritten = after.filter((chunk) => !buffers.has(chunk) && !before.has(chunk.toString()));
    expect(rewritten).toHaveLength(1);
    expect(rewritten[0]!.toString().split('\n').length).toBeLessThan(100);
  });

  test('is the same array until something changes', () => {
    const source = new MemorySource().set(metric('runs', 'counter'), {}, 1);
    const kept = connected([source]);
    const chunks = kept.chunks('text');
    expect(kept.chunks('text')).toBe(chunks);
    source.set(metric('runs', 'counter'), {}, 2).commit();
    expect(kept.chunks('text')).not.toBe(chunks);
  });

  test('stays as it was read while somebody holds it', () => {
    const source = new MemorySource().set(metric('runs', 'counter'), {}, 1);
    const kept = connected([source]);
    const chunks = kept.chunks('text');
    const release = [kept.hold(), kept.hold()];
    for (const value of [2, 3]) {
      source.set(metric('runs', 'counter'), {}, value).commit();
      expect(textOf(kept, 'text')).toContain(`runs_total ${value}\n`);
      release.pop()?.();
    }
    expect(Buffer.concat(chunks).toString()).toContain('runs_total 1\n');
  });

  test('is written where it was, when nobody holds it and it fits', () => {
    const source = new MemorySource().set(metric('runs', 'counter'), { a: 'b' }, 1);
    const kept = connected([source]);
    const memory = () => new Set(kept.chunks('text').map((chunk) => chunk.buffer));
    const before = memory();
    source.set(metric('runs', 'counter'), { a: 'b' }, 123_456).commit();
    expect([...memory()].filter((buffer) => before.has(buffer)).length).toBeGreaterThan(0);
    expect(textOf(kept, 'text')).toBe(exposition([source], 'text'));
    source.set(metric('runs', 'counter'), { a: 'x'.repeat(1_000) }, 1).commit();
    expect(textOf(kept, 'text')).toBe(exposition([source], 'text'));
  });

  test('says which metrics are left out, and why', () => {
    const source = new MemorySource()
      .set(metric('a', 'counter'), {}, 1)
      .set(metric('a', 'gauge'), {}, 1)
      .set(metric('a', 'histogram'), {}, { count: 0, sum: 0, bucketCounts: [0, 0, 0, 0] })
      .set(metric('..', 'gauge'), {}, 1);
    const kept = connected([source]);
    expect(kept.refusals).toHaveLength(3);
    expect(kept.refusals[0]).toBe('metric .. of metrics is left out: no character of its name can be published');
    expect(kept.refusals[1]).toMatch(/^metric a of metrics is left out: published as a it would clash with metric a,/);
    source.set(metric('..', 'gauge'), {}, 2).remove(metric('a', 'gauge'), {}).commit();
    expect(textOf(kept, 'text')).toBe('# TYPE a_total counter\na_total 1\n');
  });

  test('takes in a family that comes later, and one that goes', () => {
    const source = new MemorySource();
    const kept = connected([source]);
    source.set(metric('b', 'gauge'), {}, 1).commit();
    source.set(metric('a', 'gauge'), {}, 1).commit();
    expect(textOf(kept, 'text')).toBe('# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n');
    source.remove(metric('b', 'gauge'), {});
    source.families.delete(JSON.stringify(metric('b', 'gauge')));
    source.commit();
    expect(textOf(kept, 'text')).toBe('# TYPE a gauge\na 1\n');
  });

  test('lets go of a format on request, and writes it again when it is asked for', () => {
    const source = new MemorySource().set(metric('a', 'gauge'), {}, 1);
    const kept = connected([source]);
    const chunks = kept.chunks('openmetrics');
    kept.forget('openmetrics');
    expect(kept.chunks('openmetrics')).not.toBe(chunks);
    expect(textOf(kept, 'openmetrics')).toBe(exposition([source], 'openmetrics'));
  });
});

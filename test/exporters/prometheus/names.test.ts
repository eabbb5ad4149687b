import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeHelp, escapeLabelValue, familyName, labelText } from '../../../exporters/prometheus/names.ts';
import type { Metric } from '../../../src/pipeline/signals.ts';
import { metric } from './memory-source.ts';

describe('familyName', () => {
  // The expected names are those of the Collector's and Prometheus' own tables of examples, and of the public contract.
  test.each<[string, Metric['type'], unit: string, expected: string, unitWord: string]>([
    ['agent_workflow.invocations', 'counter', '{invocation}', 'agent_workflow_invocations', ''],
    ['gen_ai.invoke_agent.duration', 'histogram', 's', 'gen_ai_invoke_agent_duration_seconds', 'seconds'],
    [
      'agent_workflow.invocation.last_start_timestamp',
      'gauge',
      's',
      'agent_workflow_invocation_last_start_timestamp_seconds',
      'seconds',
    ],
    ['agent_workflow.database.size', 'gauge', 'By', 'agent_workflow_database_size_bytes', 'bytes'],
    ['system.filesystem.usage', 'gauge', 'GiBy', 'system_filesystem_usage_gibibytes', 'gibibytes'],
    ['system.network.io', 'counter', 'By/s', 'system_network_io_bytes_per_second', 'bytes_per_second'],
    ['requests', 'gauge', '{request}/m', 'requests_per_minute', 'per_minute'],
    ['cache.hit', 'gauge', '1', 'cache_hit_ratio', 'ratio'],
    ['cache.hit.ratio', 'gauge', '1', 'cache_hit_ratio', 'ratio'],
    ['cache.hit', 'counter', '1', 'cache_hit', ''],
    ['cache.hit', 'updowncounter', '1', 'cache_hit', ''],
    ['cpu.utilization', 'gauge', '%', 'cpu_utilization_percent', 'percent'],
    ['wait.seconds', 'histogram', 's', 'wait_seconds', 'seconds'],
    ['wait_seconds_total', 'counter', 's', 'wait_seconds', 'seconds'],
    ['seconds.waited', 'counter', 's', 'seconds_waited', ''],
    ['total', 'gauge', '', 'total', ''],
    ['a..b--c', 'gauge', '', 'a_b_c', ''],
    ['2nd.run', 'gauge', '', '_2nd_run', ''],
    ['distance', 'gauge', 'parsec', 'distance_parsec', 'parsec'],
    ['mass', 'gauge', '{not a unit}', 'mass', ''],
    ['weird', 'gauge', 'constructor', 'weird_constructor', 'constructor'],
    ['speed', 'gauge', 'm/fortnight', 'speed_meters_per_fortnight', 'meters_per_fortnight'],
  ])('%s (%s, %s) becomes %s', (name, type, unit, base, unitWord) => {
    expect(familyName(metric(name, type, { unit }), '')).toEqual({ base, unit: unitWord });
  });

  test('puts the namespace in front', () => {
    expect(familyName(metric('runs', 'counter'), 'my_lab')?.base).toBe('my_lab_runs');
    expect(familyName(metric('2nd', 'counter'), 'lab')?.base).toBe('lab_2nd');
  });

  test.each(['', '.', '___', 'é'])('has no name for %j', (name) => {
    expect(familyName(metric(name, 'gauge', { unit: 's' }), 'lab')).toBeUndefined();
  });

  test('has no name for a counter of which only the suffix would be left', () => {
    expect(familyName(metric('total', 'counter'), '')).toBeUndefined();
  });
});

describe('labelText', () => {
  test('sorts labels by their name', () => {
    expect(labelText({ 'b.x': 'two', a: 'one' })).toBe('a="one",b_x="two"');
  });

  test('joins the values of names that become equal, in the order of the original names', () => {
    expect(labelText({ a_b: 'third', 'a.b': 'second', 'a-b': 'first' })).toBe('a_b="first;second;third"');
  });

  test.each([
    ['a..b', 'a_b'],
    ['__name__', 'key_name_'],
    ['1st', 'key_1st'],
    ['', 'key'],
    ['é', 'key_'],
  ])('names label %j %s', (name, label) => {
    expect(labelText({ [name]: 'x' })).toBe(`${label}="x"`);
  });

  test('tells apart names that look alike when they are written one after the other', () => {
    expect(labelText({})).toBe('');
    expect(labelText({ '': 'x' })).toBe('key="x"');
    expect(labelText({ a: 'x', b: 'y' })).toBe('a="x",b="y"');
    expect(labelText({ 'a\nb': 'x' })).toBe('a_b="x"');
  });

  test('keeps the names of the labels of buckets and summaries for those', () => {
    expect(labelText({ le: 'x', quantile: 'y' })).toBe('exported_le="x",exported_quantile="y"');
  });

  test('leaves out a label without a value, which is none to Prometheus', () => {
    expect(labelText({ a: '', b: 'x', c: '' })).toBe('b="x"');
    expect(labelText({ a: '' })).toBe('');
  });

  test('writes numbers and booleans as text', () => {
    expect(labelText({ a: 1.5, b: true })).toBe('a="1.5",b="true"');
  });

  test('does not depend on the order of the attributes', () => {
    const attributes = fc.dictionary(fc.string({ maxLength: 4 }), fc.string({ maxLength: 3 }), { maxKeys: 6 });
    fc.assert(
      fc.property(attributes, (attributes) => {
        const reversed = Object.fromEntries(Object.entries(attributes).reverse());
        expect(labelText(reversed)).toBe(labelText(attributes));
      }),
    );
  });

  test('names every label once, legally, whatever the attributes are', () => {
    const attributes = fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 4 }), fc.string({ minLength: 1 }));
    fc.assert(
      fc.property(attributes, (attributes) => {
        const names = [...labelText(attributes).matchAll(/(?:^|,)([^=",]*)="(?:[^"\\\n]|\\.)*"/g)].map(
          ([, name]) => name,
        );
        expect(new Set(names).size).toBe(names.length);
        for (const name of names) expect(name).toMatch(/^[a-zA-Z][a-zA-Z0-9_]*$/);
      }),
    );
  });
});

describe('escaping', () => {
  test.each([
    ['plain', 'plain'],
    ['a\\b', 'a\\\\b'],
    ['say "x"', 'say \\"x\\"'],
    ['two\nlines', 'two\\nlines'],
    ['tab\tand\rreturn', 'tab\tand\rreturn'],
    ['nul\0', 'nul\uFFFD'],
    ['lone \ud83d surrogate', 'lone \uFFFD surrogate'],
    ['\udc00\ud83d', '\uFFFD\uFFFD'],
    ['emoji 😀', 'emoji 😀'],
  ])('writes the label value %j as %j', (value, escaped) => {
    expect(escapeLabelValue(value)).toBe(escaped);
  });

  test('escapes quotes in HELP for OpenMetrics alone', () => {
    expect(escapeHelp('a "b"\\\n\0', true)).toBe('a \\"b\\"\\\\\\n\uFFFD');
    expect(escapeHelp('a "b"\\\n\0', false)).toBe('a "b"\\\\\\n\uFFFD');
  });

  test('is undone by the unescaping that the format prescribes', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('\\', 'n', '"', '\n', 'a') }), (value) => {
        const unescaped = escapeLabelValue(value).replace(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one));
        expect(unescaped).toBe(value);
      }),
    );
  });
});

import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { describe, expect, test } from 'vitest';
import { Exposition, exposition } from '../../../exporters/prometheus/exposition.ts';
import type { Attributes } from '../../../src/pipeline/signals.ts';
import { MemorySource, metric } from './memory-source.ts';

const RESOURCE = { 'service.name': 'a "b"\n', 'host.name': 'h', 'service.instance.id': 5 };

function about(resource: Attributes, id = 'metrics'): MemorySource {
  const source = new MemorySource(id);
  source.resource = resource;
  return source;
}

describe('target_info', () => {
  test('is what the serializer of the SDK makes of a resource', () => {
    const serializer = new PrometheusSerializer('', false, undefined, false, true);
    const [help, type, sample] = exposition([about(RESOURCE)], 'text').split('\n');
    const expected = serializer.serialize({ resource: resourceFromAttributes(RESOURCE), scopeMetrics: [] }).split('\n');
    expect([help, type]).toEqual(expected.slice(0, 2));
    const labels = (line: string | undefined) => line?.slice('target_info{'.length, -'} 1'.length).split(',').sort();
    expect(labels(sample)).toEqual(labels(expected[2]));
  });

  test('is of the type info in OpenMetrics, and comes first', () => {
    const source = about({ 'host.name': 'h' }).set(metric('a', 'gauge'), {}, 1);
    expect(exposition([source], 'openmetrics')).toBe(
      '# HELP target Target metadata\n# TYPE target info\ntarget_info{host_name="h"} 1\n# TYPE a gauge\na 1\n# EOF\n',
    );
  });

  test('has neither the namespace nor the labels of the others', () => {
    const text = exposition([about({ 'host.name': 'h' })], 'text', { namespace: 'lab', const_labels: { team: 't' } });
    expect(text).toContain('\ntarget_info{host_name="h"} 1\n');
  });

  test('is not there without anything to say', () => {
    expect(exposition([about({}), about({ empty: '' }, 'other')], 'text')).toBe('');
  });

  test('is there once for pipelines that are about the same, or about nothing', () => {
    const text = exposition([about({ a: 1, b: 2 }, 'x'), about({}, 'y'), about({ b: 2, a: 1 }, 'z')], 'text');
    expect(text.match(/^target_info/gm)).toHaveLength(1);
  });

  test('is left out, and said to be, where pipelines are about different things', () => {
    const both = new Exposition([about({ a: 1 }, 'x'), about({ a: 2 }, 'y')]);
    expect(both.text('text')).toBe('');
    expect(both.refusals).toEqual([
      'target_info is left out: the pipelines x, y have different resources, and there can be one only',
    ]);
  });

  test.each(['target', 'target.info'])('takes the name %s from a metric', (name) => {
    const named = new MemorySource().set(metric(name, 'gauge'), {}, 1);
    expect(exposition([named], 'text')).toContain('1\n');
    named.resource = { a: 1 };
    const view = new Exposition([named]);
    expect(view.refusals).toEqual([`metric ${name} of metrics is left out: its name is that of the resource's metric`]);
    expect(view.text('text').match(/^target/gm)).toEqual(['target']);
  });

  test.each(['text', 'openmetrics'] as const)('follows the resource, in what is kept ready too: %s', (format) => {
    const source = about({ a: 1 }).set(metric('m', 'gauge'), {}, 1);
    const view = new Exposition([source]);
    const ready = () => Buffer.concat([...view.chunks(format)]).toString();
    expect(ready()).toBe(view.text(format));
    for (const resource of [{ a: 2 }, {}, { b: 1 }]) {
      source.resource = resource;
      view.apply(source, []);
      expect(ready()).toBe(exposition([source], format));
      expect(ready()).toBe(view.text(format));
    }
    expect(ready()).toContain('target_info{b="1"} 1');
  });
});

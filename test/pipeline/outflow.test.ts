import { expect, test } from 'vitest';
import type { MetricDefinition, Processor, Reader } from '../../src/component.ts';
import type { Config } from '../../src/config/config.ts';
import type { Assembly } from '../../src/pipeline/assembly.ts';
import { outflows } from '../../src/pipeline/outflow.ts';

function defines(...attributes: readonly string[]): MetricDefinition {
  const metric = { name: 'm', type: 'counter', unit: '', description: '', aggregation: 'sum' } as const;
  return { metric, digest: '', ...(attributes.length === 0 ? {} : { attributes }) };
}

const renames: Processor = {
  process: (batch) => batch,
  traceAttributes: (attributes) =>
    attributes.map(({ name, treatments }) => ({ name: `new.${name}`, treatments: [...treatments, 'renamed'] })),
};
const silent: Processor = { process: (batch) => batch };

/** As far as it is asked for: lanes with readers and processors. */
function assembly(
  ...lanes: readonly (readonly [pipeline: string, Reader['metrics'], readonly Processor[]])[]
): Assembly {
  return {
    lanes: lanes.map(([pipeline, metrics, processors]) => ({
      pipeline,
      receiver: { configured: { id: 'r' }, instance: { readers: [{ metrics }] } },
      processors: processors.map((instance) => ({ configured: { id: 'other' }, instance })),
    })),
  } as unknown as Assembly;
}

function config(pipelines: Readonly<Record<string, readonly string[]>>): Config {
  const entries = Object.entries(pipelines).map(([id, exporters]) => [id, { exporters }] as const);
  return { service: { pipelines: new Map(entries) } } as unknown as Config;
}

test('attributes are followed through the processors in their order, and what is silent is named', () => {
  const [flow] = outflows(config({ metrics: ['e'] }), assembly(['metrics', [defines('a')], [renames, silent]]));
  expect(flow).toEqual({
    exporter: 'e',
    pipeline: 'metrics',
    attributes: [{ name: 'new.a', treatments: ['renamed', 'through other'] }],
  });
});

test('each exporter of a pipeline gets what all its lanes read, each attribute once, by name', () => {
  const lanes = assembly(
    ['metrics', [defines('b', 'a'), defines('a'), defines()], []],
    ['metrics', [defines('c', 'a')], []],
    ['metrics/other', [defines('d')], []],
  );
  const flows = outflows(config({ metrics: ['e', 'f'], 'metrics/other': ['g'] }), lanes);
  expect(flows.map(({ exporter, attributes }) => [exporter, attributes.map(({ name }) => name)])).toEqual([
    ['e', ['a', 'b', 'c']],
    ['f', ['a', 'b', 'c']],
    ['g', ['d']],
  ]);
});

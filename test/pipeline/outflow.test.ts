import { describe, expect, test } from 'vitest';
import type { MetricDefinition, Processor } from '../../src/component.ts';
import type { Config } from '../../src/config/config.ts';
import type { LanePlan } from '../../src/pipeline/assembly.ts';
import { outflows, type Outflow } from '../../src/pipeline/outflow.ts';
import { ruleProblems } from '../../src/pipeline/rules.ts';

function defines(...attributes: readonly string[]): MetricDefinition {
  const metric = { name: 'm', type: 'counter', unit: '', description: '', aggregation: 'sum' } as const;
  return { metric, digest: '', ...(attributes.length === 0 ? {} : { attributes }) };
}

/** Attributes that are made of something else. */
function made(metric: string, origins: Readonly<Record<string, readonly string[]>>): MetricDefinition {
  const { metric: like, ...definition } = defines(...Object.keys(origins));
  return { ...definition, metric: { ...like, name: metric }, origins: new Map(Object.entries(origins)) };
}

const renames: Processor = {
  process: (batch) => batch,
  traceAttributes: (attributes) =>
    attributes.map(({ name, treatments }) => ({ name: `new.${name}`, treatments: [...treatments, 'renamed'] })),
};
const silent: Processor = { process: (batch) => batch };
const hides = (hidden: 'values' | 'folders'): Processor => ({
  process: (batch) => batch,
  traceAttributes: (attributes) => attributes.map((one) => ({ ...one, treatments: [hidden], hidden })),
});
const dropsM: Processor = {
  process: (batch) => batch,
  traceAttributes: (attributes, { name }) => (name === 'm' ? undefined : attributes),
};
const recalls: Processor = { process: (batch) => batch, recall: () => undefined };

type Lane = readonly [pipeline: string, MetricDefinition[], readonly Processor[]];

/** As far as it is asked for: lanes with readers and processors. */
function lanesOf(lanes: readonly Lane[]): LanePlan[] {
  return lanes.map(([pipeline, metrics, processors]) => ({
    pipeline,
    signal: 'metrics',
    receiver: { configured: { id: 'r' }, instance: { readers: [{ metrics }] } },
    processors: processors.map((instance, index) => ({ configured: { id: `p/${index}` }, instance })),
  })) as unknown as LanePlan[];
}

const PRIVACY = { sensitive_attributes: ['*session_id', '*cwd'], allow: [] as string[] };

function config(
  pipelines: Readonly<Record<string, readonly string[]>>,
  privacy = PRIVACY,
): Pick<Config, 'service' | 'place'> {
  const entries = Object.entries(pipelines).map(([id, exporters]) => [id, { exporters }] as const);
  const place: Config['place'] = ({ path, message }) => `${path.join('::')}: ${message}`;
  return { service: { pipelines: new Map(entries), privacy }, place } as unknown as Pick<Config, 'service' | 'place'>;
}

function flowsOf(
  pipelines: Readonly<Record<string, readonly string[]>>,
  ...lanes: readonly Lane[]
): readonly Outflow[] {
  return outflows(config(pipelines), lanesOf(lanes));
}

function problems(lane: readonly [MetricDefinition[], readonly Processor[]], allow: string[] = []): readonly string[] {
  const found = ruleProblems(config({ metrics: ['e', 'f'] }, { ...PRIVACY, allow }), lanesOf([['metrics', ...lane]]));
  return found.map(({ message }) => message);
}

test('attributes are followed through the processors in their order, and what is silent is named', () => {
  const [flow] = flowsOf({ metrics: ['e'] }, ['metrics', [defines('a')], [renames, silent]]);
  expect(flow).toEqual({
    exporter: 'e',
    pipeline: 'metrics',
    attributes: [{ name: 'new.a', treatments: ['renamed', 'through p/1'], metrics: ['m'] }],
    resource: [],
  });
});

test('each exporter of a pipeline gets what all its lanes read, each attribute once, by name', () => {
  const flows = flowsOf(
    { metrics: ['e', 'f'], 'metrics/other': ['g'], 'metrics/none': ['h'] },
    ['metrics', [defines('b', 'a'), defines('a'), defines()], []],
    ['metrics', [defines('c', 'a')], []],
    ['metrics/other', [defines('d')], []],
  );
  expect(flows.map(({ exporter, attributes }) => [exporter, attributes.map(({ name }) => name)])).toEqual([
    ['e', ['a', 'b', 'c']],
    ['f', ['a', 'b', 'c']],
    ['g', ['d']],
    ['h', []],
  ]);
});

test('what a receiver could make counts, not what its readers happen to be', () => {
  const [lane] = lanesOf([['metrics', [], []]]);
  const waiting = {
    ...lane!,
    receiver: { instance: { readers: [], metrics: [defines('session_id')] } },
  } as unknown as LanePlan;
  expect(ruleProblems(config({ metrics: ['e'] }), [waiting])).toHaveLength(1);
});

test('a metric that is dropped takes its attributes with it', () => {
  const [flow] = flowsOf({ metrics: ['e'] }, ['metrics', [defines('a'), made('n', { b: [] })], [dropsM, silent]]);
  expect(flow?.attributes.map(({ name }) => name)).toEqual(['b']);
});

test('what a processor says of the resource is part of it', () => {
  const says: Processor = { ...silent, traceResource: (before) => [...before, { name: 'host.name', treatments: [] }] };
  const [flow] = flowsOf({ metrics: ['e'] }, ['metrics', [], [silent, says]]);
  expect(flow?.resource.map(({ name }) => name)).toEqual(['host.name']);
});

describe('the privacy rule', () => {
  test('refuses a sensitive attribute that leaves as it is, with its metric, exporters, glob and remedies', () => {
    expect(problems([[defines('sessionId')], []])).toEqual([
      'service::pipelines::metrics::processors: attribute sessionId of metric m would reach e and f as it is; sessionId is sensitive (service::privacy::sensitive_attributes has "*session_id"): put a hash processor for this attribute into the pipeline, leave it out, or list "sessionId" in service::privacy::allow',
    ]);
    expect(problems([[defines('tool')], []])).toEqual([]);
  });

  test('takes a path without its folders, but no session id that was looked into for paths', () => {
    const strip = hides('folders');
    expect(problems([[defines('cwd')], [strip]])).toEqual([]);
    expect(problems([[defines('session.id')], [strip]])).toHaveLength(1);
    expect(problems([[defines('cwd')], []])[0]).toContain('put a strip_paths or hash processor into the pipeline');
    expect(problems([[defines('cwd', 'session_id')], [hides('values')]])).toEqual([]);
  });

  test('is not deceived by what hides nothing, nor by another name', () => {
    expect(problems([[defines('session_id')], [silent]])[0]).toContain('with no more done to it than: through p/0');
    const [note] = problems([[made('m', { note: ['tool', 'cwd', 'session_id'] })], [hides('folders')]]);
    expect(note).toContain(
      'attribute note of metric m, made from session_id, would reach e and f with no more done to it than: folders;',
    );
    expect(note).toContain('list "note" in service::privacy::allow');
  });

  test('lets pass what is allowed by the name under which it leaves', () => {
    const lane = [[made('m', { note: ['cwd'] }), made('n', { note: ['cwd'] })], []] as const;
    expect(problems([[...lane[0]], []])[0]).toContain(
      'attribute note of metrics m, n, made from cwd, would reach e and f as it is;',
    );
    expect(problems([[...lane[0]], []], ['cwd'])).toHaveLength(1);
    expect(problems([[...lane[0]], []], ['no*'])).toEqual([]);
  });

  test('tells of every attribute why it may leave', () => {
    const flows = outflows(
      config({ metrics: ['e'] }, { ...PRIVACY, allow: ['note'] }),
      lanesOf([['metrics', [made('m', { note: ['cwd'], tool: [], session_id: [] })], []]]),
    );
    expect(flows[0]?.attributes.map(({ name, sensitive }) => [name, sensitive?.permittedBy])).toEqual([
      ['note', { allow: 'note' }],
      ['session_id', undefined],
      ['tool', undefined],
    ]);
    const hidden = flowsOf({ metrics: ['e'] }, ['metrics', [defines('session_id')], [hides('values')]]);
    expect(hidden[0]?.attributes[0]?.sensitive).toEqual({
      name: 'session_id',
      glob: '*session_id',
      mustHide: 'values',
      permittedBy: 'hidden',
    });
  });
});

test('a processor that depends on the series before must be the last', () => {
  expect(problems([[], [silent, recalls]])).toEqual([]);
  expect(problems([[], [recalls, silent]])).toEqual([
    'service::pipelines::metrics::processors::0: p/0 must be the last processor, and p/1 comes after it',
  ]);
});

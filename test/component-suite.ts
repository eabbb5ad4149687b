import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Component, Factory, Processor, Settings } from '../src/component.ts';
import { typeName, type SettingSchema } from '../src/commands/settings-table.ts';
import { SchemaCheck } from '../src/config/schema.ts';
import type { Batch } from '../src/pipeline/signals.ts';
import { metricsIn } from './processors/points.ts';

export interface Suite {
  /** Settings that are valid and harmless to create and start here; what is left out is filled with its default. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What code passes; the rest is silent and stands still. */
  readonly settings?: Partial<Settings>;
}

/** What every component must hold, run first by its tests. The README's table has the columns Setting, Type, Default, Description. */
export function componentSuite(factory: Factory, suite: Suite): void {
  const folder = path.join(import.meta.dirname, '..', `${factory.kind}s`, factory.type);
  const create = (): Promise<Component> =>
    factory.create(filledConfig(factory, suite.config), testSettings(factory.type, suite.settings));

  describe(`as every ${factory.kind}`, () => {
    test('is named after its folder, which has a README, config, factory', () => {
      const missing = ['README.md', 'config.ts', 'factory.ts'].filter((file) => !existsSync(path.join(folder, file)));
      expect(missing).toEqual([]);
    });

    test('says in one sentence what it is, and which signals it takes', () => {
      expect(factory.summary).toMatch(/^[A-Z].*\.$/);
      expect(new Set(factory.signals).size).toBe(factory.signals.length);
    });

    test('has a schema of draft-07', () => {
      const ajv = new Ajv({ strict: false });
      void ajv.validateSchema({ $schema: 'http://json-schema.org/draft-07/schema#', ...factory.schema });
      expect(ajv.errors ?? []).toEqual([]);
    });

    test('has a closed schema that describes every setting', () => {
      expect(schemaFaults(asSchema(factory.schema), [])).toEqual([]);
    });

    test('accepts its settings with every default filled in, and no unknown key', () => {
      const config = filledConfig(factory, suite.config);
      expect(new SchemaCheck().check(factory.schema, structuredClone(config)).errors).toEqual([]);
      const unknown = { ...suite.config, no_such_setting: 1 };
      expect(new SchemaCheck().check(factory.schema, unknown).errors).not.toEqual([]);
    });

    test('has no problem with its settings', async () => {
      expect((await factory.check?.(filledConfig(factory, suite.config))) ?? []).toEqual([]);
    });

    test('has a README whose table of settings is the schema', () => {
      expect(tableOf(readFileSync(path.join(folder, 'README.md'), 'utf8'))).toEqual(rowsOf(asSchema(factory.schema)));
    });

    test('starts, and shuts down twice', async () => {
      const component = await create();
      await component.start?.();
      await component.shutdown?.();
      await component.shutdown?.();
    });

    test('shuts down without a start', async () => {
      await (await create()).shutdown?.();
    });
  });
}

export interface ProcessorSuite extends Suite {
  /** A batch that the processor changes, and one that it leaves alone. */
  readonly changed: Batch;
  readonly unchanged: Batch;
}

export function processorSuite(factory: Factory<unknown, Processor>, suite: ProcessorSuite): void {
  componentSuite(factory, suite);
  const started = async (): Promise<Processor> => {
    const config = filledConfig(factory, suite.config);
    const processor = await factory.create(config, testSettings(factory.type, suite.settings));
    await processor.start?.();
    return processor;
  };

  describe('as every processor', () => {
    test('never changes its input', async () => {
      const before = structuredClone(suite.changed);
      const after = (await started()).process(deepFreeze(suite.changed));
      expect(suite.changed).toEqual(before);
      expect(after).not.toEqual(before);
    });

    test('gives the same for the same, in another instance too', async () => {
      const processor = await started();
      const first = processor.process(suite.changed);
      expect(processor.process(suite.changed)).toEqual(first);
      expect((await started()).process(structuredClone(suite.changed))).toEqual(first);
    });

    test('gives the same attributes object for the same attributes object', async () => {
      const processor = await started();
      const first = attributeObjects(processor.process(suite.changed));
      const second = attributeObjects(processor.process(suite.changed));
      expect(first.length).toBeGreaterThan(0);
      expect(second.every((attributes, index) => attributes === first[index])).toBe(true);
    });

    test('traces every attribute that it lets through, and says of those it changes how', async () => {
      const processor = await started();
      if (processor.traceAttributes === undefined) return;
      for (const points of metricsIn(suite.changed)) {
        const batch: Batch = { signal: 'metrics', metrics: [points] };
        const before = pairsOf(batch);
        const names = [...new Set([...before.values()].map(([name]) => name))];
        const untreated = names.map((name) => ({ name, treatments: [] }));
        const traced = processor.traceAttributes(untreated, points.metric) ?? [];
        const treated = traced.filter(({ treatments }) => treatments.length > 0).map(({ name }) => name);
        for (const [pair, [name]] of pairsOf(processor.process(batch))) {
          expect(before.has(pair) ? traced.map((attribute) => attribute.name) : treated).toContain(name);
        }
      }
    });

    test('passes on the very batch that it has nothing to do with', async () => {
      expect((await started()).process(suite.unchanged)).toBe(suite.unchanged);
    });

    test('makes nothing of nothing', async () => {
      expect((await started()).process({ signal: 'metrics', metrics: [] })).toBeUndefined();
    });

    test('passes on a snapshot without points: its series are gone', async () => {
      const metric = { name: 'm', type: 'gauge', unit: '', description: '', aggregation: 'last' } as const;
      const empty: Batch = { signal: 'metrics', metrics: [{ metric, mode: 'snapshot', points: [] }] };
      expect((await started()).process(empty)).toBe(empty);
    });
  });
}

/** Settings for a component under test: no storage, no log, a clock that stands still. */
export function testSettings(id: string, settings: Partial<Settings> = {}): Settings {
  const quiet = (): void => undefined;
  return {
    id,
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    now: () => 0,
    storage: () => undefined,
    authenticator: () => {
      throw new Error('there is no authenticator here');
    },
    clientAuthenticator: () => {
      throw new Error('there is no authenticator here');
    },
    ...settings,
  };
}

/** A copy of the settings with their defaults, as the configuration would pass them. */
export function filledConfig<T>(factory: Factory<T>, config: Readonly<Record<string, unknown>>): T {
  const { value, errors } = new SchemaCheck().check<T>(factory.schema, structuredClone(config));
  if (value === undefined) throw new Error(`not valid: ${JSON.stringify(errors, undefined, 2)}`);
  return value;
}

function attributeObjects(batch: Batch | undefined): readonly object[] {
  return metricsIn(batch).flatMap((points) =>
    ('histograms' in points ? points.histograms : points.points).map((point) => point.attributes),
  );
}

/** Attribute names and values, each pair once. */
function pairsOf(batch: Batch | undefined): ReadonlyMap<string, readonly [name: string, value: unknown]> {
  const pairs = attributeObjects(batch).flatMap((attributes) => Object.entries(attributes));
  return new Map(pairs.map((pair) => [JSON.stringify(pair), pair]));
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

// ------------------------------------------------------------------------------------------------ the schema as settings

function asSchema(schema: object): SettingSchema {
  return schema;
}

/** Where a schema is open, or silent about a setting. */
function schemaFaults(schema: SettingSchema, at: readonly string[]): readonly string[] {
  const place = at.join('::') || 'the settings';
  const faults: string[] = [];
  if (schema.type === 'object' && (schema.additionalProperties ?? true) === true) faults.push(`${place}: open`);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (!property.description) faults.push(`${[...at, name].join('::')}: no description`);
    faults.push(...schemaFaults(property, [...at, name]));
  }
  const inner = [schema.items, schema.additionalProperties, ...(schema.anyOf ?? [])];
  for (const one of inner) if (typeof one === 'object') faults.push(...schemaFaults(one, [...at, '*']));
  return faults;
}

interface Row {
  readonly setting: string;
  readonly type: string;
  /** The value; 'required' where there must be one, null where there is none. */
  readonly default: unknown;
}

function rowsOf(schema: SettingSchema, prefix = ''): readonly Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    if (property.properties !== undefined) return rowsOf(property, `${prefix}${name}::`);
    const fallback = schema.required?.includes(name) === true ? 'required' : (property.default ?? null);
    return [{ setting: prefix + name, type: typeName(property), default: fallback }];
  });
}

/** The rows of the first table that begins with `| Setting | Type | Default |`; a default is YAML, an empty one null. */
function tableOf(readme: string): readonly Row[] {
  const lines = readme.split('\n');
  const head = lines.findIndex((line) => /^\| *Setting *\| *Type *\| *Default *\|/.test(line));
  if (head < 0) return [];
  const rows = lines.slice(head + 2);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return rows.slice(0, end < 0 ? rows.length : end).map((line) => {
    const [, setting = '', type = '', fallback = ''] = line.split('|').map((cell) => cell.trim().replaceAll('`', ''));
    return { setting, type, default: parse(fallback) as unknown };
  });
}

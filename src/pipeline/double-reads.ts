import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { MetricDefinition, Reader } from '../component.ts';
import type { Config, ConfiguredComponent } from '../config/config.ts';
import type { Problem } from '../errors.ts';
import { sinkOf, type LanePlan } from './assembly.ts';
import { tracedAttributes } from './outflow.ts';
import type { Signal, Subject } from './signals.ts';

/** Two ways of one table to one exporter. */
interface DoubleRead {
  readonly exporter: string;
  readonly signal: Signal;
  readonly first: Way;
  readonly second: Way;
  readonly tables: Set<string>;
  /** Of metrics, or of kinds of spans or log records. */
  readonly names: Set<string>;
}

interface Way {
  readonly receiver: ConfiguredComponent;
  readonly file: string;
}

/** The same metric of the same table, read twice on the way to an exporter, would be counted twice there; a record, sent twice. */
export function doubleReads({ service }: Pick<Config, 'service'>, lanes: readonly LanePlan[]): Problem[] {
  const exporters = new Set([...service.pipelines.values()].flatMap((pipeline) => pipeline.exporters));
  return [...exporters].flatMap((exporter) => {
    const reaching = lanes.filter(
      (lane) =>
        service.pipelines.get(lane.pipeline)?.exporters.includes(exporter) === true &&
        [lane.signal, exporter].includes(sinkOf(lane)),
    );
    return doubledOf(exporter, reaching).map(problemOf);
  });
}

function doubledOf(exporter: string, lanes: readonly LanePlan[]): readonly DoubleRead[] {
  const counted = new Map<string, Way>();
  const doubled = new Map<string, DoubleRead>();
  for (const { receiver, processors, signal } of lanes) {
    for (const reader of receiver.instance.readers) {
      const { table } = reader;
      if (table === undefined) continue;
      const second: Way = { receiver: receiver.configured, file: table.file };
      for (const definition of addends(reader)) {
        if (tracedAttributes(definition, processors) === undefined) continue;
        const { name, identity } = definition;
        const key = JSON.stringify([realFile(table.file), table.name.toLowerCase(), identity]);
        const first = counted.get(key) ?? second;
        counted.set(key, first);
        // A mapping may say that several of its entries add up.
        if (first.receiver.id === second.receiver.id && first.file === second.file) continue;
        const pair = JSON.stringify([signal, first.receiver.id, first.file, second.receiver.id, second.file]);
        const double = doubled.get(pair) ?? { exporter, signal, first, second, tables: new Set(), names: new Set() };
        double.tables.add(table.name);
        double.names.add(name);
        doubled.set(pair, double);
      }
    }
  }
  return [...doubled.values()];
}

/** `identity`: of two readers of one table, those that are equal are the same. */
interface Addend extends Subject, Pick<MetricDefinition, 'attributes'> {
  readonly identity: string;
}

/** What of a table is more when it is there twice: of a gauge, the same value twice is one. */
function addends({ metrics, records = [] }: Reader): readonly Addend[] {
  return [
    ...metrics
      .filter(({ metric }) => metric.aggregation === 'sum')
      .map((definition) => ({ ...definition, name: definition.metric.name, identity: definition.metric.name })),
    ...records.map((definition) => ({ ...definition, name: definition.title, identity: definition.digest })),
  ];
}

/** By whatever symbolic links it is named; it need not be there yet. */
function realFile(path: string): string {
  for (const [existing, rest] of [
    [path, ''],
    [dirname(path), basename(path)],
  ] as const) {
    try {
      return join(realpathSync(existing), rest);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
  return path;
}

function problemOf({ exporter, signal, first, second, tables, names }: DoubleRead): Problem {
  const [name = '', ...others] = names;
  const counts = `${name}${others.length === 0 ? '' : ` and ${others.length} more`}`;
  const twice = signal === 'metrics' ? `count ${counts} of ${[...tables].join(', ')} twice` : `be sent ${counts} twice`;
  const isOne = first.receiver.id === second.receiver.id;
  const also =
    first.file === second.file
      ? `${second.file} is read by receiver "${first.receiver.id}", too`
      : `${second.file} is the same file as ${first.file}, which ${isOne ? 'it names, too' : `receiver "${first.receiver.id}" reads`}`;
  const remedy = isOne
    ? 'name the file once'
    : `take one of the two receivers out, let only one of them make these ${signal === 'metrics' ? 'metrics' : 'records'}, or give one an exporter of its own`;
  const message = `${also}: exporter "${exporter}" would ${twice}; ${remedy}`;
  return { path: [], message: second.receiver.place({ path: ['database'], message }) };
}

import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { MetricDefinition } from '../component.ts';
import type { Config, ConfiguredComponent } from '../config/config.ts';
import type { Problem } from '../errors.ts';
import type { LanePlan } from './assembly.ts';
import { tracedAttributes } from './outflow.ts';

/** Two ways of one table to one exporter. */
interface DoubleRead {
  readonly exporter: string;
  readonly first: Way;
  readonly second: Way;
  readonly tables: Set<string>;
  readonly metrics: Set<string>;
}

interface Way {
  readonly receiver: ConfiguredComponent;
  readonly file: string;
}

/** The same metric of the same table, read twice on the way to an exporter, would be counted twice there. */
export function doubleReads({ service }: Pick<Config, 'service'>, lanes: readonly LanePlan[]): Problem[] {
  const exporters = new Set([...service.pipelines.values()].flatMap((pipeline) => pipeline.exporters));
  return [...exporters].flatMap((exporter) => {
    const reaching = lanes.filter((lane) => service.pipelines.get(lane.pipeline)?.exporters.includes(exporter));
    return doubledOf(exporter, reaching).map(problemOf);
  });
}

function doubledOf(exporter: string, lanes: readonly LanePlan[]): readonly DoubleRead[] {
  const counted = new Map<string, Way>();
  const doubled = new Map<string, DoubleRead>();
  for (const { receiver, processors } of lanes) {
    for (const { table, metrics } of receiver.instance.readers) {
      if (table === undefined) continue;
      const second: Way = { receiver: receiver.configured, file: table.file };
      for (const definition of metrics) {
        if (
          !adds(definition) ||
          tracedAttributes({ ...definition, name: definition.metric.name }, processors) === undefined
        )
          continue;
        const { name } = definition.metric;
        const key = JSON.stringify([realFile(table.file), table.name.toLowerCase(), name]);
        const first = counted.get(key) ?? second;
        counted.set(key, first);
        // A mapping may say that several of its entries add up.
        if (first.receiver.id === second.receiver.id && first.file === second.file) continue;
        const pair = JSON.stringify([first.receiver.id, first.file, second.receiver.id, second.file]);
        const double = doubled.get(pair) ?? { exporter, first, second, tables: new Set(), metrics: new Set() };
        double.tables.add(table.name);
        double.metrics.add(name);
        doubled.set(pair, double);
      }
    }
  }
  return [...doubled.values()];
}

/** Of a gauge, the same value twice is one. */
function adds({ metric }: MetricDefinition): boolean {
  return metric.aggregation === 'sum';
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

function problemOf({ exporter, first, second, tables, metrics }: DoubleRead): Problem {
  const [metric = '', ...others] = metrics;
  const counts = `${metric}${others.length === 0 ? '' : ` and ${others.length} more`} of ${[...tables].join(', ')}`;
  const isOne = first.receiver.id === second.receiver.id;
  const also =
    first.file === second.file
      ? `${second.file} is read by receiver "${first.receiver.id}", too`
      : `${second.file} is the same file as ${first.file}, which ${isOne ? 'it names, too' : `receiver "${first.receiver.id}" reads`}`;
  const remedy = isOne
    ? 'name the file once'
    : 'take one of the two receivers out, let only one of them make these metrics, or give one an exporter of its own';
  const message = `${also}: exporter "${exporter}" would count ${counts} twice; ${remedy}`;
  return { path: [], message: second.receiver.place({ path: ['database'], message }) };
}

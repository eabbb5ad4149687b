import type { Processor, TracedAttribute } from '../component.ts';
import type { Config } from '../config/config.ts';
import type { Assembly, Built, LanePlan } from './assembly.ts';

/** What leaves through one exporter of one pipeline. */
export interface Outflow {
  readonly exporter: string;
  readonly pipeline: string;
  /** By name; one name may leave in several ways. */
  readonly attributes: readonly TracedAttribute[];
}

/** Which attributes reach which exporter, and what was done to them on the way: told by what is mapped, not by rows. */
export function outflows({ service }: Config, { lanes }: Assembly): readonly Outflow[] {
  return [...service.pipelines].flatMap(([pipeline, { exporters }]) => {
    const attributes = distinct(lanes.filter((lane) => lane.pipeline === pipeline).flatMap(attributesOf));
    return exporters.map((exporter) => ({ exporter, pipeline, attributes }));
  });
}

function attributesOf({ receiver, processors }: LanePlan): readonly TracedAttribute[] {
  const read = receiver.instance.readers.flatMap(({ metrics }) =>
    metrics.flatMap(({ attributes = [] }) => attributes.map((name) => ({ name, treatments: [] }))),
  );
  return processors.reduce(traced, distinct(read));
}

function traced(
  attributes: readonly TracedAttribute[],
  { instance, configured }: Built<Processor>,
): readonly TracedAttribute[] {
  if (instance.traceAttributes !== undefined) return instance.traceAttributes(attributes);
  return attributes.map(({ name, treatments }) => ({ name, treatments: [...treatments, `through ${configured.id}`] }));
}

function distinct(attributes: readonly TracedAttribute[]): readonly TracedAttribute[] {
  const byText = new Map(
    attributes.map((attribute) => [JSON.stringify([attribute.name, attribute.treatments]), attribute]),
  );
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, attribute]) => attribute);
}

import type { MetricDefinition, Processor, TracedAttribute } from '../component.ts';
import type { Config } from '../config/config.ts';
import { firstMatch, mustHide, type PrivacyConfig } from '../config/privacy.ts';
import { sinkOf, type Built, type LanePlan } from './assembly.ts';
import type { Subject } from './signals.ts';

/** What leaves through one exporter of one pipeline. */
export interface Outflow {
  readonly exporter: string;
  readonly pipeline: string;
  /** By name; one name may leave in several ways. */
  readonly attributes: readonly LeavingAttribute[];
  /** Of what the pipeline is about. */
  readonly resource: readonly TracedAttribute[];
}

export interface LeavingAttribute extends TracedAttribute {
  /** Names of those that may carry it, metrics or kinds of records. */
  readonly metrics: readonly string[];
  /** Absent: not sensitive. */
  readonly sensitive?: Sensitivity;
}

/** Why the values of an attribute must not be seen, and why it leaves all the same. */
export interface Sensitivity {
  /** The name that is sensitive: its own, or where its values come from. */
  readonly name: string;
  /** Of service::privacy::sensitive_attributes. */
  readonly glob: string;
  /** What has to be hidden of it. */
  readonly mustHide: 'values' | 'folders';
  /** Absent: nothing does. */
  readonly permittedBy?: 'hidden' | { readonly allow: string };
}

/**
 * Which attributes reach which exporter, and what was done to them on the way. Exact as far as names go: receivers name
 * every attribute that they can make, and processors say what becomes of each. Told by the configuration, not by rows.
 */
export function outflows({ service }: Pick<Config, 'service'>, lanes: readonly LanePlan[]): readonly Outflow[] {
  const judge = judgeOf(service.privacy);
  return [...service.pipelines].flatMap(([pipeline, { exporters }]) => {
    return exporters.map((exporter) => {
      const own = lanes.filter((lane) => lane.pipeline === pipeline && [lane.signal, exporter].includes(sinkOf(lane)));
      const attributes = distinct(own.flatMap(attributesOf)).map(judge);
      return { exporter, pipeline, attributes, resource: resourceOf(own[0]) };
    });
  });
}

/** What the lanes of a pipeline have in common. Only what the configuration says: no receiver tells of a resource. */
function resourceOf(lane: LanePlan | undefined): readonly TracedAttribute[] {
  const processors = lane?.processors ?? [];
  return processors.reduce<readonly TracedAttribute[]>(
    (attributes, { instance }) => instance.traceResource?.(attributes) ?? attributes,
    [],
  );
}

function attributesOf({ receiver: { instance }, processors }: LanePlan): readonly LeavingAttribute[] {
  const metrics = instance.metrics ?? instance.readers.flatMap((reader) => reader.metrics);
  const records = instance.records ?? instance.readers.flatMap((reader) => reader.records ?? []);
  const definitions = [
    ...metrics.map((definition) => ({ ...definition, name: definition.metric.name })),
    ...records.map((definition) => ({ ...definition, name: definition.title })),
  ];
  return definitions.flatMap((definition) => {
    const traced = tracedAttributes(definition, processors) ?? [];
    return traced.map((attribute) => ({ ...attribute, metrics: [definition.name] }));
  });
}

/** How its attributes leave the processors of a lane; undefined: nothing of it does. */
export function tracedAttributes(
  definition: Subject & Pick<MetricDefinition, 'attributes' | 'origins'>,
  processors: LanePlan['processors'],
): readonly TracedAttribute[] | undefined {
  return processors.reduce<readonly TracedAttribute[] | undefined>(
    (attributes, processor) => attributes && trace(attributes, processor, definition),
    (definition.attributes ?? []).map((name) => mapped(name, definition)),
  );
}

function mapped(name: string, { origins }: Pick<MetricDefinition, 'origins'>): TracedAttribute {
  const from = origins?.get(name);
  return { name, treatments: [], ...(from === undefined || from.length === 0 ? {} : { origins: from }) };
}

function trace(
  attributes: readonly TracedAttribute[],
  { instance, configured }: Built<Processor>,
  subject: Subject,
): readonly TracedAttribute[] | undefined {
  if (instance.traceAttributes !== undefined) return instance.traceAttributes(attributes, subject);
  return attributes.map((attribute) => ({
    ...attribute,
    treatments: [...attribute.treatments, `through ${configured.id}`],
  }));
}

/** Those that differ in nothing but their metrics as one. */
function distinct(attributes: readonly LeavingAttribute[]): readonly LeavingAttribute[] {
  const byText = new Map<string, LeavingAttribute>();
  for (const { metrics, ...attribute } of attributes) {
    const { name, treatments, hidden = '', origins = [] } = attribute;
    const key = JSON.stringify([name, treatments, hidden, origins]);
    byText.set(key, { ...attribute, metrics: [...new Set([...(byText.get(key)?.metrics ?? []), ...metrics])] });
  }
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, attribute]) => attribute);
}

/** Of several reasons, one that nothing permits comes first. */
function judgeOf({ sensitive_attributes, allow }: PrivacyConfig): (attribute: LeavingAttribute) => LeavingAttribute {
  const sensitiveAs = firstMatch(sensitive_attributes);
  const allowedAs = firstMatch(allow);
  return (attribute) => {
    const { name: ownName, hidden, origins = [] } = attribute;
    const allowed = allowedAs(ownName);
    const found = [ownName, ...origins].flatMap((name): Sensitivity[] => {
      const glob = sensitiveAs(name);
      if (glob === undefined) return [];
      const wanted = mustHide(name);
      const isHidden = hidden === 'values' || hidden === wanted;
      if (isHidden) return [{ name, glob, mustHide: wanted, permittedBy: 'hidden' }];
      return [{ name, glob, mustHide: wanted, ...(allowed !== undefined && { permittedBy: { allow: allowed } }) }];
    });
    const sensitive = found.find(({ permittedBy }) => permittedBy === undefined) ?? found[0];
    return sensitive === undefined ? attribute : { ...attribute, sensitive };
  };
}

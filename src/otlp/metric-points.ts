import type { MetricSource, Series } from '../component.ts';
import { attributesKey, type Attributes, type Metric } from '../pipeline/signals.ts';

/** A series as it is sent: of one source, or of several that are one at the other side. */
export interface MetricPoint {
  readonly metric: Metric;
  readonly members: { readonly series: Series }[];
}

/** What is sent as one resource: series of equal names and attributes would overwrite each other there. */
export interface ResourcePoints {
  readonly resource: Attributes;
  readonly points: readonly MetricPoint[];
}

/** All series of the sources, in the order of their metrics; their values are those of the moment when they are looked at. */
export function pointsOf(sources: readonly MetricSource[]): readonly ResourcePoints[] {
  const byResource = new Map<string, MetricSource[]>();
  for (const source of sources) {
    const key = attributesKey(source.resource);
    byResource.set(key, [...(byResource.get(key) ?? []), source]);
  }
  return [...byResource.values()].map((own) => ({ resource: own[0]!.resource, points: merged(own) }));
}

function merged(sources: readonly MetricSource[]): readonly MetricPoint[] {
  const [only, ...others] = sources;
  if (only === undefined || others.length > 0) return mergedByKey(sources);
  // Nearly always, and several times as fast.
  const points: MetricPoint[] = [];
  for (const { metric, series: all } of only.families.values()) {
    for (const series of all.values()) points.push({ metric, members: [{ series }] });
  }
  return points;
}

function mergedByKey(sources: readonly MetricSource[]): readonly MetricPoint[] {
  const metrics = new Map<string, Map<string, MetricPoint>>();
  for (const { families } of sources) {
    for (const [id, { metric, series: all }] of families) {
      const points = metrics.get(id) ?? new Map<string, MetricPoint>();
      metrics.set(id, points);
      for (const [key, series] of all) {
        const point = points.get(key);
        if (point === undefined) points.set(key, { metric, members: [{ series }] });
        else point.members.push({ series });
      }
    }
  }
  return [...metrics.values()].flatMap((points) => [...points.values()]);
}

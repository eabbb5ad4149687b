import type { ExporterStatus, Failure, PipelineStatus, Status } from '../component.ts';
import type { Assembly, LanePlan } from './assembly.ts';
import type { Lane } from './lane.ts';

export interface StatusSources {
  readonly startTimeMs: number;
  readonly assembly: Assembly;
  /** Those that have been created. */
  readonly lanes: readonly { readonly plan: LanePlan; readonly lane: Lane }[];
  /** Of extensions, by id. */
  readonly failures: ReadonlyMap<string, Failure>;
}

/** How everything is doing that an assembly holds. */
export function statusOf({ startTimeMs, assembly, lanes, failures }: StatusSources): Status {
  return {
    startTimeMs,
    extensions: assembly.extensions.map(({ configured: { id }, instance }) => ({
      id,
      failure: failures.get(id) ?? instance.failure,
    })),
    pipelines: assembly.stores.map((store): PipelineStatus => {
      const plans = assembly.lanes.filter(({ pipeline }) => pipeline === store.id);
      return {
        id: store.id,
        progress: store.progress(),
        receivers: plans.map((plan) => ({
          id: plan.receiver.configured.id,
          readers: lanes.find((running) => running.plan === plan)?.lane.status ?? [],
        })),
        processors: plans[0]?.processors.map(({ configured }) => configured.id) ?? [],
        exporters: assembly.exporters.flatMap(({ configured, sources }) =>
          sources.some(({ id }) => id === store.id) ? [configured.id] : [],
        ),
        withheld: withheldBy(plans),
      };
    }),
    exporters: assembly.exporters.map(({ configured, instance, sources }): ExporterStatus => ({
      id: configured.id,
      sent: sources.reduce((points, { sent }) => points + sent, 0),
      failed: sources.reduce((points, { failed }) => points + failed, 0),
      failure: instance.failure,
    })),
  };
}

function withheldBy(plans: readonly LanePlan[]): PipelineStatus['withheld'] {
  const sums = new Map<string, PipelineStatus['withheld'][number]>();
  for (const { instance, configured } of plans.flatMap(({ processors }) => processors)) {
    for (const [metric, points] of instance.withheld ?? []) {
      const key = JSON.stringify([configured.id, metric]);
      const before = sums.get(key)?.points ?? 0;
      sums.set(key, { processor: configured.id, metric, points: before + points });
    }
  }
  return [...sums.values()];
}

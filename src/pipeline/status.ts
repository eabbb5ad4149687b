import type { ExporterCounts, ExporterStatus, Failure, PipelineStatus, ReceiverStatus, Status } from '../component.ts';
import type { Config } from '../config/config.ts';
import type { Assembly, ExporterPlan, LanePlan } from './assembly.ts';
import { ExportLane } from './export-lane.ts';
import type { RunningLane } from './lanes.ts';
import type { Signal } from './signals.ts';

export interface StatusSources {
  readonly startTimeMs: number;
  readonly pipelines: Config['service']['pipelines'];
  readonly assembly: Assembly;
  /** Those that have been created. */
  readonly lanes: readonly RunningLane[];
  /** Of extensions, by id. */
  readonly failures: ReadonlyMap<string, Failure>;
}

/** How everything is doing that an assembly holds. */
export function statusOf({ startTimeMs, pipelines, assembly, lanes, failures }: StatusSources): Status {
  return {
    startTimeMs,
    extensions: assembly.extensions.map(({ configured: { id }, instance }) => ({
      id,
      failure: failures.get(id) ?? instance.failure,
    })),
    pipelines: [...pipelines].map(([id, { signal, exporters }]): PipelineStatus => {
      const plans = assembly.lanes.filter(({ pipeline }) => pipeline === id);
      return {
        id,
        signal,
        progress: assembly.stores.find((store) => store.id === id)?.progress(),
        receivers: plans.map((plan): ReceiverStatus => ({
          id: plan.receiver.configured.id,
          ...(plan.signal === 'metrics' ? {} : { exporter: plan.exporter.configured.id }),
          readers: lanes.find((running) => running.plan === plan)?.lane.status ?? [],
        })),
        processors: plans[0]?.processors.map(({ configured }) => configured.id) ?? [],
        exporters: [...new Set(exporters)],
        withheld: withheldBy(plans),
      };
    }),
    exporters: assembly.exporters.map((plan) => exporterStatus(plan, lanes)),
  };
}

function exporterStatus(
  { configured: { id }, instance, sources }: ExporterPlan,
  lanes: readonly RunningLane[],
): ExporterStatus {
  const counts = new Map<Signal, ExporterCounts>();
  if (sources.length > 0) {
    const pushed = 'pushed' in instance ? instance.pushed : undefined;
    counts.set('metrics', pushed ?? sources.reduce(added, { sent: 0, failed: 0 }));
  }
  let failure = instance.failure;
  for (const { plan, lane } of lanes) {
    if (!(lane instanceof ExportLane) || plan.signal === 'metrics' || plan.exporter.instance !== instance) continue;
    counts.set(plan.signal, added(counts.get(plan.signal) ?? { sent: 0, failed: 0 }, lane.counts));
    failure ??= lane.exportFailure;
  }
  return { id, counts, failure };
}

function added(a: ExporterCounts, b: ExporterCounts): ExporterCounts {
  return { sent: a.sent + b.sent, failed: a.failed + b.failed };
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

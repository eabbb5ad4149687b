import type { Config } from '../config/config.ts';
import type { Problem } from '../errors.ts';
import type { LanePlan } from './assembly.ts';
import { doubleReads } from './double-reads.ts';
import { outflows } from './outflow.ts';

/** What is wrong with pipelines as a whole, however right each of their components is; each message with its place. */
export function ruleProblems(
  config: Pick<Config, 'service' | 'place'>,
  lanes: readonly LanePlan[],
): readonly Problem[] {
  const ofPipelines = [...config.service.pipelines.keys()].flatMap((pipeline) => {
    const own = lanes.filter((lane) => lane.pipeline === pipeline);
    const problems = [...misplaced(own[0]), ...exposed(config, pipeline, own)];
    const at = ['service', 'pipelines', pipeline];
    return problems.map(({ path, message }) => ({
      path: [],
      message: config.place({ path: [...at, ...path], message }),
    }));
  });
  return [...ofPipelines, ...doubleReads(config, lanes)];
}

/** One that depends on the series before knows them as they leave the pipeline: nothing may change them after it. */
function misplaced(lane: LanePlan | undefined): Problem[] {
  const processors = lane?.processors ?? [];
  return processors.flatMap(({ instance, configured }, index) => {
    const after = processors[index + 1];
    if (instance.recall === undefined || after === undefined) return [];
    const message = `${configured.id} must be the last processor, and ${after.configured.id} comes after it`;
    return [{ path: ['processors', index], message }];
  });
}

/** Sensitive attributes that would leave although nothing hides them and nobody allowed it. */
function exposed(config: Pick<Config, 'service'>, pipeline: string, lanes: readonly LanePlan[]): Problem[] {
  // Whatever the exporter, the way to it is the same.
  const flows = outflows(config, lanes).filter((flow) => flow.pipeline === pipeline);
  const exporters = flows.map(({ exporter }) => exporter).join(' and ');
  const isMetrics = lanes[0]?.signal === 'metrics';
  return (flows[0]?.attributes ?? []).flatMap((attribute) => {
    const { name, metrics, treatments, sensitive } = attribute;
    if (sensitive === undefined || sensitive.permittedBy !== undefined) return [];
    const kind = metrics.length === 1 ? 'metric ' : 'metrics ';
    const of = `${isMetrics ? kind : ''}${metrics.join(', ')}`;
    const made = sensitive.name === name ? '' : `, made from ${sensitive.name},`;
    const how = treatments.length === 0 ? 'as it is' : `with no more done to it than: ${treatments.join(', ')}`;
    const reason = `${sensitive.name} is sensitive (service::privacy::sensitive_attributes has "${sensitive.glob}")`;
    const processor =
      sensitive.mustHide === 'folders' ? 'a strip_paths or hash processor' : 'a hash processor for this attribute';
    const remedy = `put ${processor} into the pipeline, leave it out, or list "${name}" in service::privacy::allow`;
    const message = `attribute ${name} of ${of}${made} would reach ${exporters} ${how}; ${reason}: ${remedy}`;
    return [{ path: ['processors'], message }];
  });
}

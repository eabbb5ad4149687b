import { attributesKey, type Attributes } from '../../src/pipeline/signals.ts';
import { labelText } from './names.ts';
import type { Format } from './writer.ts';

/** What the family and its sample are called: no metric may take these names beside it. */
export const TARGET_NAMES: readonly string[] = ['target', 'target_info'];

/**
 * The resource as the one metric that "Prometheus and OpenMetrics Compatibility" makes of it: its labels are the resource's
 * attributes and nothing else, whatever namespace and labels the others have. Empty where there is none.
 */
export function targetInfo(resource: Attributes | undefined, format: Format): string {
  if (resource === undefined) return '';
  const [name, type] = format === 'openmetrics' ? ['target', 'info'] : ['target_info', 'gauge'];
  return `# HELP ${name} Target metadata\n# TYPE ${name} ${type}\ntarget_info{${labelText(resource)}} 1\n`;
}

/** The resources that say something, each once. */
export function distinctResources(resources: readonly Attributes[]): readonly Attributes[] {
  const byKey = new Map(resources.map((resource) => [attributesKey(resource), resource]));
  return [...byKey.values()].filter((resource) => labelText(resource) !== '');
}

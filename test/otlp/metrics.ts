import { MemorySource, metric } from '../exporters/prometheus/memory-source.ts';

export const CALLS = metric('agent_workflow.tool_calls', 'counter', { unit: '{call}', description: 'Calls.' });
export const ACTIVE = metric('agent_workflow.active', 'updowncounter', { unit: '{call}' });
export const SIZE = metric('agent_workflow.size', 'gauge', { unit: 'By' });
export const LATENCY = metric('gen_ai.execute_tool.duration', 'histogram', { unit: 's', boundaries: [0.1, 1] });

/** One metric of each type. */
export function oneOfEach(id = 'metrics'): MemorySource {
  return new MemorySource(id)
    .set(CALLS, { tool: 'Bash', attempt: 2, retried: true }, 17)
    .set(CALLS, { tool: 'Read' }, 0.5)
    .set(ACTIVE, {}, -3)
    .set(SIZE, {}, 2 ** 53)
    .set(LATENCY, { tool: 'Bash' }, { count: 3, sum: 4.5, bucketCounts: [1, 0, 2] });
}

import { MemorySource, metric } from './memory-source.ts';

/** Every type of metric, and every value, label and description that is awkward in the text formats. */
export function awkwardSource(): MemorySource {
  const source = new MemorySource();
  const calls = metric('agent_workflow.tool_calls', 'counter', {
    unit: '{call}',
    description: 'Settled tool calls: a "quoted" word, a back\\slash\nand a second line.',
  });
  const labels = (tool: string) => ({ 'gen_ai.tool.name': tool, 'agent_workflow.status': 'completed' });
  for (const [value, tool] of [
    'Bash',
    'mcp__files__read',
    'a "quoted" tool',
    'C:\\tools\\x',
    'two\nlines',
    'tab\tand\rreturn',
    'control \u0001\u007f\u0085',
    'nul \0 byte',
    'emoji 😀 and ünïcode',
    'lone \ud83d surrogate',
    '{braces="in",it}',
    ' # spaces ',
  ].entries()) {
    source.set(calls, labels(tool), value * 1_000_003);
  }

  const duration = metric('gen_ai.execute_tool.duration', 'histogram', {
    unit: 's',
    description: 'Duration of tool calls.',
    boundaries: [0.00001, 0.01, 0.25, 1, 81.92, 1_000, 5242.88, 86_400, 1_000_000, 1.5e21],
  });
  source.set(duration, {}, { count: 0, sum: 0, bucketCounts: Array.from({ length: 11 }, () => 0) });
  source.set(
    duration,
    { 'error.type': 'timeout' },
    { count: 28, sum: 1e21 / 3, bucketCounts: [1, 0, 2, 3, 0, 5, 6, 0, 7, 0, 4] },
  );

  const gauge = metric('agent_workflow.temperature', 'gauge', { unit: 'Cel', description: 'Awkward numbers.' });
  for (const value of [0, -0, 1, -1.5, 0.1 + 0.2, 1e21, 5e-324, 2 ** 53, NaN, Infinity, -Infinity]) {
    source.set(gauge, { value: Object.is(value, -0) ? '-0' : String(value) }, value);
  }
  source.set(metric('agent_workflow.database.size', 'gauge', { unit: 'By', description: 'Size.' }), {}, 4_096);
  source.set(metric('agent_workflow.cache.hit', 'gauge', { unit: '1', description: 'Share of hits.' }), {}, 0.75);
  source.set(
    metric('agent_workflow.invocations.active', 'updowncounter', { unit: '{invocation}', description: 'Open.' }),
    { 'gen_ai.agent.name': 'my-plugin:reviewer', le: 'not a bucket' },
    3,
  );
  source.set(metric('agent_workflow.sessions', 'counter', { description: 'Sessions.' }), {}, 7);
  const gone = metric('agent_workflow.gone', 'gauge', { description: 'A family without series is not written.' });
  source.set(gone, {}, 1).remove(gone, {});
  return source;
}

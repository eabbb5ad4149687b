import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { Endpoint } from './endpoints.ts';

export interface Guide {
  readonly folder: string;
  readonly metrics: Endpoint;
  readonly ownMetrics: Endpoint;
  readonly health: Endpoint;
  readonly prometheus: Endpoint;
}

const GRAPHS = [
  ['tool calls a second', 'sum by (gen_ai_tool_name) (rate(agent_workflow_tool_calls_total[1m]))'],
  ['agents at work', 'sum by (gen_ai_agent_name) (agent_workflow_invocations_active)'],
] as const;

/** What to open or type. Writes what Prometheus needs for it into the folder. */
export function guide({ folder, metrics, ownMetrics, health, prometheus }: Guide): string {
  const taken = [metrics, ownMetrics, health].flatMap(({ address, instead }) =>
    instead === undefined ? [] : [`Port ${instead} is taken, so this uses ${address}.\n`],
  );
  return `${taken.join('')}
  curl -s http://${metrics.address}/metrics | grep agent_workflow_invocations
  curl -s http://${ownMetrics.address}/metrics     # how agentcol itself is doing
  curl -s http://${health.address}/status

${graphs(folder, metrics.address, prometheus.address)}
Ctrl-C ends it, and leaves nothing behind.
`;
}

function graphs(folder: string, metrics: string, prometheus: string): string {
  if (spawnSync('prometheus', ['--version']).error !== undefined) {
    return `Prometheus would draw graphs of it; there is none here (Debian package prometheus).\n`;
  }
  const config = path.join(folder, 'prometheus.yml');
  fs.writeFileSync(
    config,
    `global: { scrape_interval: 2s }
scrape_configs:
  - job_name: agentcol
    static_configs: [{ targets: ['${metrics}'] }]
`,
  );
  const links = GRAPHS.map(([title, expression]) => {
    const query = new URLSearchParams({ 'g0.expr': expression, 'g0.tab': '0', 'g0.range_input': '10m' });
    return `  http://${prometheus}/graph?${String(query)}   # ${title}\n`;
  });
  return `Graphs, in another terminal; end Prometheus before the demo:

  prometheus --config.file=${config} --storage.tsdb.path=${path.join(folder, 'prometheus')} --web.listen-address=${prometheus} --log.level=error

${links.join('')}`;
}

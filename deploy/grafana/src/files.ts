import { agents } from './agents.ts';
import { collectorHealth } from './collector-health.ts';
import { overview } from './overview.ts';
import { sessions } from './sessions.ts';
import { tools } from './tools.ts';

/** File name -> its text: the dashboards as they are committed. */
export const files: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'overview.json': overview,
    'agents.json': agents,
    'tools.json': tools,
    'sessions.json': sessions,
    'collector-health.json': collectorHealth,
  }).map(([name, dashboard]) => [name, `${JSON.stringify(dashboard, null, 2)}\n`]),
);

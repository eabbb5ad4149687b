import { expect, test } from 'vitest';
import { factories } from '../../src/components.ts';
import { loadConfig } from '../../src/config/config.ts';

const FILE = 'otel-config.yaml';

test('the shipped configuration is right, and waits for the database where the hooks write it', async () => {
  const config = await loadConfig({ files: [FILE], env: {}, homeDirectory: '/home/me' }, factories);
  expect(config.warnings).toEqual([]);
  expect(config.receivers.get('sqlite/agents')?.settings).toMatchObject({
    database: '/home/me/.local/share/agentcol/agent_workflow.db',
    preset: 'agent_workflow',
    storage: 'file_storage',
  });
  expect(config.exporters.get('prometheus')?.settings).toMatchObject({ endpoint: '127.0.0.1:9465' });
  expect(config.service.pipelines.get('metrics')).toEqual({
    signal: 'metrics',
    receivers: ['sqlite/agents'],
    processors: ['hash', 'strip_paths'],
    exporters: ['prometheus'],
  });
});

test.each([
  [{ AGENT_WORKFLOW_DB: '/d/a.db', XDG_DATA_HOME: '/data' }, '/d/a.db'],
  [{ XDG_DATA_HOME: '/data' }, '/data/agentcol/agent_workflow.db'],
  [{ AGENT_WORKFLOW_DB: '', XDG_DATA_HOME: '' }, '/home/me/.local/share/agentcol/agent_workflow.db'],
])('with %j it reads %s', async (env, database) => {
  const config = await loadConfig({ files: [FILE], env, homeDirectory: '/home/me' }, factories);
  expect(config.receivers.get('sqlite/agents')?.settings).toMatchObject({ database });
});

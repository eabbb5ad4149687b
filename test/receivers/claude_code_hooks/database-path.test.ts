import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import { hookDatabasePath } from '../../../receivers/claude_code_hooks/database-path.ts';
import { resolvePath, substitute } from '../../../src/config/substitute.ts';
import { ROOT } from '../../program.ts';

const home = { homeDirectory: '/home/alice', workingDirectory: '/work/project' };
/** What a collector with the shipped configuration reads, in that environment. */
function collectorReads(env: Readonly<Record<string, string>>): string {
  const config: unknown = parse(fs.readFileSync(path.join(ROOT, 'otel-config.yaml'), 'utf8'));
  const written = (config as { receivers: { 'sqlite/agents': { database: string } } }).receivers['sqlite/agents'];
  const around = { env, homeDirectory: home.homeDirectory };
  return resolvePath(substitute(written.database, home.workingDirectory, around), home.workingDirectory, around);
}

describe('the database that events go to', () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ['nothing is set', {}],
    ['AGENT_WORKFLOW_DB is set', { AGENT_WORKFLOW_DB: '/srv/agents.db', XDG_DATA_HOME: '/data' }],
    ['AGENT_WORKFLOW_DB begins at home', { AGENT_WORKFLOW_DB: '~/agents.db' }],
    ['AGENT_WORKFLOW_DB is relative', { AGENT_WORKFLOW_DB: 'logs/agents.db' }],
    ['AGENT_WORKFLOW_DB is empty', { AGENT_WORKFLOW_DB: '' }],
    ['XDG_DATA_HOME is set', { XDG_DATA_HOME: '/data' }],
    ['XDG_DATA_HOME is empty', { XDG_DATA_HOME: '' }],
  ])('is the one that the shipped configuration reads, where %s', (_, env) => {
    expect(hookDatabasePath(undefined, { ...home, env })).toBe(collectorReads(env));
  });

  test('a named one comes before all others', () => {
    const env = { AGENT_WORKFLOW_DB: '/srv/agents.db' };
    expect(hookDatabasePath('/tmp/x y.db', { ...home, env })).toBe('/tmp/x y.db');
    expect(hookDatabasePath('~/x.db', { ...home, env })).toBe('/home/alice/x.db');
    expect(hookDatabasePath('x.db', { ...home, env })).toBe('/work/project/x.db');
  });
});

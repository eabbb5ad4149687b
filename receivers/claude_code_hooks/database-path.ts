import path from 'node:path';

/** Where else a database may be named. */
export interface PathSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
  readonly workingDirectory: string;
}

/**
 * Absolute path of the database that events go to: `named`, else AGENT_WORKFLOW_DB, else the default of otel-config.yaml.
 * As there, an empty one counts as unset, and `~` is the home directory.
 */
export function hookDatabasePath(named: string | undefined, around: PathSurroundings): string {
  const { env, homeDirectory, workingDirectory } = around;
  const file =
    named || env.AGENT_WORKFLOW_DB || path.join(env.XDG_DATA_HOME || '~/.local/share', 'agentcol', 'agent_workflow.db');
  if (file === '~' || file.startsWith('~/')) return path.join(homeDirectory, file.slice(1));
  return path.resolve(workingDirectory, file);
}

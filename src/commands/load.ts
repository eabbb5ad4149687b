import { existsSync } from 'node:fs';
import path from 'node:path';
import { factories } from '../components.ts';
import { loadConfig, type Config } from '../config/config.ts';
import { packageFolder } from '../package.ts';

const CONFIG_FILE = 'otel-config.yaml';

export interface Loaded {
  readonly config: Config;
  /** As named by the user, or the default. */
  readonly files: readonly string[];
}

/** Rejects with ConfigError. Without files: the one in the current folder, else the one of the package. */
export async function load(files: readonly string[], sets: readonly string[]): Promise<Loaded> {
  if (files.length > 0) return { config: await loadConfig({ files, sets }, factories), files };
  if (existsSync(CONFIG_FILE)) return load([CONFIG_FILE], sets);
  const shipped = [path.join(packageFolder(), CONFIG_FILE)];
  // AGENT_WORKFLOW_DB=agents.db is a file of this folder, not of the package's.
  const config = await loadConfig({ files: shipped, sets, directory: process.cwd() }, factories);
  return { config, files: shipped };
}

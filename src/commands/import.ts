import { homedir } from 'node:os';
import type { Progress } from '../component.ts';
import { ConfigError } from '../errors.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { ImportCommand } from './command-line.ts';
import { print } from './print.ts';
import { showProgress } from './progress.ts';
import { StatusLine } from './status-line.ts';

/** Brings recorded payloads and transcripts into the hooks' database; 1 when a file could not be read, or nothing of all. Rejects with ConfigError. */
export async function importHistory({ paths, database: named }: ImportCommand, stop: AbortSignal): Promise<number> {
  const { hookDatabasePath } = await import('../../receivers/claude_code_hooks/database-path.ts');
  const { HookDatabaseError } = await import('../../receivers/claude_code_hooks/hook-database-error.ts');
  const { describeImport, isUnreadable } = await import('../../receivers/claude_code_hooks/import/summary.ts');
  const { importFiles } = await import('../../receivers/claude_code_hooks/import/import.ts');
  const surroundings = { env: process.env, homeDirectory: homedir(), workingDirectory: process.cwd() };
  const database = hookDatabasePath(named, surroundings);
  const line = new StatusLine(process.stderr);
  const logger = createLogger({ level: 'info', stream: line });
  let far: Progress | undefined = { read: 0, total: 0 };
  const shown = showProgress({
    sources: [{ progress: () => far }],
    line,
    logger,
    what: { name: 'import', unit: 'bytes' },
  });
  const problem = (message: string): void => {
    line.write(`${message}\n`);
  };
  const progress = (read: number, total: number): void => {
    far = { read, total };
  };
  try {
    const summary = await importFiles({ database, paths, stop, problem, progress });
    shown[Symbol.dispose]();
    await print(describeImport(summary, database));
    return stop.aborted || summary.unreadable > 0 || isUnreadable(summary) ? 1 : 0;
  } catch (error) {
    if (error instanceof HookDatabaseError) throw new ConfigError(error.message, { cause: error });
    throw error;
  } finally {
    far = undefined;
    shown[Symbol.dispose]();
    logger.flush();
  }
}

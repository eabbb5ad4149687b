import { homedir } from 'node:os';
import { hookDatabasePath } from '../../receivers/claude_code_hooks/database-path.ts';
import { HookDatabaseError } from '../../receivers/claude_code_hooks/hook-database-error.ts';
import { importFiles, type ImportSummary } from '../../receivers/claude_code_hooks/import/import.ts';
import { prepareHookDatabase } from '../../receivers/claude_code_hooks/prepare.ts';
import type { Progress } from '../component.ts';
import { ConfigError } from '../errors.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { ImportCommand } from './command-line.ts';
import { print } from './print.ts';
import { showProgress } from './progress.ts';
import { StatusLine } from './status-line.ts';

/** Brings recorded payloads and transcripts into the hooks' database; 1 when a file could not be read. Rejects with ConfigError. */
export async function importHistory({ paths, database }: ImportCommand, stop: AbortSignal): Promise<number> {
  const surroundings = { env: process.env, homeDirectory: homedir(), workingDirectory: process.cwd() };
  const file = hookDatabasePath(database, surroundings);
  const db = open(file);
  const line = new StatusLine(process.stderr);
  const logger = createLogger({ level: 'info', stream: line });
  let progress: Progress | undefined = { read: 0, total: 0 };
  const shown = showProgress({
    sources: [{ progress: () => progress }],
    line,
    logger,
    what: { name: 'import', unit: 'bytes' },
  });
  try {
    const summary = await importFiles({
      db,
      paths,
      stop,
      problem: (message) => {
        line.write(`${message}\n`);
      },
      progress: (read, total) => (progress = { read, total }),
    });
    progress = undefined;
    shown[Symbol.dispose]();
    await print(describeImport(summary, file));
    return stop.aborted || summary.unreadable > 0 ? 1 : 0;
  } finally {
    shown[Symbol.dispose]();
    logger.flush();
    db.close();
  }
}

function open(file: string): ReturnType<typeof prepareHookDatabase> {
  try {
    return prepareHookDatabase(file);
  } catch (error) {
    if (error instanceof HookDatabaseError) throw new ConfigError(error.message, { cause: error });
    throw error;
  }
}

/** What became of it, a line each; nothing of what is not there. */
export function describeImport(summary: ImportSummary, file: string): string {
  const refused = [...summary.refused.values()].reduce((sum, count) => sum + count, 0);
  const reasons = [...summary.refused].map(([reason, count]) => `${reason} ${count}`).join(', ');
  const lines: readonly (readonly [count: number, text: string])[] = [
    [summary.events, 'events stored'],
    [summary.requests, 'requests to the model, each stored once'],
    [summary.repeated - summary.toldBefore, 'events were there already'],
    [summary.toldBefore, 'recorded payloads left out: hooks or a transcript told of their sessions before'],
    [refused, `payloads refused, as hooks would have refused them (${reasons})`],
    [summary.broken, 'lines left out: not JSON, or too long'],
    [summary.unrecognised, 'values left out: neither a payload nor a record of a transcript'],
    [summary.unreadable, 'files or folders could not be read'],
  ];
  const told = lines.filter(([count]) => count > 0).map(([count, text]) => `  ${count.toLocaleString('en')} ${text}\n`);
  return `read ${summary.files.toLocaleString('en')} files into ${file}\n${told.join('')}`;
}

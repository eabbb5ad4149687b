import { chmodSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { ConfigError, describeError } from '../../../src/errors.ts';
import { httpHooksOf, programsOf, type HookProgram } from './hook-entry.ts';
import { readBackups, readSettingsFile, rewriteSettingsFile, type Rewrite } from './settings-file.ts';
import { readHooks, withHooks, withoutHooks, type HookSettings } from './settings-text.ts';

export const SCOPES = ['user', 'project', 'local'] as const;
export type Scope = (typeof SCOPES)[number];

/** What stands in for no settings file at all. */
const NOTHING = '{}\n';

const OTHERS = 0o077;

/** The settings file of a scope: of this user, or of the project in the current folder. */
export function settingsFileOf(scope: Scope): string {
  switch (scope) {
    case 'user': {
      const folder = process.env['CLAUDE_CONFIG_DIR'];
      return path.join(
        folder === undefined || folder === '' ? path.join(homedir(), '.claude') : folder,
        'settings.json',
      );
    }
    case 'project':
      return path.resolve('.claude', 'settings.json');
    case 'local':
      return path.resolve('.claude', 'settings.local.json');
  }
}

/** undefined where there is no file. Throws ConfigError: "FILE:LINE:COLUMN: ...". */
export function readInstalled(file: string): HookSettings | undefined {
  const text = readSettingsFile(file);
  if (text === undefined) return undefined;
  try {
    return readHooks(text);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`${file}:${error.message}`, { cause: error });
    throw error;
  }
}

interface Options {
  readonly dryRun: boolean;
}

/**
 * Puts agentcol into the list of every event. A file that will hold a token is made readable to its owner alone before.
 * Rejects with ConfigError, and then nothing else has changed.
 */
export async function install(file: string, program: HookProgram, options: Options): Promise<Rewrite> {
  if (!options.dryRun && program.http !== undefined && 'value' in program.http.token) makePrivate(file);
  return rewriteSettingsFile(file, (text) => withHooks(text ?? NOTHING, program), options);
}

/** What install replaces a file by has its mode, and so have the copies that it keeps. */
function makePrivate(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined || (stats.mode & OTHERS) === 0) return;
  try {
    chmodSync(file, stats.mode & 0o700);
  } catch (error) {
    throw new ConfigError(`${file}: make it private, since it will hold a token: ${describeError(error)}`, {
      cause: error,
    });
  }
}

/**
 * Takes out whatever runs agentcol, and what that leaves empty. Where nothing but install has changed the file since a backup
 * was made of it, it becomes that again to the byte; one that install made goes. Rejects with ConfigError, as install does.
 */
export async function uninstall(file: string, options: Options): Promise<Rewrite> {
  return rewriteSettingsFile(file, (text) => (text === undefined ? undefined : restored(text, file)), options);
}

function restored(text: string, file: string): string | undefined {
  const { own } = readHooks(text);
  const [command] = programsOf(own);
  if (command !== undefined) {
    const [http] = httpHooksOf(own);
    const program = { ...command, ...(http === undefined ? {} : { http }) };
    const backup = readBackups(file).find((kept) => kept !== text && isInstalledFrom(kept, text, program));
    if (backup !== undefined) return backup;
    if (withHooks(NOTHING, program) === text) return undefined;
  }
  return withoutHooks(text);
}

function isInstalledFrom(before: string, text: string, program: HookProgram): boolean {
  try {
    return readHooks(before).own.length === 0 && withHooks(before, program) === text;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { ConfigError, describeError } from '../errors.ts';
import { packageFolder } from '../package.ts';
import { contentOf, describeContent } from './hooks-content.ts';
import { httpHookFor, httpReceiverOf, type HttpReceiver } from './hooks-http.ts';
import type { HooksOptions, HttpOptions, RecordingOptions } from './hooks-options.ts';
import { describeScopes, lookAtScopes } from './hooks-status.ts';
import { print } from './print.ts';
import { unifiedDiff } from './unified-diff.ts';

type InstallOptions = Extract<HooksOptions, { action: 'install' }>;
type UninstallOptions = Extract<HooksOptions, { action: 'uninstall' }>;

/** Puts `agentcol hook` into Claude Code's settings, takes it out, or tells where it is. Rejects with ConfigError. */
export async function hooks(options: HooksOptions, main = mainFile()): Promise<number> {
  switch (options.action) {
    case 'install':
      await print(await install(options, main));
      return 0;
    case 'uninstall':
      await print(await uninstall(options));
      return 0;
    case 'status': {
      const scopes = await lookAtScopes(options);
      const token = scopes.some(({ http }) => http.length > 0) ? await tokenFileFor(options.files ?? []) : null;
      const json = { scopes, token_file: token };
      const told = token === null ? '' : `the token that hooks show is in ${token}\n`;
      await print(options.json ? `${JSON.stringify(json, undefined, 2)}\n` : describeScopes(scopes) + told);
      return 0;
    }
  }
}

/** This very program, as a hook calls it. */
export function mainFile(): string {
  return path.join(packageFolder(), 'dist/src/main.cjs');
}

async function install(options: InstallOptions, main: string): Promise<string> {
  const { install, settingsFileOf, readInstalled } =
    await import('../../receivers/claude_code_hooks/install/install.ts');
  const { programsOf } = await import('../../receivers/claude_code_hooks/install/hook-entry.ts');
  const file = options.settings ?? settingsFileOf(options.scope ?? 'user');
  const settings = readInstalled(file);
  // Installed again, for a Node that has moved, it goes on with the database that it has.
  const receiver = options.http === undefined ? undefined : await receiverOf(options.http);
  const named =
    options.database ??
    receiver?.database ??
    (settings === undefined ? undefined : programsOf(settings.own)[0]?.database);
  const database = await databasePath(named);
  const shared = options.scope === 'project';
  const http =
    options.http && (await httpHookFor(receiver, { endpoint: options.http.endpoint, shared, dryRun: options.dryRun }));
  const program = { node: process.execPath, main, database, ...(http === undefined ? {} : { http }) };
  if (!existsSync(main)) throw new ConfigError(`${main} is missing: agentcol has to be built before it is installed`);
  // What cannot be written is known before anything is.
  const planned = await install(file, program, { dryRun: true });
  if (options.dryRun) return describePlan(planned) + describePatch(database, options);
  const content = await prepare(database, options);
  const { target, before, after, backup } = await install(file, program, options);
  const lines = [
    before === after
      ? `${target}: agentcol is installed already`
      : `${target}: agentcol installed${backup === undefined ? '' : `; what was there is kept as ${backup}`}`,
    `events go to ${database}`,
    ...content,
  ];
  if (http !== undefined) {
    lines.push(`and over HTTP to ${http.url}, but for SessionStart, for which an agent only runs commands`);
    lines.push('its receiver writes capture_content of the configuration into the database when it starts');
    if ('variable' in http.token)
      lines.push(`with the token in ${http.token.variable}, which the agent's environment must have`);
  }
  if (settings?.disableAllHooks === true) lines.push('disableAllHooks is true there: no hook runs until you remove it');
  if (options.scope === 'project') {
    lines.push('others who have this project get paths of this machine with it: --scope local is for you alone');
  }
  return `${lines.join('\n')}\n`;
}

/** What is shown may be copied. */
function withoutTokens(text: string): string {
  return text.replaceAll(/\bBearer [^"$\s]+/g, 'Bearer [REDACTED]');
}

interface Plan {
  readonly target: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

function describePlan({ target, before, after }: Plan): string {
  return withoutTokens(unifiedDiff(target, before, after)) || `${target}: nothing to change\n`;
}

/** A line for each setting that is to be written. */
function describePatch(database: string, options: RecordingOptions): string {
  const inWords = (value: boolean | number): string =>
    typeof value === 'number' ? String(value) : value ? 'on' : 'off';
  return Object.entries(patchOf(options))
    .map(([name, value]) => `${database}: ${name} is to be ${inWords(value)}\n`)
    .join('');
}

async function receiverOf({ files, sets }: HttpOptions): Promise<HttpReceiver | undefined> {
  const { load } = await import('./load.ts');
  return httpReceiverOf((await load(files, sets)).config);
}

/** null where the configuration does not tell. */
async function tokenFileFor(files: readonly string[]): Promise<string | null> {
  try {
    const receiver = await receiverOf({ files, sets: [], endpoint: undefined });
    if (receiver?.tokenDirectory === undefined) return null;
    const { tokenFile } = await import('../../receivers/claude_code_hooks/token.ts');
    return tokenFile(receiver.tokenDirectory);
  } catch (error) {
    // Status tells of the agents' settings; validate tells what is wrong with these.
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

/** Returns lines that say whether content is stored. */
async function prepare(database: string, options: RecordingOptions): Promise<readonly string[]> {
  const { prepareHookDatabase } = await import('../../receivers/claude_code_hooks/prepare.ts');
  const { writeHookSettings } = await import('../../receivers/claude_code_hooks/settings.ts');
  try {
    const db = prepareHookDatabase(database);
    try {
      writeHookSettings(db, patchOf(options));
      return describeContent(await contentOf(db));
    } finally {
      db.close();
    }
  } catch (error) {
    throw new ConfigError(`prepare ${database}: ${describeError(error)}`, { cause: error });
  }
}

function patchOf({ captureContent, maxInputBytes, maxStoredTextBytes, maxDepth }: RecordingOptions) {
  return {
    ...(captureContent === undefined ? {} : { capture_content: captureContent }),
    ...(maxInputBytes === undefined ? {} : { max_input_bytes: maxInputBytes }),
    ...(maxStoredTextBytes === undefined ? {} : { max_stored_text_bytes: maxStoredTextBytes }),
    ...(maxDepth === undefined ? {} : { max_depth: maxDepth }),
  };
}

async function uninstall(options: UninstallOptions): Promise<string> {
  const { uninstall, settingsFileOf } = await import('../../receivers/claude_code_hooks/install/install.ts');
  const file = options.settings ?? settingsFileOf(options.scope ?? 'user');
  const rewrite = await uninstall(file, options);
  if (options.dryRun) return describePlan(rewrite);
  const { target, before, after, backup } = rewrite;
  if (before === after) return `${target}: agentcol is not installed\n`;
  if (after === undefined) return `${target}: agentcol removed, and with it the file, which held nothing else\n`;
  return `${target}: agentcol removed; what was there is kept as ${backup ?? 'nothing'}\n`;
}

/** Where events go: as `named`, or as for `agentcol hook`. */
export async function databasePath(named: string | undefined): Promise<string> {
  const { hookDatabasePath } = await import('../../receivers/claude_code_hooks/database-path.ts');
  return hookDatabasePath(named, { env: process.env, homeDirectory: homedir(), workingDirectory: process.cwd() });
}

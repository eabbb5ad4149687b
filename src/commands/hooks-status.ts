import { accessSync, constants, existsSync } from 'node:fs';
import { ConfigError, describeError } from '../errors.ts';
import { captureContentOf } from './hooks-content.ts';
import type { HooksOptions } from './hooks-options.ts';

/** What one settings file says of agentcol. */
export interface LookedAt {
  readonly scope: string;
  readonly file: string;
  readonly exists: boolean;
  /** Why it cannot be read; null: it can, or there is none. */
  readonly error: string | null;
  readonly disable_all_hooks: boolean;
  /** Names of events that are passed on, and of those that are wanted and are not. */
  readonly events: readonly string[];
  readonly missing: readonly string[];
  /** Events that agentcol gets twice, and those of which it gets only some. */
  readonly repeated: readonly string[];
  readonly limited: readonly string[];
  /** Hooks of others. */
  readonly others: number;
  readonly programs: readonly Program[];
  /** Where events go over HTTP; the variable that holds the token, or null: the settings hold it. */
  readonly http: readonly { readonly url: string; readonly token_variable: string | null }[];
}

interface Program {
  readonly node: string;
  readonly main: string;
  readonly database: string;
  readonly node_exists: boolean;
  readonly main_exists: boolean;
  readonly database_exists: boolean;
  /** Whether prompts, inputs and outputs are stored; null: that cannot be told. */
  readonly capture_content: boolean | null;
}

type Chosen = Pick<HooksOptions, 'scope' | 'settings'>;

/** The file or scope that was named, else all three. */
export async function lookAtScopes({ scope, settings }: Chosen): Promise<readonly LookedAt[]> {
  const { SCOPES, settingsFileOf } = await import('../../receivers/claude_code_hooks/install/install.ts');
  if (settings !== undefined) return [await lookAt('named', settings)];
  if (scope !== undefined) return [await lookAt(scope, settingsFileOf(scope))];
  // In the home folder, the project's file is the user's.
  const files = new Map(SCOPES.toReversed().map((one) => [settingsFileOf(one), one]));
  return Promise.all([...files].toReversed().map(([file, one]) => lookAt(one, file)));
}

async function lookAt(scope: string, file: string): Promise<LookedAt> {
  const { readInstalled } = await import('../../receivers/claude_code_hooks/install/install.ts');
  const { HOOK_EVENTS, httpHooksOf, matchesAll, programsOf } =
    await import('../../receivers/claude_code_hooks/install/hook-entry.ts');
  const nothing = { events: [], missing: HOOK_EVENTS, repeated: [], limited: [], others: 0, programs: [], http: [] };
  try {
    const settings = readInstalled(file);
    if (settings === undefined) {
      return { scope, file, exists: false, error: null, disable_all_hooks: false, ...nothing };
    }
    const { own, others, disableAllHooks } = settings;
    const events = own.map(({ event }) => event);
    const whole = own.filter(({ matcher }) => matchesAll(matcher)).map(({ event }) => event);
    const unique = [...new Set(events)];
    return {
      scope,
      file,
      exists: true,
      error: null,
      disable_all_hooks: disableAllHooks,
      events: unique,
      missing: HOOK_EVENTS.filter((event) => !events.includes(event)),
      repeated: unique.filter((event) => events.indexOf(event) !== events.lastIndexOf(event)),
      limited: unique.filter((event) => !whole.includes(event)),
      others,
      programs: await Promise.all(
        programsOf(own).map(async (program) => ({
          ...program,
          node_exists: isExecutable(program.node),
          main_exists: existsSync(program.main),
          database_exists: existsSync(program.database),
          capture_content: await captureContentOf(program.database),
        })),
      ),
      http: httpHooksOf(own).map(({ url, token }) => ({
        url,
        token_variable: 'variable' in token ? token.variable : null,
      })),
    };
  } catch (error) {
    const message = error instanceof ConfigError ? error.message : describeError(error);
    return { scope, file, exists: true, error: message, disable_all_hooks: false, ...nothing };
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    // Whatever stands in the way: it cannot be run.
    return false;
  }
}

/** For people. */
export function describeScopes(scopes: readonly LookedAt[]): string {
  return `${scopes.map(describeScope).join('\n')}\n`;
}

function describeScope({ scope, file, exists, error, ...found }: LookedAt): string {
  const title = `${scope}: ${file}`;
  if (error !== null) return `${scope}: ${error}`;
  if (!exists) return `${title}: no such file`;
  if (found.events.length === 0) return `${title}: agentcol is not installed`;
  const missing = found.missing.length === 0 ? 'every event' : `no ${found.missing.join(', ')}`;
  const lines = [`${title}: agentcol is installed, ${missing}`];
  if (found.disable_all_hooks) lines.push('  disableAllHooks is true: no hook runs');
  if (found.repeated.length > 0) lines.push(`  twice: ${found.repeated.join(', ')}`);
  if (found.limited.length > 0) lines.push(`  only some of: ${found.limited.join(', ')}`);
  const gone = (exists: boolean): string => (exists ? '' : ' (gone)');
  for (const { node, main, database, ...there } of found.programs) {
    lines.push(
      `  node      ${node}${gone(there.node_exists)}`,
      `  agentcol  ${main}${gone(there.main_exists)}`,
      `  database  ${database}${there.database_exists ? '' : ' (not there yet)'}`,
    );
    if (there.capture_content !== null) {
      lines.push(`  content   ${there.capture_content ? 'stored: prompts, inputs and outputs' : 'not stored'}`);
    }
  }
  for (const { url, token_variable: variable } of found.http) {
    lines.push(
      `  http      ${url}, ${variable === null ? 'with the token in this file' : `with the token in ${variable}`}`,
    );
  }
  return lines.join('\n');
}

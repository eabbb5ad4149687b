import { oneOf, UsageError } from './usage-error.ts';
import type { Values } from './words.ts';

/** Whose settings: `settings`, or those of a scope; neither: the user's, or, to look at, all. */
interface SettingsOptions {
  readonly scope: 'user' | 'project' | 'local' | undefined;
  readonly settings: string | undefined;
}

export type HooksOptions =
  | ({ readonly action: 'install'; readonly dryRun: boolean; readonly http?: HttpOptions } & SettingsOptions &
      RecordingOptions)
  | ({ readonly action: 'uninstall'; readonly dryRun: boolean } & SettingsOptions)
  | ({ readonly action: 'status'; readonly json: boolean; readonly files?: readonly string[] } & SettingsOptions);

/** Over HTTP, to the receiver of this configuration. */
export interface HttpOptions {
  readonly files: readonly string[];
  readonly sets: readonly string[];
  /** "http://127.0.0.1:9468", where it is not what the configuration says. */
  readonly endpoint: string | undefined;
}

/** What hooks write, and where; undefined: as it is. */
export interface RecordingOptions {
  readonly database: string | undefined;
  readonly captureContent: boolean | undefined;
  /** Bytes. */
  readonly maxInputBytes: number | undefined;
  readonly maxStoredTextBytes: number | undefined;
  readonly maxDepth: number | undefined;
}

/** Which actions of `hooks` take an option that not all take. */
const TAKEN_BY_HOOKS: Readonly<Record<string, readonly string[]>> = {
  json: ['status'],
  'dry-run': ['install', 'uninstall'],
  http: ['install'],
  endpoint: ['install'],
  config: ['install', 'status'],
  set: ['install'],
  database: ['install'],
  'capture-content': ['install'],
  'no-capture-content': ['install'],
  'max-input-bytes': ['install'],
  'max-stored-text-bytes': ['install'],
  'max-depth': ['install'],
};

/** Throws UsageError. */
export function parseHooks(words: readonly string[], values: Values): HooksOptions {
  const action = oneOf(words[0], ['install', 'uninstall', 'status'] as const, 'hooks needs', 'action');
  if (words.length > 1) throw new UsageError(`unexpected argument ${JSON.stringify(words[1])}`);
  for (const option of Object.keys(values)) {
    if (TAKEN_BY_HOOKS[option]?.includes(action) === false) {
      throw new UsageError(`--${option} has no meaning for hooks ${action}`);
    }
  }
  const { settings, json = false, 'dry-run': dryRun = false } = values;
  if (settings !== undefined && values.scope !== undefined)
    throw new UsageError('--settings and --scope exclude each other');
  const scope =
    values.scope === undefined
      ? undefined
      : oneOf(values.scope, ['user', 'project', 'local'] as const, '--scope is', 'scope');
  switch (action) {
    case 'status':
      return { action, scope, settings, json, ...(values.config === undefined ? {} : { files: values.config }) };
    case 'uninstall':
      return { action, scope, settings, dryRun };
    case 'install':
      return { action, scope, settings, dryRun, ...parseRecording(values), ...parseHttp(values) };
  }
}

function parseHttp({ http = false, endpoint, config, set }: Values): { readonly http?: HttpOptions } {
  if (http) {
    if (endpoint !== undefined && !(URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol))) {
      throw new UsageError('--endpoint takes a URL: http://127.0.0.1:9468');
    }
    return { http: { files: config ?? [], sets: set ?? [], endpoint } };
  }
  const stray = Object.entries({ endpoint, config, set }).find(([, value]) => value !== undefined);
  if (stray !== undefined) throw new UsageError(`--${stray[0]} has no meaning for hooks install without --http`);
  return {};
}

function parseRecording(values: Values): RecordingOptions {
  if (values['capture-content'] === true && values['no-capture-content'] === true) {
    throw new UsageError('--capture-content and --no-capture-content exclude each other');
  }
  return {
    database: values.database,
    captureContent: values['no-capture-content'] === true ? false : values['capture-content'],
    maxInputBytes: wholeNumber('max-input-bytes', values),
    maxStoredTextBytes: wholeNumber('max-stored-text-bytes', values),
    maxDepth: wholeNumber('max-depth', values),
  };
}

function wholeNumber(
  option: 'max-input-bytes' | 'max-stored-text-bytes' | 'max-depth',
  values: Values,
): number | undefined {
  const text = values[option];
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${option} takes a whole number`);
  return Number(text);
}

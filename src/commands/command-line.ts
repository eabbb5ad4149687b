import { parseArgs } from 'node:util';
import { durationMs, isDuration } from '../config/fragments.ts';
import { didYouMean } from '../config/nearest.ts';

interface Sources {
  readonly files: readonly string[];
  readonly sets: readonly string[];
}

export type CommandLine =
  | { readonly command: 'help' | 'version' }
  | ({ readonly command: 'components' } & ComponentsOptions)
  | ({ readonly command: 'run' | 'once' | 'print-config' } & Sources)
  | ({ readonly command: 'validate' } & Sources & ValidateOptions)
  | ({ readonly command: 'checkpoint' } & Sources & CheckpointOptions)
  | { readonly command: 'hook'; readonly database: string | undefined }
  | ({ readonly command: 'hooks' } & HooksOptions)
  | ({ readonly command: 'doctor'; readonly json: boolean } & Sources)
  | ({ readonly command: 'import' } & ImportCommand)
  | ({ readonly command: 'retention' } & Sources & RetentionOptions);

export interface ComponentsOptions {
  /** Types to be told everything of: `sqlite`, `receiver/sqlite`. */
  readonly names: readonly string[];
  readonly all: boolean;
  readonly json: boolean;
}

export interface ValidateOptions {
  /** Warnings are errors. */
  readonly strict: boolean;
  readonly json: boolean;
}

export type CheckpointOptions =
  | { readonly action: 'list'; readonly json: boolean }
  | { readonly action: 'reset'; readonly receiver: string; readonly table: string }
  | { readonly action: 'backup' | 'restore'; readonly file: string; readonly storage: string | undefined };

/** Whose settings: `settings`, or those of a scope; neither: the user's, or, to look at, all. */
interface SettingsOptions {
  readonly scope: 'user' | 'project' | 'local' | undefined;
  readonly settings: string | undefined;
}

export type HooksOptions =
  | ({ readonly action: 'install'; readonly dryRun: boolean } & SettingsOptions & RecordingOptions)
  | ({ readonly action: 'uninstall'; readonly dryRun: boolean } & SettingsOptions)
  | ({ readonly action: 'status'; readonly json: boolean } & SettingsOptions);

export interface ImportCommand {
  readonly paths: readonly string[];
  readonly database: string | undefined;
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

export interface RetentionOptions {
  /** A duration: "90d". */
  readonly olderThan: string;
  /** undefined: those of agentcol's hooks that the configuration reads. */
  readonly database: string | undefined;
  readonly dryRun: boolean;
}

/** Called in a way that means nothing: exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const COMMANDS = [
  'run',
  'validate',
  'print-config',
  'components',
  'checkpoint',
  'hook',
  'hooks',
  'doctor',
  'import',
  'retention',
] as const;
type Command = (typeof COMMANDS)[number];

/** Which commands take an option that not all take. */
const TAKEN_BY: Readonly<Record<string, readonly Command[]>> = {
  config: ['run', 'validate', 'print-config', 'checkpoint', 'doctor', 'retention'],
  set: ['run', 'validate', 'print-config', 'checkpoint', 'doctor', 'retention'],
  once: ['run'],
  strict: ['validate'],
  json: ['validate', 'components', 'checkpoint', 'hooks', 'doctor'],
  storage: ['checkpoint'],
  all: ['components'],
  database: ['hook', 'hooks', 'import', 'retention'],
  'older-than': ['retention'],
  scope: ['hooks'],
  settings: ['hooks'],
  'dry-run': ['hooks', 'retention'],
  'capture-content': ['hooks'],
  'no-capture-content': ['hooks'],
  'max-input-bytes': ['hooks'],
  'max-stored-text-bytes': ['hooks'],
  'max-depth': ['hooks'],
};

/** Commands that are followed by more words. */
const TAKE_WORDS: readonly Command[] = ['components', 'checkpoint', 'hooks', 'import'];

/** Throws UsageError. */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const { values, positionals } = parseWords(words);
  const [name = 'run', ...rest] = positionals;
  const command = COMMANDS.find((known) => known === name);
  if (values.help === true) return { command: 'help' };
  if (values.version === true) return { command: 'version' };
  if (command === undefined)
    throw new UsageError(`unknown command ${JSON.stringify(name)}${didYouMean(name, COMMANDS)}`);
  if (rest.length > 0 && !TAKE_WORDS.includes(command))
    throw new UsageError(`unexpected argument ${JSON.stringify(rest[0])}`);
  for (const option of Object.keys(values)) {
    if (TAKEN_BY[option]?.includes(command) === false) {
      throw new UsageError(`--${option} has no meaning for ${command}`);
    }
  }
  const { config: files = [], set: sets = [], json = false, strict = false, all = false } = values;
  switch (command) {
    case 'components':
      return { command, names: rest, all, json };
    case 'validate':
      return { command, files, sets, strict, json };
    case 'print-config':
      return { command, files, sets };
    case 'checkpoint':
      return { command, files, sets, ...parseCheckpoint(rest, json, values.storage) };
    case 'hook':
      return { command, database: values.database };
    case 'hooks':
      return { command, ...parseHooks(rest, values) };
    case 'import':
      if (rest.length === 0) throw new UsageError('import needs a file or a folder');
      return { command, paths: rest, database: values.database };
    case 'retention':
      return { command, files, sets, ...parseRetention(values) };
    case 'doctor':
      return { command, files, sets, json };
    case 'run':
      return { command: values.once === true ? 'once' : command, files, sets };
  }
}

/** What is younger may still get late parts of itself. */
const SHORTEST_RETENTION = '1d';

function parseRetention(values: ReturnType<typeof parseWords>['values']): RetentionOptions {
  const { 'older-than': olderThan, 'dry-run': dryRun = false, database } = values;
  if (olderThan === undefined) throw new UsageError('retention needs --older-than, as in --older-than 90d');
  if (!isDuration(olderThan) || durationMs(olderThan) < durationMs(SHORTEST_RETENTION)) {
    throw new UsageError(`--older-than must be a duration of at least ${SHORTEST_RETENTION}, as in --older-than 90d`);
  }
  return { olderThan, dryRun, database };
}

/** What follows each action of `checkpoint`. */
const CHECKPOINT_ACTIONS = { list: [], reset: ['RECEIVER', 'TABLE'], backup: ['FILE'], restore: ['FILE'] } as const;

function parseCheckpoint(words: readonly string[], json: boolean, storage: string | undefined): CheckpointOptions {
  const actions = ['list', 'reset', 'backup', 'restore'] as const;
  const [name, first = '', second = ''] = words;
  const action = actions.find((known) => known === name);
  if (action === undefined) {
    const wrong = name === undefined ? '' : `: unknown action ${JSON.stringify(name)}${didYouMean(name, actions)}`;
    throw new UsageError(`checkpoint needs list, reset, backup or restore${wrong}`);
  }
  const wanted = CHECKPOINT_ACTIONS[action];
  if (words.length - 1 !== wanted.length) {
    throw new UsageError(`checkpoint ${action} takes ${wanted.length === 0 ? 'nothing more' : wanted.join(' and ')}`);
  }
  if (json && action !== 'list') throw new UsageError(`--json has no meaning for checkpoint ${action}`);
  if (storage !== undefined && (action === 'list' || action === 'reset')) {
    throw new UsageError(`--storage has no meaning for checkpoint ${action}`);
  }
  switch (action) {
    case 'list':
      return { action, json };
    case 'reset':
      return { action, receiver: first, table: second };
    case 'backup':
    case 'restore':
      return { action, file: first, storage };
  }
}

type Values = ReturnType<typeof parseWords>['values'];

/** Which actions of `hooks` take an option that not all take. */
const TAKEN_BY_HOOKS: Readonly<Record<string, readonly string[]>> = {
  json: ['status'],
  'dry-run': ['install', 'uninstall'],
  database: ['install'],
  'capture-content': ['install'],
  'no-capture-content': ['install'],
  'max-input-bytes': ['install'],
  'max-stored-text-bytes': ['install'],
  'max-depth': ['install'],
};

function parseHooks(words: readonly string[], values: Values): HooksOptions {
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
      return { action, scope, settings, json };
    case 'uninstall':
      return { action, scope, settings, dryRun };
    case 'install':
      return { action, scope, settings, dryRun, ...parseRecording(values) };
  }
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

function oneOf<T extends string>(word: string | undefined, known: readonly T[], title: string, kind: string): T {
  const found = known.find((one) => one === word);
  if (found !== undefined) return found;
  const wrong = word === undefined ? '' : `: unknown ${kind} ${JSON.stringify(word)}${didYouMean(word, known)}`;
  throw new UsageError(`${title} ${known.slice(0, -1).join(', ')} or ${known.at(-1) ?? ''}${wrong}`);
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

function parseWords(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        config: { type: 'string', multiple: true, short: 'c' },
        set: { type: 'string', multiple: true },
        once: { type: 'boolean' },
        strict: { type: 'boolean' },
        json: { type: 'boolean' },
        all: { type: 'boolean' },
        storage: { type: 'string' },
        database: { type: 'string' },
        scope: { type: 'string' },
        settings: { type: 'string' },
        'dry-run': { type: 'boolean' },
        'older-than': { type: 'string' },
        'capture-content': { type: 'boolean' },
        'no-capture-content': { type: 'boolean' },
        'max-input-bytes': { type: 'string' },
        'max-stored-text-bytes': { type: 'string' },
        'max-depth': { type: 'string' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    // "Unknown option '--confg'. To specify a positional argument starting with ..." and its like: the first sentence.
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(message.split(/\. |\n/)[0] ?? message, { cause: error });
  }
}

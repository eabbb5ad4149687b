import { parseArgs } from 'node:util';
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
  | { readonly command: 'hook'; readonly database: string | undefined };

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

/** Called in a way that means nothing: exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const COMMANDS = ['run', 'validate', 'print-config', 'components', 'checkpoint', 'hook'] as const;
type Command = (typeof COMMANDS)[number];

/** Which commands take an option that not all take. */
const TAKEN_BY: Readonly<Record<string, readonly Command[]>> = {
  config: ['run', 'validate', 'print-config', 'checkpoint'],
  set: ['run', 'validate', 'print-config', 'checkpoint'],
  once: ['run'],
  strict: ['validate'],
  json: ['validate', 'components', 'checkpoint'],
  storage: ['checkpoint'],
  all: ['components'],
  database: ['hook'],
};

/** Throws UsageError. */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const { values, positionals } = parseWords(words);
  const [name = 'run', ...rest] = positionals;
  const command = COMMANDS.find((known) => known === name);
  if (values.help === true) return { command: 'help' };
  if (values.version === true) return { command: 'version' };
  if (command === undefined)
    throw new UsageError(`unknown command ${JSON.stringify(name)}${didYouMean(name, COMMANDS)}`);
  if (rest.length > 0 && command !== 'components' && command !== 'checkpoint')
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
    case 'run':
      return { command: values.once === true ? 'once' : command, files, sets };
  }
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

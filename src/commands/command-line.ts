import { didYouMean } from '../config/nearest.ts';
import { parseCheckpoint, type CheckpointOptions } from './checkpoint-options.ts';
import { parseHooks, type HooksOptions } from './hooks-options.ts';
import { parseProxyConfig, type ProxyConfigOptions } from './proxy-config-options.ts';
import { parseRetention, type RetentionOptions } from './retention-options.ts';
import { UsageError } from './usage-error.ts';
import { parseWords } from './words.ts';

interface Sources {
  readonly files: readonly string[];
  readonly sets: readonly string[];
}

export type CommandLine =
  | { readonly command: 'help'; readonly of: Command | undefined }
  | { readonly command: 'version' }
  | ({ readonly command: 'components' } & ComponentsOptions)
  | ({ readonly command: 'run'; readonly allowRoot: boolean } & Sources)
  | ({ readonly command: 'once' | 'print-config' } & Sources)
  | ({ readonly command: 'validate' } & Sources & ValidateOptions)
  | ({ readonly command: 'checkpoint' } & Sources & CheckpointOptions)
  | { readonly command: 'hook'; readonly database: string | undefined }
  | ({ readonly command: 'hooks' } & HooksOptions)
  | ({ readonly command: 'doctor'; readonly json: boolean } & Sources)
  | ({ readonly command: 'import' } & ImportCommand)
  | ({ readonly command: 'retention' } & Sources & RetentionOptions)
  | ({ readonly command: 'proxy-config' } & Sources & ProxyConfigOptions);

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

export interface ImportCommand {
  readonly paths: readonly string[];
  readonly database: string | undefined;
}

export const COMMANDS = [
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
  'proxy-config',
] as const;
export type Command = (typeof COMMANDS)[number];

/** Which commands take an option that not all take. */
export const TAKEN_BY: Readonly<Record<string, readonly Command[]>> = {
  config: ['run', 'validate', 'print-config', 'checkpoint', 'doctor', 'retention', 'proxy-config', 'hooks'],
  set: ['run', 'validate', 'print-config', 'checkpoint', 'doctor', 'retention', 'proxy-config', 'hooks'],
  once: ['run'],
  'allow-root': ['run'],
  strict: ['validate'],
  json: ['validate', 'components', 'checkpoint', 'hooks', 'doctor'],
  storage: ['checkpoint'],
  all: ['components'],
  database: ['hook', 'hooks', 'import', 'retention'],
  'older-than': ['retention'],
  scope: ['hooks'],
  settings: ['hooks'],
  http: ['hooks'],
  endpoint: ['hooks'],
  'dry-run': ['hooks', 'retention'],
  'capture-content': ['hooks'],
  'no-capture-content': ['hooks'],
  'max-input-bytes': ['hooks'],
  'max-stored-text-bytes': ['hooks'],
  'max-depth': ['hooks'],
  exporter: ['proxy-config'],
  listen: ['proxy-config'],
  'server-name': ['proxy-config'],
  certificate: ['proxy-config'],
  'certificate-key': ['proxy-config'],
  users: ['proxy-config'],
};

/** Commands that are followed by more words. */
const TAKE_WORDS: readonly Command[] = ['components', 'checkpoint', 'hooks', 'import', 'proxy-config'];

/** Throws UsageError. */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const { values, positionals } = parseWords(words);
  const [name = 'run', ...rest] = positionals;
  if (values.help === true) {
    const of = COMMANDS.find((known) => known === name);
    return { command: 'help', of: positionals.length === 0 ? undefined : of };
  }
  if (values.version === true) return { command: 'version' };
  if (name === 'help')
    return { command: 'help', of: rest[0] === undefined || rest[0] === 'help' ? undefined : commandOf(rest[0]) };
  const command = commandOf(name);
  if (rest.length > 0 && !TAKE_WORDS.includes(command))
    throw new UsageError(`unexpected argument ${JSON.stringify(rest[0])}${asConfig(rest[0])}`);
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
      if (values.once === true) return { command: 'once', files, sets };
      return { command, files, sets, allowRoot: values['allow-root'] === true };
    case 'proxy-config':
      return { command, files, sets, ...parseProxyConfig(rest, values) };
  }
}

function commandOf(name: string): Command {
  const command = COMMANDS.find((known) => known === name);
  if (command !== undefined) return command;
  throw new UsageError(
    `unknown command ${JSON.stringify(name)}${asConfig(name) || didYouMean(name, [...COMMANDS, 'help'])}`,
  );
}

/** What to write instead, where the word looks like a configuration. */
function asConfig(word = ''): string {
  return /\.ya?ml$/i.test(word) ? `; did you mean --config ${JSON.stringify(word)}?` : '';
}

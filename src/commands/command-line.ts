import { parseArgs } from 'node:util';
import { didYouMean } from '../config/nearest.ts';

export type CommandLine =
  | { readonly command: 'help' | 'version' | 'components' }
  | {
      readonly command: 'run' | 'once' | 'validate';
      readonly files: readonly string[];
      readonly sets: readonly string[];
    };

/** Called in a way that means nothing: exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const COMMANDS = ['run', 'validate', 'components'] as const;

/** Throws UsageError. */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const { values, positionals } = parseWords(words);
  const [name = 'run', ...rest] = positionals;
  const command = COMMANDS.find((known) => known === name);
  if (values.help === true) return { command: 'help' };
  if (values.version === true) return { command: 'version' };
  if (command === undefined)
    throw new UsageError(`unknown command ${JSON.stringify(name)}${didYouMean(name, COMMANDS)}`);
  if (rest.length > 0) throw new UsageError(`unexpected argument ${JSON.stringify(rest[0])}`);
  if (values.once === true && command !== 'run') throw new UsageError(`--once has no meaning for ${command}`);
  const { config: files = [], set: sets = [] } = values;
  if (command !== 'components') return { command: values.once === true ? 'once' : command, files, sets };
  if (files.length > 0 || sets.length > 0) throw new UsageError('components takes no configuration');
  return { command };
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

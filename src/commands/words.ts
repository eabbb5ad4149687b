import { parseArgs } from 'node:util';
import { didYouMean } from '../config/nearest.ts';
import { UsageError } from './usage-error.ts';

/** How parseArgs begins its complaint. */
const UNKNOWN = /^Unknown option '(-[^']*)'/;

const OPTIONS = {
  config: { type: 'string', multiple: true, short: 'c' },
  set: { type: 'string', multiple: true },
  once: { type: 'boolean' },
  'allow-root': { type: 'boolean' },
  strict: { type: 'boolean' },
  json: { type: 'boolean' },
  all: { type: 'boolean' },
  storage: { type: 'string' },
  database: { type: 'string' },
  scope: { type: 'string' },
  settings: { type: 'string' },
  'dry-run': { type: 'boolean' },
  http: { type: 'boolean' },
  endpoint: { type: 'string' },
  'older-than': { type: 'string' },
  'capture-content': { type: 'boolean' },
  'no-capture-content': { type: 'boolean' },
  'max-input-bytes': { type: 'string' },
  'max-stored-text-bytes': { type: 'string' },
  'max-depth': { type: 'string' },
  exporter: { type: 'string' },
  listen: { type: 'string' },
  'server-name': { type: 'string' },
  certificate: { type: 'string' },
  'certificate-key': { type: 'string' },
  users: { type: 'string' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** The values of all options that are there, by name. */
export type Values = ReturnType<typeof parseWords>['values'];

/** Options, and what is none. Throws UsageError. */
export function parseWords(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: OPTIONS,
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const unknown = UNKNOWN.exec(message)?.[1];
    if (unknown !== undefined) {
      const known = Object.keys(OPTIONS).map((name) => `--${name}`);
      throw new UsageError(`unknown option ${JSON.stringify(unknown)}${didYouMean(unknown, known)}`, { cause: error });
    }
    // "Unknown option '--confg'. To specify a positional argument starting with ..." and its like: the first sentence.
    throw new UsageError(message.split(/\. |\n/)[0] ?? message, { cause: error });
  }
}

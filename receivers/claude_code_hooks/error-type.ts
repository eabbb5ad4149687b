import { constants } from 'node:os';

/** "Exit code N" of a shell command; the rest of the text is content. */
const EXIT_CODE = /^(?:Error: )?Exit code (\d{1,3})\b/;
/** "EISDIR: illegal operation ...", "Error: ENOENT: ...". */
const ERROR_NAME = /^(?:Error: )?(E[A-Z0-9]{2,15})\b/;

/** Why a call failed, as one of a bounded set of words: `interrupted`, `exit_1`, `EISDIR`, `_OTHER`. */
export function errorType(error: unknown, isInterrupt: boolean): string {
  if (isInterrupt) return 'interrupted';
  if (typeof error !== 'string') return '_OTHER';
  const code = EXIT_CODE.exec(error)?.[1];
  if (code !== undefined && Number(code) <= 255) return `exit_${Number(code)}`;
  const name = ERROR_NAME.exec(error)?.[1];
  return name !== undefined && Object.hasOwn(constants.errno, name) ? name : '_OTHER';
}

import os from 'node:os';
import path from 'node:path';
import { readText } from './read.ts';

/** Where values outside the configuration come from. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
}

export function surroundings(env: Surroundings['env'] = process.env, homeDirectory = os.homedir()): Surroundings {
  return { env, homeDirectory };
}

const MAX_NESTING = 20;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * `text` with `${env:NAME}`, `${env:NAME:-default}` (as in a shell, an empty variable takes the default too), `${file:PATH}`
 * (without trailing newlines; relative to `directory`) and `$$` replaced; default and PATH may hold further `${...}`. What a variable or file holds is taken
 * as it is. Throws Error with what is wrong, never with a value.
 */
export function substitute(text: string, directory: string, around: Surroundings, depth = 0): string {
  if (depth > MAX_NESTING) throw new Error(`\${...} nested deeper than ${MAX_NESTING}`);
  let result = '';
  let from = 0;
  for (let at = text.indexOf('$'); at !== -1; at = text.indexOf('$', from)) {
    result += text.slice(from, at);
    if (text[at + 1] === '{') {
      const end = closingBrace(text, at + 2);
      result += valueOf(text.slice(at + 2, end), directory, around, depth);
      from = end + 1;
    } else {
      result += '$';
      from = at + (text[at + 1] === '$' ? 2 : 1);
    }
  }
  return result + text.slice(from);
}

/** Whether the text is one `${env:...}` and nothing else. */
export function isOneVariable(text: string): boolean {
  return text.startsWith('${env:') && closingBrace(text, 2) === text.length - 1;
}

/** `~` and relative paths made absolute. */
export function resolvePath(text: string, directory: string, around: Surroundings): string {
  if (text === '~') return around.homeDirectory;
  if (text.startsWith('~/')) return path.join(around.homeDirectory, text.slice(2));
  return path.resolve(directory, text);
}

function closingBrace(text: string, from: number): number {
  let open = 1;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '$' && text[at + 1] === '$') at += 1;
    else if (text[at] === '$' && text[at + 1] === '{') open += 1;
    else if (text[at] === '}' && (open -= 1) === 0) return at;
  }
  throw new Error('"${" without "}"; a "$" itself is written "$$"');
}

function valueOf(expression: string, directory: string, around: Surroundings, depth: number): string {
  if (expression.startsWith('env:')) {
    const [name, fallback] = splitOnce(expression.slice('env:'.length), ':-');
    if (!NAME.test(name)) throw new Error(`${JSON.stringify(name)} is no name of an environment variable`);
    const value = around.env[name];
    if (fallback === undefined) {
      if (value === undefined) {
        throw new Error(`environment variable ${name} is not set; set it, or give a default: \${env:${name}:-default}`);
      }
      return value;
    }
    return value === undefined || value === '' ? substitute(fallback, directory, around, depth + 1) : value;
  }
  if (expression.startsWith('file:')) {
    const written = substitute(expression.slice('file:'.length), directory, around, depth + 1);
    const file = resolvePath(written, directory, around);
    try {
      return readText(file).replace(/[\r\n]+$/, '');
    } catch (error) {
      throw new Error(`read ${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  if (NAME.test(expression)) throw new Error(`write \${env:${expression}} for the environment variable ${expression}`);
  throw new Error('only ${env:NAME}, ${env:NAME:-default} and ${file:PATH} are known; a "$" itself is written "$$"');
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/**
 * Whether a pattern is found anywhere in a text: the Collector's regular expressions (RE2), whose time is in proportion to the
 * text, whatever the pattern and the text are. Throws SyntaxError with the reason.
 */
export function linearRegexp(pattern: string): (text: string) => boolean {
  // Loaded by the first pattern: most configurations have none.
  const { RE2JS, RE2JSException } = require('re2js') as typeof import('re2js');
  try {
    const compiled = RE2JS.compile(pattern);
    return (text) => compiled.matcher(text).find();
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    throw new SyntaxError(error.message.replace(/^error parsing regexp: /, ''), { cause: error });
  }
}

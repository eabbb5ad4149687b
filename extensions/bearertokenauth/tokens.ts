import { ConfigError, type Problem } from '../../src/errors.ts';

/** token68 of RFC 9110: what may stand in an Authorization header. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/**
 * The tokens of a text, one a line. Throws ConfigError at `path` with every line that is none; of a line it tells the number
 * and nothing else. `source`: what the text is called in messages.
 */
export function parseTokens(text: string, path: readonly string[], source: string): readonly string[] {
  const tokens: string[] = [];
  const problems: Problem[] = [];
  text.split(/\r?\n/).forEach((line, index) => {
    const token = line.trim();
    if (token === '') return;
    if (TOKEN.test(token)) tokens.push(token);
    else {
      const message = `${source}, line ${index + 1}: a token has letters, digits and -._~+/= only; openssl rand -hex 32 makes one`;
      problems.push({ path, message });
    }
  });
  if (problems.length === 0 && tokens.length === 0) {
    problems.push({ path, message: `${source} holds no token; openssl rand -hex 32 makes one` });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return tokens;
}

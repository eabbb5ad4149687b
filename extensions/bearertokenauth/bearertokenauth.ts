import type { Authenticator, ClientAuthenticator, Failure, Remark, Settings } from '../../src/component.ts';
import { ChangingFiles } from '../../src/http/changing-files.ts';
import { isSameSecret, secretDigest } from '../../src/http/digest.ts';
import type { Config } from './config.ts';
import { parseTokens } from './tokens.ts';

/** 16 characters of hexadecimal are 64 bits. */
const ADVISED_LENGTH = 16;

interface Accepted {
  readonly digests: readonly Buffer[];
  /** What is shown to others. */
  readonly first: string;
  readonly short: number;
}

/** Checks a token against those that are good, and shows the first of them to others. */
export class BearerTokenAuth implements Authenticator, ClientAuthenticator {
  readonly challenge: string;
  readonly #scheme: string;
  readonly #files: ChangingFiles<Accepted>;

  constructor({ filename, token, scheme }: Config, settings: Settings) {
    this.challenge = `${scheme} realm="agentcol"`;
    this.#scheme = scheme;
    this.#files = new ChangingFiles({
      title: 'tokens',
      files: filename === undefined ? [] : [{ setting: ['filename'], path: filename }],
      parse: ([content]) => {
        const tokens = [
          ...(content === undefined ? [] : parseTokens(content.toString(), ['filename'], filename ?? 'file')),
          ...(token === undefined ? [] : parseTokens(token, ['token'], 'token')),
        ];
        const short = tokens.filter(({ length }) => length < ADVISED_LENGTH).length;
        return { digests: tokens.map(secretDigest), first: tokens[0] ?? '', short };
      },
      settings,
    });
  }

  get failure(): Failure | undefined {
    return this.#files.failure;
  }

  async start(): Promise<void> {
    this.#files.load();
  }

  async inspect(): Promise<readonly Remark[]> {
    return this.#files.inspect(({ short }) => {
      if (short === 0) return [];
      const message = `${short} of the tokens have fewer than ${ADVISED_LENGTH} characters and may be guessed; openssl rand -hex 32 makes one`;
      return [{ path: [], message, severity: 'warning' }];
    });
  }

  authenticate(authorization: string): boolean {
    const accepted = this.#files.look();
    const at = authorization.indexOf(' ');
    if (
      accepted === undefined ||
      authorization.slice(0, Math.max(0, at)).toLowerCase() !== this.#scheme.toLowerCase()
    ) {
      return false;
    }
    const shown = secretDigest(authorization.slice(at + 1).trim());
    // All of them, so that the time does not tell which it was.
    return accepted.digests.map((digest) => isSameSecret(digest, shown)).includes(true);
  }

  credentials(): string {
    const { first } = this.#files.look() ?? this.#files.load();
    return `${this.#scheme} ${first}`;
  }
}

import type { Authenticator, ClientAuthenticator, Failure, Remark, Settings } from '../../src/component.ts';
import { ChangingFiles } from '../../src/http/changing-files.ts';
import { isSameSecret, secretDigest, UNGUESSABLE_LENGTH } from '../../src/http/digest.ts';
import type { Config } from './config.ts';
import { parseTokens } from './tokens.ts';

interface Accepted {
  readonly digests: readonly Buffer[];
  /** What is shown to others. */
  readonly first: string;
  /** Of those that are long enough to be tried by anybody, however often. */
  readonly unguessable: readonly Buffer[];
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
        const unguessable = tokens.filter(({ length }) => length >= UNGUESSABLE_LENGTH).map(secretDigest);
        return { digests: tokens.map(secretDigest), first: tokens[0] ?? '', unguessable };
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
    return this.#files.inspect(({ digests, unguessable }) => {
      const short = digests.length - unguessable.length;
      if (short === 0) return [];
      const message = `${short} of the tokens have fewer than ${UNGUESSABLE_LENGTH} characters and may be guessed; openssl rand -hex 32 makes one`;
      return [{ path: [], message, severity: 'warning' }];
    });
  }

  authenticate(authorization: string): boolean {
    return this.#isOneOf(authorization, this.#files.look()?.digests);
  }

  recognizes(authorization: string): boolean {
    return this.#isOneOf(authorization, this.#files.look()?.unguessable);
  }

  #isOneOf(authorization: string, digests: readonly Buffer[] = []): boolean {
    const at = authorization.indexOf(' ');
    if (authorization.slice(0, Math.max(0, at)).toLowerCase() !== this.#scheme.toLowerCase()) return false;
    const shown = secretDigest(authorization.slice(at + 1).trim());
    // All of them, so that the time does not tell which it was.
    return digests.map((digest) => isSameSecret(digest, shown)).includes(true);
  }

  credentials(): string {
    const { first } = this.#files.look() ?? this.#files.load();
    return `${this.#scheme} ${first}`;
  }
}

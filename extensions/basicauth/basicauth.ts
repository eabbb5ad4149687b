import type { Authenticator, Failure, Remark, Settings } from '../../src/component.ts';
import { ChangingFiles } from '../../src/http/changing-files.ts';
import { secretDigest, UNGUESSABLE_LENGTH } from '../../src/http/digest.ts';
import type { HtpasswdConfig } from './config.ts';
import { costOf, hashOfNobody, parseUsers, type Users } from './htpasswd.ts';
import { Verifications } from './verifications.ts';

/** How long a pair that was good is so without another look, since it was last shown: bcrypt takes 60 ms, and few scrape less often. */
const GOOD_FOR_MS = 300_000;
const MAX_GOOD_PAIRS = 256;

/** Below, a stolen file is guessed through at thousands of passwords a second. */
const ADVISED_COST = 10;

interface Accepted {
  readonly users: Users;
  /** What somebody is compared with who is no user, so that it takes as long. */
  readonly nobody: string;
}

/** Checks the name and password of HTTP's Basic scheme against bcrypt hashes. */
export class BasicAuth implements Authenticator {
  readonly challenge = 'Basic realm="agentcol", charset="UTF-8"';
  readonly #settings: Settings;
  readonly #files: ChangingFiles<Accepted>;
  readonly #verifications = new Verifications();
  /** By a digest of name and password: the hash that they were good for. */
  readonly #good = new Map<string, { readonly hash: string; readonly untilMs: number }>();
  /** The same pair at the same time is looked at once. */
  readonly #pending = new Map<string, Promise<boolean>>();

  constructor({ htpasswd: { file, inline } }: HtpasswdConfig, settings: Settings) {
    this.#settings = settings;
    this.#files = new ChangingFiles({
      title: 'htpasswd',
      files: file === undefined ? [] : [{ setting: ['htpasswd', 'file'], path: file }],
      parse: ([content]) => {
        const users = new Map([
          ...(content === undefined ? [] : parseUsers(content.toString(), ['htpasswd', 'file'], file ?? 'file')),
          ...(inline === undefined ? [] : parseUsers(inline, ['htpasswd', 'inline'], 'inline')),
        ]);
        return { users, nobody: hashOfNobody(users) };
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
    return this.#files.inspect(({ users }) => {
      const weak = [...users.values()].filter((hash) => (costOf(hash) ?? 0) < ADVISED_COST).length;
      if (weak === 0) return [];
      const message = `${weak} of the hashes cost less than ${ADVISED_COST}: whoever gets hold of them guesses fast; write them with htpasswd -B -C ${ADVISED_COST}`;
      return [{ path: ['htpasswd'], message, severity: 'warning' }];
    });
  }

  authenticate(authorization: string): boolean | Promise<boolean> {
    const accepted = this.#files.look();
    const pair = parsePair(authorization);
    if (accepted === undefined || pair === undefined) return false;
    const hash = accepted.users.get(pair.name);
    const key = keyOf(pair);
    if (hash !== undefined && this.#isKnown(key, hash)) return true;
    const pending = this.#pending.get(key) ?? this.#verify(key, pair.password, hash, accepted.nobody);
    this.#pending.set(key, pending);
    return pending;
  }

  recognizes(authorization: string): boolean {
    const pair = parsePair(authorization);
    if (pair === undefined || pair.password.length < UNGUESSABLE_LENGTH) return false;
    const hash = this.#files.look()?.users.get(pair.name);
    return hash !== undefined && this.#isKnown(keyOf(pair), hash);
  }

  async #verify(key: string, password: string, hash: string | undefined, nobody: string): Promise<boolean> {
    try {
      const good = (await this.#verifications.verify(password, hash ?? nobody)) && hash !== undefined;
      if (good) this.#remember(key, hash);
      return good;
    } finally {
      this.#pending.delete(key);
    }
  }

  #isKnown(key: string, hash: string): boolean {
    const known = this.#good.get(key);
    // Another hash is another password.
    if (known?.hash !== hash || this.#settings.now() >= known.untilMs) return false;
    this.#remember(key, hash);
    return true;
  }

  #remember(key: string, hash: string): void {
    this.#good.delete(key);
    this.#good.set(key, { hash, untilMs: this.#settings.now() + GOOD_FOR_MS });
    if (this.#good.size <= MAX_GOOD_PAIRS) return;
    for (const oldest of this.#good.keys()) return void this.#good.delete(oldest);
  }
}

interface Pair {
  readonly name: string;
  readonly password: string;
}

function keyOf({ name, password }: Pair): string {
  return secretDigest(JSON.stringify([name, password])).toString('base64');
}

function parsePair(authorization: string): Pair | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+=*) *$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const at = text.indexOf(':');
  return at < 0 ? undefined : { name: text.slice(0, at), password: text.slice(at + 1) };
}

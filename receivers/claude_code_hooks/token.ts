import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Authenticator } from '../../src/component.ts';
import { ConfigError, describeError } from '../../src/errors.ts';
import { isSameSecret, secretDigest } from '../../src/http/digest.ts';

const TOKEN_BYTES = 32;
/** token68 of RFC 9110, long enough not to be guessed. */
const TOKEN = /^[A-Za-z0-9._~+/-]{16,}=*$/;

/** Where the token is that hooks have to show, in the folder of the storage. */
export function tokenFile(directory: string): string {
  return path.join(directory, 'hooks.token');
}

/**
 * The token of a storage folder, which must be there; where there is none it is made (0600), by whoever comes first. Throws
 * ConfigError, which says nothing of what the file holds.
 */
export function readOrCreateToken(directory: string): string {
  const file = tokenFile(directory);
  const token = readOrCreate(file).trim();
  if (TOKEN.test(token)) return token;
  throw new ConfigError(`${file} holds no token: delete it, and a new one is made (hooks have to be installed again)`);
}

function readOrCreate(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw failed(file, error);
  }
  try {
    create(file);
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw failed(file, error);
  }
}

/** Whole, or not at all; a rename would replace the token of somebody who was faster. */
function create(file: string): void {
  const draft = `${file}.${randomBytes(6).toString('hex')}.new`;
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeFileSync(descriptor, `${randomBytes(TOKEN_BYTES).toString('base64url')}\n`);
    fsyncSync(descriptor);
    linkSync(draft, file);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    closeSync(descriptor);
    rmSync(draft, { force: true });
  }
}

function failed(file: string, error: unknown): ConfigError {
  return new ConfigError(`token of the hooks: ${file}: ${describeError(error)}`, { cause: error });
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Lets in who shows the token of a storage folder. */
export class OwnToken implements Authenticator {
  readonly challenge = 'Bearer realm="agentcol"';
  #digest: Buffer | undefined;

  /** Throws ConfigError. */
  load(directory: string): void {
    this.#digest = secretDigest(readOrCreateToken(directory));
  }

  /** Nobody guesses 32 random bytes. */
  recognizes(authorization: string): boolean {
    return this.authenticate(authorization);
  }

  authenticate(authorization: string): boolean {
    const [scheme, shown] = authorization.split(' ', 2);
    if (this.#digest === undefined || scheme?.toLowerCase() !== 'bearer' || shown === undefined) return false;
    return isSameSecret(this.#digest, secretDigest(shown));
  }
}

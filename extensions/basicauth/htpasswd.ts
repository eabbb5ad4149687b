import { randomBytes } from 'node:crypto';
import { ConfigError, type Problem } from '../../src/errors.ts';

/** Hashes by user name. */
export type Users = ReadonlyMap<string, string>;

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** The default of htpasswd -B is 5; 15 would take more than a second, during which anybody could keep a core busy. */
const MIN_COST = 5;
const MAX_COST = 14;

const REMEDY = 'write it with htpasswd -B -C 10 FILE NAME';

/**
 * The users of a text in htpasswd's format. Throws ConfigError at `path` with every line that is not good; of a line it
 * tells the number and nothing else. `source`: what the text is called in messages.
 */
export function parseUsers(text: string, path: readonly string[], source: string): Users {
  const users = new Map<string, string>();
  const problems: Problem[] = [];
  text.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return;
    const at = line.indexOf(':');
    const [name, hash] = [line.slice(0, at), line.slice(at + 1).trim()];
    const fault = at <= 0 ? 'not name:hash' : users.has(name) ? 'a user of that name is there already' : faultOf(hash);
    if (fault === undefined) users.set(name, hash);
    else problems.push({ path, message: `${source}, line ${index + 1}: ${fault}` });
  });
  if (problems.length === 0 && users.size === 0) problems.push({ path, message: `${source} holds no user: ${REMEDY}` });
  if (problems.length > 0) throw new ConfigError(problems);
  return users;
}

function faultOf(hash: string): string | undefined {
  const cost = costOf(hash);
  if (cost === undefined) return `not a bcrypt hash ($2a$, $2b$ or $2y$): ${REMEDY}`;
  if (cost >= MIN_COST && cost <= MAX_COST) return undefined;
  return `a bcrypt hash of cost ${cost}, not of ${MIN_COST} to ${MAX_COST}: ${REMEDY}`;
}

/** Of a bcrypt hash; each step doubles the time that it takes. */
export function costOf(hash: string): number | undefined {
  const digits = BCRYPT.exec(hash)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** A hash of nothing that anybody knows, which takes as long as those of the users do. */
export function hashOfNobody(users: Users): string {
  const cost = Math.max(...[...users.values()].map((hash) => costOf(hash) ?? MIN_COST));
  const filling = randomBytes(40).toString('base64').replaceAll('+', '.').slice(0, 53);
  return `$2b$${String(cost).padStart(2, '0')}$${filling}`;
}

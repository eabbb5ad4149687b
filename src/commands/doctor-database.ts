import { existsSync, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describeError } from '../errors.ts';
import { fail, ok, warn, type Finding } from './doctor-finding.ts';

const PERMISSIONS = 0o777;
const OF_OTHERS = 0o077;
const WRITABLE_BY_OTHERS = 0o022;
const MEBIBYTE = 1024 ** 2;
/** Below the first, soon no event can be stored. */
const LITTLE_SPACE = 100 * MEBIBYTE;
const SOME_SPACE = 1024 * MEBIBYTE;
const READ_TIMEOUT_MS = 2_000;
const REASON = /^[a-z_]{1,40}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Only what hooks of ours have written: times of the former logger are local ones. */
const LAST_EVENT = `
  SELECT max(time) FROM (
    SELECT max(coalesce(start_time, ''), coalesce(last_event_time, ''), coalesce(end_time, '')) AS time
      FROM sessions WHERE stored_by = 'agentcol'
    UNION ALL
    SELECT * FROM (SELECT timestamp FROM agent_tool_uses WHERE stored_by = 'agentcol' ORDER BY id DESC LIMIT 1))`;

/** Whether hooks can write the database, and only they; what is in it. Opens it read-only, or not at all. */
export async function checkDatabase(file: string): Promise<readonly Finding[]> {
  const space = checkSpace(file);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) {
    return [warn('database', `${file} is not there yet: the first event makes it`, 'agentcol hooks install'), space];
  }
  if (!stats.isFile())
    return [fail('database', `${file} is not a file`, 'name another one: agentcol hooks install --database FILE')];
  const uid = process.geteuid?.();
  if (uid !== undefined && stats.uid !== uid) {
    // Not even opened: the -shm file that reading makes would be ours, and break the owner's next write.
    const message = `${file} belongs to user id ${stats.uid}, and this runs as ${uid}`;
    return [fail('permissions', message, 'run agent, agentcol and doctor as the same user'), space];
  }
  return [...checkModes(file), ...(await lookInto(file)), space];
}

function checkModes(file: string): readonly Finding[] {
  const folder = path.dirname(file);
  const modeOf = (one: string): number => statSync(one).mode & PERMISSIONS;
  const findings: Finding[] = [];
  for (const one of [file, `${file}-wal`, `${file}-shm`]) {
    if (!existsSync(one) || (modeOf(one) & OF_OTHERS) === 0) continue;
    findings.push(fail('permissions', `${one}: other users may open it (${octal(modeOf(one))})`, `chmod 600 ${one}`));
  }
  const mode = modeOf(folder);
  if ((mode & WRITABLE_BY_OTHERS) !== 0) {
    findings.push(
      fail('permissions', `${folder}: other users may write to it (${octal(mode)})`, `chmod 700 ${folder}`),
    );
  } else if ((mode & OF_OTHERS) !== 0) {
    findings.push(
      warn(
        'permissions',
        `${folder}: other users may look into it (${octal(mode)})`,
        `chmod 700 ${folder}, or give the database a folder of its own`,
      ),
    );
  }
  return findings.length > 0 ? findings : [ok('permissions', `${folder} and ${path.basename(file)} are private`)];
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

async function lookInto(file: string): Promise<readonly Finding[]> {
  const { kinshipOf } = await import('../../receivers/claude_code_hooks/database.ts');
  const { migrations } = await import('../../receivers/claude_code_hooks/schema.ts');
  let db: Database.Database | undefined;
  try {
    db = new Database(file, { readonly: true, fileMustExist: true, timeout: READ_TIMEOUT_MS });
    if (kinshipOf(db, file) === 'unprepared') {
      const message = `${file} is not of this version yet: the next event brings it there, after a backup`;
      return [warn('database', message, 'agentcol hooks install')];
    }
    return [checkArrivals(db, file), ...checkRefusals(db, file), ...checkIndexes(db, file, migrations)];
  } catch (error) {
    const remedy = 'correct that, or name another one: agentcol hooks install --database FILE';
    return [fail('database', `${file}: ${describeError(error)}`, remedy)];
  } finally {
    db?.close();
  }
}

function checkArrivals(db: Database.Database, file: string): Finding {
  const last = db.prepare(LAST_EVENT).pluck().get();
  if (typeof last === 'string' && last !== '') return ok('database', `${file}: the last event came at ${timeOf(last)}`);
  return warn(
    'database',
    `${file}: no event has come yet`,
    'start a new session: a running one keeps the hooks it began with',
  );
}

function checkRefusals(db: Database.Database, file: string): readonly Finding[] {
  const rows = db
    .prepare<[], { reason: unknown; count: number; last: unknown }>(
      'SELECT reason, CAST(count AS INTEGER) AS count, last_time AS last FROM refusals ORDER BY count DESC',
    )
    .all();
  if (rows.length === 0) return [ok('refusals', 'none')];
  const reasons = rows.map(({ reason, count, last }) => `${count} ${reasonOf(reason)} (last ${timeOf(last)})`);
  return [warn('refusals', reasons.join(', '), `${path.join(path.dirname(file), 'agentcol-hook.log')} tells more`)];
}

/** Others may have written to the database: what is no reason of ours is not shown. */
function reasonOf(value: unknown): string {
  return typeof value === 'string' && REASON.test(value) ? value : 'for a reason unknown here';
}

/** Likewise, of times. */
function timeOf(value: unknown): string {
  return typeof value === 'string' && TIME.test(value) ? value : 'a time unknown here';
}

/** Against those of a fresh database. */
function checkIndexes(db: Database.Database, file: string, migrations: readonly string[]): readonly Finding[] {
  const fresh = new Database(':memory:');
  try {
    for (const migration of migrations) fresh.exec(migration);
    const wanted = indexesOf(fresh);
    const there = new Set(indexesOf(db).map(({ name }) => name));
    const missing = wanted.filter(({ name }) => !there.has(name));
    if (missing.length === 0) return [ok('indexes', `all ${wanted.length} are there`)];
    const names = missing.map(({ name }) => name).join(', ');
    const statements = missing.map(({ sql }) => `${sql};`).join(' ');
    return [warn('indexes', `missing: ${names}: storing and queries grow slow`, `in sqlite3 ${file}: ${statements}`)];
  } finally {
    fresh.close();
  }
}

function indexesOf(db: Database.Database): readonly { readonly name: string; readonly sql: string }[] {
  return db
    .prepare<[], { name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    )
    .all();
}

function checkSpace(file: string): Finding {
  let folder = path.dirname(file);
  while (!existsSync(folder) && path.dirname(folder) !== folder) folder = path.dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const message = `${Math.floor(free / MEBIBYTE).toLocaleString('en')} MiB free for ${file}`;
  const remedy = 'make room, or delete old rows: agentcol retention --older-than 90d';
  if (free < LITTLE_SPACE) return fail('disk', message, remedy);
  return free < SOME_SPACE ? warn('disk', message, remedy) : ok('disk', message);
}

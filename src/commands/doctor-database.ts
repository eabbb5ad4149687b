import { statfsSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describeError } from '../errors.ts';
import { checkAccess, checkModes, filesOf, nearestFolder } from './doctor-access.ts';
import { fail, ok, warn, type Finding } from './doctor-finding.ts';
import { checkRefusals, timeOf } from './doctor-refusals.ts';
import { checkSchema } from './doctor-schema.ts';

const MEBIBYTE = 1024 ** 2;
/** Below the first, soon no event can be stored. */
const LITTLE_SPACE = 100 * MEBIBYTE;
const SOME_SPACE = 1024 * MEBIBYTE;
const READ_TIMEOUT_MS = 2_000;

/** Only what hooks of ours have written: times of the former logger are local ones. */
const LAST_EVENT = `
  SELECT max(time) FROM (
    SELECT max(coalesce(start_time, ''), coalesce(last_event_time, ''), coalesce(end_time, '')) AS time
      FROM sessions WHERE stored_by = 'agentcol'
    UNION ALL
    SELECT * FROM (SELECT timestamp FROM agent_tool_uses WHERE stored_by = 'agentcol' ORDER BY id DESC LIMIT 1))`;

/** Whether hooks can write the database, and only they; what is in it. Opens it read-only, or not at all. */
export async function checkDatabase(file: string, nowMs = Date.now()): Promise<readonly Finding[]> {
  return [...(await checkFile(file, nowMs)), checkSpace(file)];
}

async function checkFile(file: string, nowMs: number): Promise<readonly Finding[]> {
  const denied = checkAccess(nearestFolder(file));
  if (denied.length > 0) return [...denied, ...(await checkRefusals(file, nowMs))];
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) {
    const message = `${file} is not there yet: the first event makes it`;
    return [warn('database', message, 'agentcol hooks install'), ...(await checkRefusals(file, nowMs))];
  }
  if (!stats.isFile())
    return [fail('database', `${file} is not a file`, 'name another one: agentcol hooks install --database FILE')];
  const uid = process.geteuid?.();
  if (uid !== undefined && stats.uid !== uid) {
    // Not even opened: the -shm file that reading makes would be ours, and break the owner's next write.
    const message = `${file} belongs to user id ${stats.uid}, and this runs as ${uid}`;
    return [fail('permissions', message, 'run agent, agentcol and doctor as the same user')];
  }
  const readOnly = filesOf(file).flatMap(checkAccess);
  // Nor here: that file would be as read-only as the database.
  if (readOnly.length > 0) return [...readOnly, ...(await checkRefusals(file, nowMs))];
  return [...checkModes(file), ...(await lookInto(file, nowMs))];
}

async function lookInto(file: string, nowMs: number): Promise<readonly Finding[]> {
  const { kinshipOf } = await import('../../receivers/claude_code_hooks/database.ts');
  const { migrations } = await import('../../receivers/claude_code_hooks/schema.ts');
  let db: Database.Database | undefined;
  try {
    db = new Database(file, { readonly: true, fileMustExist: true, timeout: READ_TIMEOUT_MS });
    if (kinshipOf(db, file) === 'unprepared') {
      const message = `${file} is not of this version yet: the next event brings it there, after a backup`;
      return [warn('database', message, 'agentcol hooks install'), ...(await checkRefusals(file, nowMs))];
    }
    const { isWhole, findings } = checkSchema(db, file, migrations);
    if (!isWhole) return [...findings, ...(await checkRefusals(file, nowMs))];
    return [checkArrivals(db, file), ...(await checkRefusals(file, nowMs, db)), ...findings];
  } catch (error) {
    const remedy = 'correct that, or name another one: agentcol hooks install --database FILE';
    return [fail('database', `${file}: ${describeError(error)}`, remedy), ...(await checkRefusals(file, nowMs))];
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

function checkSpace(file: string): Finding {
  const { bavail, bsize } = statfsSync(nearestFolder(file));
  const free = bavail * bsize;
  const message = `${Math.floor(free / MEBIBYTE).toLocaleString('en')} MiB free for ${file}`;
  const remedy = 'make room, or delete old rows: agentcol retention --older-than 90d';
  if (free < LITTLE_SPACE) return fail('disk', message, remedy);
  return free < SOME_SPACE ? warn('disk', message, remedy) : ok('disk', message);
}

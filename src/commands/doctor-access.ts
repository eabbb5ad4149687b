import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, warn, type Finding } from './doctor-finding.ts';

const PERMISSIONS = 0o777;
const OF_OTHERS = 0o077;
const WRITABLE_BY_OTHERS = 0o022;

const { R_OK, W_OK, X_OK } = constants;

/** SQLite keeps them beside a database that is in use, and writes to them first. */
export function filesOf(database: string): readonly string[] {
  return [database, `${database}-wal`, `${database}-shm`];
}

/** The folder of a file that is not there yet, or of that the first one that is. */
export function nearestFolder(file: string): string {
  let folder = path.dirname(file);
  while (!existsSync(folder) && path.dirname(folder) !== folder) folder = path.dirname(folder);
  return folder;
}

/** Whatever this user cannot write. Of a file that is not there, nothing: its folder decides. */
export function checkAccess(file: string): readonly Finding[] {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  try {
    accessSync(file, stats.isDirectory() ? R_OK | W_OK | X_OK : R_OK | W_OK);
    return [];
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const right = stats.isDirectory() ? 'u+rwx' : 'u+rw';
    const another = 'or name another one: agentcol hooks install --database FILE';
    const remedy =
      code === 'EROFS'
        ? `mount that file system for writing, ${another}`
        : stats.uid === process.geteuid?.()
          ? `chmod ${right} ${file}`
          : `run this as user id ${stats.uid}, ${another}`;
    return [fail('permissions', `${file}: the user of this cannot write it (${code})`, remedy)];
  }
}

/** What users can do who should not. */
export function checkModes(file: string): readonly Finding[] {
  const folder = path.dirname(file);
  const modeOf = (one: string): number => statSync(one).mode & PERMISSIONS;
  const findings: Finding[] = [];
  for (const one of filesOf(file)) {
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

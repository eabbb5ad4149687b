import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { ConfigError, describeError } from '../../src/errors.ts';

const WRITABLE_BY_OTHERS = 0o022;

/** Creates the folder (0700, parents too) when missing; throws ConfigError for one that others own or may write to. */
export function preparePrivateDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw refused(`create ${directory}: ${describeError(error)}`);
  }
  const stats = statSync(directory);
  if (!stats.isDirectory()) throw refused(`${directory} is not a folder`);
  const uid = process.getuid?.();
  // Windows has neither owners nor modes in this sense; the profile's folders are private there.
  if (uid === undefined) return;
  if (stats.uid !== uid) {
    throw refused(
      `${directory} belongs to user id ${stats.uid}, agentcol runs as ${uid}: choose a folder of this user`,
    );
  }
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) {
    throw refused(`${directory} can be written to by other users: chmod 700 it, or choose another folder`);
  }
  const link = lstatSync(directory);
  if (link.isSymbolicLink() && link.uid !== uid && link.uid !== 0) {
    throw refused(`${directory} is a symbolic link made by user id ${link.uid}: name the folder itself`);
  }
}

export function refused(message: string): ConfigError {
  return new ConfigError([{ path: ['directory'], message }]);
}

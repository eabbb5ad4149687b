import { ConfigError } from '../errors.ts';

const ROOT = 0;

/** Throws ConfigError for root; `uid` is the effective one, undefined where there is none. */
export function refuseRoot(uid: number | undefined): void {
  if (uid !== ROOT) return;
  throw new ConfigError(
    'agentcol does not run as root: it needs the rights of the user whose databases it reads, and no others; ' +
      'run it as that user (deploy/systemd does), or write --allow-root',
  );
}

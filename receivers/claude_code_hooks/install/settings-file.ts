import { lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ConfigError, describeError } from '../../../src/errors.ts';
import { backupsOf, create, exchange, takeAway, type Exchanged } from './exchange.ts';

const BYTE_ORDER_MARK = '\uFEFF';
/** Who writes more often than that is no editor. */
const ATTEMPTS = 50;
const PAUSE_MS = 20;
/** A file into which an editor is writing at this moment looks cut off. */
const SETTLE_MS = 100;

/** What is to stand in the file (undefined: no file), of what stands there, without byte order mark. */
export type Edit = (text: string | undefined) => string | undefined;

export interface Rewrite {
  /** The file itself, symbolic links followed. */
  readonly target: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Where what was there is kept; undefined: there was nothing, or nothing was changed. */
  readonly backup: string | undefined;
}

interface Content {
  readonly bytes: Buffer;
  /** Without byte order mark. */
  readonly text: string;
  readonly byteOrderMark: boolean;
}

/** undefined where there is none. Throws ConfigError, "FILE: ...", where it is no file or no text. */
export function readSettingsFile(file: string): string | undefined {
  return placed(file, () => readContent(follow(file))?.text);
}

/** What rewriteSettingsFile has kept of a file, the newest first. */
export function readBackups(file: string): readonly string[] {
  return placed(file, () => backupsOf(follow(file)).flatMap((backup) => readContent(backup)?.text ?? []));
}

/**
 * Puts `edit(text)` in the place of a settings file's text, so that the old file or the new one is there, complete, at every
 * instant, power cuts included. When somebody else writes meanwhile, `edit` is asked again with what they wrote. `edit` may
 * throw ConfigError; then nothing has changed. With `dryRun`, nothing is written. Rejects with ConfigError, "FILE: ...".
 */
export async function rewriteSettingsFile(
  file: string,
  edit: Edit,
  { dryRun = false, now = Date.now }: { readonly dryRun?: boolean; readonly now?: () => number } = {},
): Promise<Rewrite> {
  let misread: Content | undefined;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const target = placed(file, () => follow(file));
    const before = placed(file, () => readContent(target));
    let after: string | undefined;
    try {
      after = placed(file, () => edit(before?.text));
    } catch (error) {
      // Cut off in the middle of a save, or wrong: what stays as it is, is wrong.
      if (before === undefined || misread?.bytes.equals(before.bytes) === true) throw error;
      misread = before;
      await pause(SETTLE_MS);
      continue;
    }
    const rewrite = { target, before: before?.text, after, backup: undefined };
    if (dryRun || after === before?.text) return rewrite;
    const exchanged = placed(file, () => write(target, before, after, now()));
    if (exchanged !== undefined) return { ...rewrite, ...exchanged };
    await pause(Math.random() * PAUSE_MS);
  }
  throw new ConfigError(`${file}: others keep changing it; nothing was changed`);
}

function write(target: string, before: Content | undefined, after: string | undefined, nowMs: number): Exchanged {
  if (before === undefined) return create(target, after ?? '');
  if (after === undefined) return takeAway(target, before.bytes);
  return exchange(target, before.bytes, (before.byteOrderMark ? BYTE_ORDER_MARK : '') + after, nowMs);
}

/** The file itself, behind symbolic links. */
function follow(file: string): string {
  const absolute = path.resolve(file);
  if (lstatSync(absolute, { throwIfNoEntry: false }) === undefined) {
    // The folder may be a link, too.
    const folder = path.dirname(absolute);
    const missing = statSync(folder, { throwIfNoEntry: false }) === undefined;
    return path.join(missing ? folder : realpathSync(folder), path.basename(absolute));
  }
  if (statSync(absolute, { throwIfNoEntry: false }) === undefined) {
    throw new ConfigError('is a symbolic link that leads nowhere');
  }
  return realpathSync(absolute);
}

function readContent(target: string): Content | undefined {
  const bytes = readBytes(target);
  if (bytes === undefined) return undefined;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new ConfigError('is not UTF-8', { cause: error });
  }
  const byteOrderMark = text.startsWith(BYTE_ORDER_MARK);
  return { bytes, text: byteOrderMark ? text.slice(1) : text, byteOrderMark };
}

/** undefined where there is no such file, or not any more. */
function readBytes(file: string): Buffer | undefined {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  // Reading a pipe would wait for a writer.
  if (!stats.isFile()) throw new ConfigError(stats.isDirectory() ? 'is a folder' : 'is not a file');
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Every failure with its file: "FILE: ..." or, of a place in it, "FILE:LINE:COLUMN: ...". */
function placed<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const message = error instanceof ConfigError ? error.message : describeError(error);
    if (message.startsWith(`${file}:`)) throw error;
    throw new ConfigError(`${file}:${/^\d+:\d+: /.test(message) ? '' : ' '}${message}`, { cause: error });
  }
}

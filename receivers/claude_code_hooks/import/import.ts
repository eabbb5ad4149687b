import { setImmediate } from 'node:timers/promises';
import fs from 'node:fs';
import path from 'node:path';
import type { Database } from 'better-sqlite3';
import { describeError } from '../../../src/errors.ts';
import { prepareHookDatabase } from '../prepare.ts';
import { filesToImport, type ImportFile } from './files.ts';
import { jsonTexts, LONGEST } from './json-values.ts';
import { isObject, textOf, type JsonObject } from './json.ts';
import { Payloads } from './payloads.ts';
import { agentTypeOf, Transcript } from './transcript.ts';
import { TranscriptEvents } from './transcript-events.ts';
import { Intake } from './intake.ts';
import type { ImportSummary } from './summary.ts';
import { Known } from './known.ts';
import { Retired } from './retired.ts';

export interface ImportOptions {
  /** Absolute path; made when it is missing. */
  readonly database: string;
  readonly paths: readonly string[];
  /** Told what could not be read, and where: `file:line: not JSON`. Never holds content. */
  readonly problem: (message: string) => void;
  /** Told how many bytes have been read, of how many. */
  readonly progress: (read: number, total: number) => void;
  readonly stop: AbortSignal;
}

/** Beyond these the lines of a file are only counted. */
const MOST_PROBLEMS = 5;

/**
 * Brings recorded hook payloads and transcripts into a database of ours, as often as one likes: what is there already is left as
 * it is. Holds one line and one batch in memory. Rejects with HookDatabaseError for a database that is not ours, and with what
 * SQLite throws; what was stored until then stays.
 */
export async function importFiles(options: ImportOptions): Promise<ImportSummary> {
  const db = prepareHookDatabase(options.database);
  try {
    return await importInto(db, options);
  } finally {
    db.close();
  }
}

async function importInto(db: Database, options: ImportOptions): Promise<ImportSummary> {
  const { paths, problem, progress, stop } = options;
  const counts = { files: 0, unreadable: 0, broken: 0, unrecognised: 0, recognised: 0 };
  const unreadable = (file: string, error: unknown): void => {
    counts.unreadable += 1;
    problem(`${file}: ${describeError(error)}`);
  };
  const files = filesToImport(paths, unreadable);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const intake = new Intake(db);
  const known = new Known(db);
  const retired = new Retired(db);
  let done = 0;
  for (const file of files) {
    if (stop.aborted) break;
    counts.files += 1;
    try {
      await importFile(file);
    } catch (error) {
      if (!isFileError(error)) throw error;
      unreadable(file.path, error);
    }
    // In a pause between two transactions the hooks that wait have their turn.
    intake.flush();
    done += file.bytes;
    progress(done, total);
  }
  return { ...counts, ...intake.counts };

  async function importFile(file: ImportFile): Promise<void> {
    const isAgents = path.basename(file.path).startsWith('agent-');
    const transcript = new Transcript(
      new TranscriptEvents(intake, known, retired),
      isAgents ? agentTypeOf(file.path) : undefined,
    );
    let payloads: Payloads | undefined;
    let read = done;
    let problems = 0;
    for (const { line, text } of jsonTexts(file.path, (bytes) => (read += bytes))) {
      if (stop.aborted) return;
      const value = text === undefined ? undefined : parsed(text);
      if (value === undefined || text === undefined) {
        counts.broken += 1;
        problems += 1;
        const what = text === undefined ? `longer than ${LONGEST / 1024 / 1024} MiB` : 'not JSON';
        if (problems <= MOST_PROBLEMS) problem(`${file.path}:${line}: ${what}`);
      } else if (!isObject(value)) counts.unrecognised += 1;
      else if ('hook_event_name' in value || 'hookEventName' in value) {
        counts.recognised += 1;
        payloads ??= new Payloads(intake, known, retired, file.path, fs.statSync(file.path).mtimeMs);
        payloads.add(text, value);
      } else if (isRecord(value)) {
        counts.recognised += 1;
        transcript.add(value);
      } else counts.unrecognised += 1;
      if (intake.isFull) {
        intake.flush();
        progress(Math.min(read, done + file.bytes), total);
        await setImmediate();
      }
    }
    transcript.end();
    if (problems > MOST_PROBLEMS) problem(`${file.path}: ${problems - MOST_PROBLEMS} more lines like these`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: JsonObject): boolean {
  return textOf(value, 'type') !== undefined;
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

import { closeSync, constants, fstatSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';

/** Beside the database; the one before it has ".1" behind its name. */
export const LOG_FILE = 'agentcol-hook.log';
export const MOST_LOG_BYTES = 256 * 1024;

/** What is told of an event that was not stored. Never anything of its content. */
export interface LogEntry {
  /** A short stable word. */
  readonly reason: string;
  readonly detail?: string | undefined;
  /** hook_event_name, where it is a plain identifier. */
  readonly event?: string | undefined;
  /** Of the input. */
  readonly bytes?: number | undefined;
}

/** Adds a line of JSON to the log beside `database`. Never throws: there is nobody left to tell. */
export function logRefusal(database: string, timeMs: number, entry: LogEntry): void {
  const file = path.join(path.dirname(database), LOG_FILE);
  const line = Buffer.from(`${JSON.stringify({ time: new Date(timeMs).toISOString(), ...entry })}\n`);
  try {
    const descriptor = openLog(file, line.length);
    try {
      // One write in append mode: lines of parallel hooks do not mix.
      writeSync(descriptor, line);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // No folder, no permission, no space: the event is lost either way, and the agent must not hear of it.
  }
}

function openLog(file: string, more: number): number {
  const descriptor = openAppending(file);
  const { size, ino } = fstatSync(descriptor);
  if (size + more <= MOST_LOG_BYTES) return descriptor;
  closeSync(descriptor);
  // Unless another hook has just done it.
  if (statSync(file, { throwIfNoEntry: false })?.ino === ino) renameSync(file, `${file}.1`);
  return openAppending(file);
}

function openAppending(file: string): number {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  return openSync(file, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600);
}

import { homedir } from 'node:os';
import { whileBusy } from './busy.ts';
import { hookDatabasePath } from './database-path.ts';
import { openHookDatabase } from './database.ts';
import { decode } from './decode.ts';
import { describeFault } from './fault.ts';
import { HookDatabaseError } from './hook-database-error.ts';
import { prepareHookDatabase } from './prepare.ts';
import { logRefusal } from './refusal-log.ts';
import { hookDigest, hookSettings, MOST_INPUT_BYTES } from './settings.ts';
import { readInput, type Input } from './standard-input.ts';
import { HookWriter } from './writer.ts';

/** From the first look at the database on: on a busy machine the start of a process alone may take seconds. */
const PATIENCE_MS = 5000;
/** Of the process: all hooks of SessionEnd together have 1.5 s, and this one is killed after 1 s. */
const LAST_DEADLINE_MS = 700;
/** However late it is by then. */
const LAST_PATIENCE_MS = 150;
/** A SessionEnd has a handful of short fields. */
const MOST_LAST_BYTES = 4096;

export interface HookOptions {
  /** --database; undefined: the usual one. */
  readonly database: string | undefined;
  /** What is wrong with the call; then the event is refused, rather than stored where nobody looks for it. */
  readonly misuse: string | undefined;
  /** File descriptor that the event is read from, to its end. */
  readonly input: number;
}

/** Stores the one event that the input holds. Never throws, prints nothing; a refusal is counted and logged. */
export function runHook({ database, misuse, input: descriptor }: HookOptions): void {
  // When the process was started: an event has no time of its own, and parallel hooks are stored in any order.
  const stampMs = Math.round(performance.timeOrigin);
  const input = readInput(descriptor, MOST_INPUT_BYTES);
  const file = hookDatabasePath(database, {
    env: process.env,
    homeDirectory: homedir(),
    workingDirectory: process.cwd(),
  });
  try {
    if (misuse !== undefined) throw new HookDatabaseError('called_wrongly', misuse);
    store(input, file, stampMs);
  } catch (error) {
    logRefusal(file, stampMs, { ...describeFault(error), bytes: input.size });
  }
}

function store({ bytes, size }: Input, file: string, stampMs: number): void {
  const nowMs = performance.now();
  const deadlineMs = isLast(bytes) ? Math.max(LAST_DEADLINE_MS, nowMs + LAST_PATIENCE_MS) : nowMs + PATIENCE_MS;
  const db = whileBusy(deadlineMs, () => openHookDatabase(file)) ?? prepareHookDatabase(file, deadlineMs);
  const settings = whileBusy(deadlineMs, () => hookSettings(db));
  const writer = new HookWriter(db, { live: true });
  const decoded = decode(bytes, settings, stampMs, hookDigest(db));
  if (decoded.kind === 'refusal') {
    const { reason, detail, name } = decoded;
    logRefusal(file, stampMs, { reason, detail, event: name ?? undefined, bytes: size });
    whileBusy(deadlineMs, () => writer.refuse({ ...decoded, size }));
  } else whileBusy(deadlineMs, () => writer.write(decoded));
  // The database is not closed: the last one to do so would write the whole write-ahead log back, each time.
}

function isLast(bytes: Buffer): boolean {
  return bytes.length <= MOST_LAST_BYTES && /"hook_event_name"\s*:\s*"SessionEnd"/.test(bytes.toString('latin1'));
}

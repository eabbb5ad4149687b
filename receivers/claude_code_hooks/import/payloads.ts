import type { Intake } from './intake.ts';
import { jsonTexts } from './json-values.ts';
import { canonical, isObject, textOf, type JsonObject } from './json.ts';
import type { Known } from './known.ts';
import type { Retired } from './retired.ts';
import { recordedStampMs } from './stamps.ts';

/**
 * Recorded payloads of one file. Their times are those of the recorder, where it wrote one for each. Else nobody knows them: then
 * they are the file's own time, in the order of the file, which is never before the truth; and marked as assumed.
 */
export class Payloads {
  readonly #intake: Intake;
  readonly #known: Known;
  readonly #retired: Retired;
  readonly #timed: boolean;
  #assumedMs: number;
  /** How often each payload came up in this file, by digest. */
  readonly #seen = new Map<string, number>();
  constructor(intake: Intake, known: Known, retired: Retired, file: string, modifiedMs: number) {
    this.#intake = intake;
    this.#known = known;
    this.#retired = retired;
    this.#timed = areTimed(file);
    this.#assumedMs = Math.floor(modifiedMs);
  }

  add(text: string, payload: JsonObject): void {
    const session = textOf(payload, 'session_id') ?? '';
    const origin = this.#known.origin(session, this.#timed ? 'recorded' : 'assumed');
    if (origin === 'hooks' || origin === 'transcript' || this.#retired.wasTold(session)) {
      this.#intake.skip('toldBefore');
      return;
    }
    // Without an id two equal calls are two calls: of equal payloads as many are new as this file has more than were taken
    // before. Equal is what says the same, in lines or in an array; a time that was assumed is no part of it.
    const digest = this.#intake.digest(canonical(payload));
    const count = (this.#seen.get(digest) ?? 0) + 1;
    this.#seen.set(digest, count);
    if (count <= this.#intake.linesTaken(digest)) {
      this.#intake.skip('repeated');
      return;
    }
    const stampMs = this.#timed ? recordedStampMs(payload) : undefined;
    const taken = this.#intake.payload(text, stampMs ?? this.#assumedMs, stampMs === undefined ? 'assumed' : origin);
    if (taken) this.#intake.takeLine(digest, count);
    this.#assumedMs += 1;
  }
}

/** Whether each payload of a file has a time; if only some have, those of the others cannot be told from them. */
function areTimed(file: string): boolean {
  for (const { text } of jsonTexts(file, () => undefined)) {
    const value = text === undefined ? undefined : parsed(text);
    if (isObject(value) && 'hook_event_name' in value && recordedStampMs(value) === undefined) return false;
  }
  return true;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

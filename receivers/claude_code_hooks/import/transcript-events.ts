import type { Intake } from './intake.ts';
import { textOf, type JsonObject } from './json.ts';
import type { Known } from './known.ts';
import type { RequestUsage, TranscriptSink } from './transcript.ts';

/** Takes from one transcript what the database does not know yet. */
export class TranscriptEvents implements TranscriptSink {
  readonly #intake: Intake;
  readonly #known: Known;

  constructor(intake: Intake, known: Known) {
    this.#intake = intake;
    this.#known = known;
  }

  event(payload: JsonObject, stampMs: number): void {
    const session = textOf(payload, 'session_id') ?? '';
    const origin = this.#known.origin(session, 'transcript');
    if (this.#isThere(session, payload, stampMs)) this.#intake.skip('repeated');
    else this.#intake.payload(payload, stampMs, origin);
  }

  usage(usage: RequestUsage): void {
    this.#intake.usage(usage);
  }

  #isThere(session: string, payload: JsonObject, stampMs: number): boolean {
    if (this.#known.hasCallsWithoutId(session)) return true;
    const toolUseId = textOf(payload, 'tool_use_id');
    if (toolUseId !== undefined) {
      const isStart = payload.hook_event_name === 'PreToolUse';
      return this.#known.isCopy(session, toolUseId) || this.#known.isStoredCall(session, toolUseId, isStart);
    }
    switch (payload.hook_event_name) {
      case 'SubagentStart':
        return this.#known.isStored('agent_start', session, textOf(payload, 'agent_id') ?? '');
      case 'SubagentStop':
        return this.#known.isStored('agent_stop', session, textOf(payload, 'agent_id') ?? '');
      case 'Stop':
        return this.#known.isStoredTurnEnd(session, stampMs);
      case 'PreCompact':
        return this.#known.isStoredCompaction(session, stampMs);
      default:
        return false;
    }
  }
}

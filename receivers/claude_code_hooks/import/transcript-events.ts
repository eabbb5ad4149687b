import type { Intake } from './intake.ts';
import { textOf, type JsonObject } from './json.ts';
import type { Known } from './known.ts';
import type { Retired } from './retired.ts';
import type { RequestUsage, TranscriptSink } from './transcript.ts';

/** Takes from one transcript what the database does not know yet. */
export class TranscriptEvents implements TranscriptSink {
  readonly #intake: Intake;
  readonly #known: Known;
  readonly #retired: Retired;

  constructor(intake: Intake, known: Known, retired: Retired) {
    this.#intake = intake;
    this.#known = known;
    this.#retired = retired;
  }

  event(payload: JsonObject, stampMs: number): void {
    const session = textOf(payload, 'session_id') ?? '';
    if (this.#retired.has(session, stampMs)) {
      this.#claim(session, textOf(payload, 'tool_use_id'));
      this.#intake.skip('retired');
      return;
    }
    const origin = this.#known.origin(session, 'transcript');
    if (this.#isThere(session, payload, stampMs)) this.#intake.skip('repeated');
    else if (this.#retired.mayHaveCopied(session, stampMs)) this.#intake.skip('retired');
    else this.#intake.payload(payload, stampMs, origin);
  }

  usage(usage: RequestUsage): void {
    const { sessionId, messageId, requestId, stampMs } = usage;
    const id = `${messageId} ${requestId}`;
    if (this.#retired.has(sessionId, stampMs)) {
      this.#claim(sessionId, id);
      this.#intake.skip('retired');
    } else if (this.#known.isClaimed(id) || this.#retired.mayHaveCopied(sessionId, stampMs)) {
      this.#intake.skip('retired');
    } else this.#intake.usage(usage);
  }

  /** What was deleted of a session is not to come back as a copy in another. */
  #claim(session: string, id: string | undefined): void {
    if (id !== undefined) this.#known.isCopy(session, id);
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

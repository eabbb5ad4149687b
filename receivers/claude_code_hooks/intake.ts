import type { IncomingMessage } from 'node:http';
import type { Settings } from '../../src/component.ts';
import type { Reply } from '../../src/http/listener.ts';
import { Bodies, type BodyFault } from './body.ts';
import { describeFault } from './fault.ts';
import { logRefusal } from './refusal-log.ts';
import type { HookSettings } from './settings.ts';
import type { HookStore } from './store.ts';

/** Of requests that wait for a locked database; more are sent away. */
const MOST_WAITING = 256;
const RETRY_AFTER_SECONDS = 1;
const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

export interface IntakeOptions {
  readonly database: string;
  readonly limits: HookSettings;
  readonly store: HookStore;
  readonly settings: Pick<Settings, 'logger' | 'now'>;
}

/**
 * Answers POST /hooks. What was stored is answered by 200 and nothing, since an agent takes what a hook says for
 * instructions; everything else by a reason, which makes it go on as if there were no hook. No answer quotes an event.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #bodies: Bodies;
  #waiting = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#bodies = new Bodies(options.limits.max_input_bytes);
  }

  async receive(request: IncomingMessage): Promise<Reply> {
    // An event has no time of its own.
    const stampMs = this.#options.settings.now();
    const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers;
    if (!JSON_TYPE.test(type) || encoding !== 'identity') return failure(415, 'unsupported_media_type');
    if (this.#waiting >= MOST_WAITING) return retryLater('busy');
    this.#waiting += 1;
    try {
      const answer = await this.#bodies.with(request, (body) => this.#store(body, stampMs));
      return typeof answer === 'string' ? await this.#unread(answer, stampMs, request) : answer;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #store(body: Buffer, stampMs: number): Promise<Reply> {
    try {
      const refusal = await this.#options.store.store(body, stampMs);
      if (refusal === undefined) return { status: 200, body: '' };
      const { reason, detail, name } = refusal;
      this.#log(stampMs, { reason, detail, event: name ?? undefined, bytes: body.length });
      return failure(400, reason, detail);
    } catch (error) {
      return this.#lost(error, stampMs, body.length);
    }
  }

  async #unread(fault: BodyFault, stampMs: number, { headers }: IncomingMessage): Promise<Reply> {
    if (fault === 'incomplete') return failure(400, fault);
    if (fault === 'busy') return retryLater(fault);
    const { max_input_bytes: most } = this.#options.limits;
    const size = Number(headers['content-length'] ?? most);
    const detail = `more than ${most} bytes`;
    const time = new Date(stampMs).toISOString();
    try {
      await this.#options.store.refuse({
        kind: 'refusal',
        reason: fault,
        detail,
        time,
        size,
        name: null,
        sessionId: null,
      });
    } catch (error) {
      return this.#lost(error, stampMs, size);
    }
    this.#log(stampMs, { reason: fault, detail, bytes: size });
    return failure(413, fault, detail);
  }

  /** Whatever the reason, it may work later; the agent does not wait for that. */
  #lost(error: unknown, stampMs: number, bytes: number): Reply {
    const { reason, detail } = describeFault(error);
    this.#log(stampMs, { reason, detail, bytes });
    this.#options.settings.logger.error(`an event was not stored: ${detail}`, { reason });
    return retryLater(reason);
  }

  #log(stampMs: number, entry: Parameters<typeof logRefusal>[2]): void {
    logRefusal(this.#options.database, stampMs, entry);
  }
}

function retryLater(reason: string): Reply {
  return { ...failure(503, reason), headers: { ...JSON_HEADERS, 'Retry-After': String(RETRY_AFTER_SECONDS) } };
}

const JSON_HEADERS = { 'Content-Type': 'application/json' };

function failure(status: number, error: string, detail?: string): Reply {
  return { status, headers: JSON_HEADERS, body: `${JSON.stringify({ error, detail })}\n` };
}

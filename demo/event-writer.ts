import type { Database } from 'better-sqlite3';
import { decode } from '../receivers/claude_code_hooks/decode.ts';
import type { HookEvent } from '../receivers/claude_code_hooks/event.ts';
import { prepareHookDatabase } from '../receivers/claude_code_hooks/prepare.ts';
import { HOOK_SETTINGS, hookDigest } from '../receivers/claude_code_hooks/settings.ts';
import { HookWriter } from '../receivers/claude_code_hooks/writer.ts';
import type { TimedEvent } from './session-script.ts';

/** Writes events as `agentcol hook` does, but at any time, and many at once. */
export class EventWriter implements Disposable {
  readonly #db: Database;
  readonly #writer: HookWriter;
  readonly #digest: (text: string) => string;

  /** `file` is made. */
  constructor(file: string) {
    this.#db = prepareHookDatabase(file);
    this.#db.pragma('synchronous = OFF');
    this.#writer = new HookWriter(this.#db, { live: true });
    this.#digest = hookDigest(this.#db);
  }

  /** In one transaction. */
  write(events: readonly TimedEvent[]): void {
    if (events.length > 0) this.#writer.writeAll(events.map((event) => this.#decoded(event)));
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #decoded({ atMs, payload }: TimedEvent): HookEvent {
    const event = decode(JSON.stringify(payload), HOOK_SETTINGS, atMs, this.#digest);
    if (event.kind === 'refusal') throw new Error(`the demo made an event that is refused: ${event.detail}`);
    return event;
  }
}

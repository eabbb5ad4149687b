import type { Database } from 'better-sqlite3';
import { whileBusy } from '../busy.ts';
import { decode, isDeeper } from '../decode.ts';
import type { HookEvent, Limits, RefusalReason } from '../event.ts';
import { hookDigest, hookSettings } from '../settings.ts';
import { HookWriter } from '../writer.ts';
import type { JsonObject } from './json.ts';
import { LONGEST } from './json-values.ts';
import type { Origin } from './known.ts';
import type { RequestUsage } from './transcript.ts';

export interface ImportCounts {
  /** Events that were stored. */
  readonly events: number;
  /** Events that were there already. */
  readonly repeated: number;
  /** Of them recorded payloads of sessions that hooks or a transcript told of: nothing tells what would be counted twice. */
  readonly toldBefore: number;
  /** Events and requests of transcripts that were there once, and that retention deleted. */
  readonly retired: number;
  /** Payloads that the hook itself would refuse, by reason. */
  readonly refused: ReadonlyMap<string, number>;
  /** Requests to the model that are new, or took more than was known of them. */
  readonly requests: number;
}

/** A transaction of so many events takes some 10 ms, in which hooks have to wait. */
const BATCH = 100;
/** Agents go on, and a backup may hold the lock for long. */
const PATIENCE_MS = 60_000;

const USAGE = ['input_tokens', 'output_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens'] as const;

/** Gathers what is to be stored and stores it, each batch in one transaction. */
export class Intake {
  readonly #db: Database;
  readonly #limits: Limits;
  readonly #writer: HookWriter;
  readonly #statements: ReturnType<typeof prepareAll>;
  readonly #events: HookEvent[] = [];
  readonly #usages: RequestUsage[] = [];
  readonly #lines = new Map<string, number>();
  readonly #origins = new Map<string, Origin>();
  readonly #refused = new Map<string, number>();
  /** Before this import. */
  readonly #lastRequest: number;
  readonly #counts = { events: 0, repeated: 0, toldBefore: 0, retired: 0, requests: 0 };
  readonly digest: (text: string) => string;

  constructor(db: Database) {
    this.#db = db;
    // A whole line is in memory already; what is stored of it has the limits that hooks have.
    this.#limits = { ...hookSettings(db), max_input_bytes: 2 * LONGEST };
    this.#writer = new HookWriter(db);
    this.#statements = prepareAll(db);
    this.digest = hookDigest(db);
    this.#lastRequest = db.prepare<[], number>('SELECT coalesce(max(id), 0) FROM model_requests').pluck().get() ?? 0;
  }

  get counts(): ImportCounts {
    return { ...this.#counts, refused: this.#refused };
  }

  get isFull(): boolean {
    return this.#events.length + this.#usages.length + this.#lines.size >= BATCH;
  }

  /** A payload that happened then; false: refused. */
  payload(payload: JsonObject | string, stampMs: number, origin: Origin): boolean {
    // JSON.parse takes what JSON.stringify has no stack for.
    if (typeof payload !== 'string' && isDeeper(payload, this.#limits.max_depth)) return this.#refuse('too_deep');
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const decoded = decode(text, this.#limits, stampMs, this.digest);
    if (decoded.kind === 'refusal') return this.#refuse(decoded.reason);
    this.#counts.events += 1;
    this.#events.push(decoded);
    this.#origins.set(decoded.sessionId, origin);
    return true;
  }

  #refuse(reason: RefusalReason): false {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
    return false;
  }

  usage(usage: RequestUsage): void {
    this.#usages.push(usage);
  }

  /** How often a recorded line of this digest was taken by now. */
  linesTaken(digest: string): number {
    return this.#lines.get(digest) ?? this.#statements.linesTaken.get(digest) ?? 0;
  }

  /** A recorded line of this digest was taken so often by now. */
  takeLine(digest: string, count: number): void {
    this.#lines.set(digest, count);
  }

  skip(why: 'repeated' | 'toldBefore' | 'retired'): void {
    this.#counts[why] += 1;
    if (why === 'toldBefore') this.#counts.repeated += 1;
  }

  /** Stores what was gathered. Throws what SQLite throws; then nothing of it is stored. */
  flush(): void {
    if (this.#events.length + this.#usages.length + this.#lines.size === 0) return;
    const store = this.#db.transaction(() => {
      this.#writer.writeAll(this.#events);
      this.#storeUsages();
      for (const [digest, count] of this.#lines) this.#statements.takeLine.run(digest, count);
      this.#markOrigins();
    });
    whileBusy(performance.now() + PATIENCE_MS, () => store.immediate());
    this.#events.length = 0;
    this.#usages.length = 0;
    this.#lines.clear();
    this.#origins.clear();
  }

  #storeUsages(): void {
    for (const { usage, stampMs, agentId = null, model = null, ...ids } of this.#usages) {
      const tokens = Object.fromEntries(USAGE.map((field) => [field, tokensOf(usage[field])]));
      const row = { ...ids, agentId, model, time: new Date(stampMs).toISOString(), ...tokens };
      const { findRequest, growRequest, addRequest } = this.#statements;
      const known = findRequest.get(row);
      const { changes } = (known === undefined ? addRequest : growRequest).run(row);
      // What this import brought itself is counted already.
      if (known === undefined || known <= this.#lastRequest) this.#counts.requests += changes;
    }
  }

  /** Where times were made up, durations are not; what the payloads themselves say of durations stays. */
  #markOrigins(): void {
    for (const [id, origin] of this.#origins) {
      if (origin !== 'hooks') this.#statements.origin.run(origin, id);
      if (origin === 'assumed') for (const statement of this.#statements.assumed) statement.run(id);
    }
  }
}

/** Prepared once: what a statement takes of the memory, V8 does not see. */
function prepareAll(db: Database) {
  const grown = USAGE.map((field) => `${field} = max(coalesce(${field}, @${field}), coalesce(@${field}, ${field}))`);
  const more = USAGE.map((field) => `coalesce(${field}, -1) < coalesce(@${field}, -1)`);
  return {
    linesTaken: db.prepare<[string], number>('SELECT count FROM imported_lines WHERE digest = ?').pluck(),
    takeLine: db.prepare<[string, number]>('INSERT OR REPLACE INTO imported_lines(digest, count) VALUES (?, ?)'),
    findRequest: db
      .prepare<object, number>(
        'SELECT id FROM model_requests WHERE message_id = @messageId AND request_id = @requestId',
      )
      .pluck(),
    // A request is told again with more output, as it streams; and in the transcripts of its session and of its agent.
    growRequest: db.prepare(
      `UPDATE model_requests SET agent_id = coalesce(agent_id, @agentId), time = min(time, @time), ${grown.join(', ')}
       WHERE message_id = @messageId AND request_id = @requestId
         AND (time > @time OR (agent_id IS NULL AND @agentId IS NOT NULL) OR ${more.join(' OR ')})`,
    ),
    addRequest: db.prepare(
      `INSERT INTO model_requests(session_id, agent_id, message_id, request_id, model, time, ${USAGE.join(', ')})
       VALUES (@sessionId, @agentId, @messageId, @requestId, @model, @time, ${USAGE.map((field) => `@${field}`).join(', ')})`,
    ),
    origin: db.prepare<[Origin, string]>('UPDATE sessions SET time_source = ? WHERE session_id = ?'),
    assumed: [
      `UPDATE agent_tool_uses SET time_source = 'assumed' WHERE session_id = ?`,
      `UPDATE agent_invocations SET time_source = 'assumed',
         duration_seconds = json_extract(raw_output, '$.totalDurationMs') / 1000.0 WHERE session_id = ?`,
      'UPDATE permission_requests SET resolved_time = NULL WHERE session_id = ?',
    ].map((sql) => db.prepare<[string]>(sql)),
  };
}

function tokensOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

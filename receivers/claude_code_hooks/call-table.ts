import type { Database, Statement } from 'better-sqlite3';
import { callOf, merge, type Call } from './call.ts';
import type { CallEvent } from './event.ts';
import { once } from './once.ts';
import { earliest, shift, TOLERANCE_MS } from './stamp.ts';

/** A call as it is stored. */
export interface StoredCall extends Call {
  readonly id: number;
}

const COMMON = [
  ...['tool_use_id', 'tool_name', 'agent_id', 'input_digest', 'first_time', 'permission_mode', 'model', 'project'],
  ...['input_size', 'tool_input', 'start_time', 'end_time', 'status', 'outcome_time', 'error_type', 'duration_seconds'],
  ...['output_size', 'tool_output', 'error'],
];
const OF_LAUNCHES = ['launched_type', 'prompt', 'launched_agent_id', 'background', 'result', 'resolved_model'];

/** Which columns a table has, and what reads as the others. */
export interface CallColumns {
  readonly table: 'agent_tool_uses' | 'agent_launches';
  /** Those that are a call's own. */
  readonly own: readonly string[];
  /** Those that whoever stores a call works out. */
  readonly derived: readonly string[];
  /** Those that are written once. */
  readonly fixed: readonly string[];
}

export const TOOL_USES: CallColumns = {
  table: 'agent_tool_uses',
  own: COMMON,
  derived: ['agent_name', 'agent_invocation_id'],
  fixed: ['timestamp', 'session_id', 'stored_by'],
};
export const LAUNCHES: CallColumns = {
  table: 'agent_launches',
  own: [...COMMON, ...OF_LAUNCHES],
  derived: [],
  fixed: ['session_id'],
};

type Further = Readonly<Record<string, string | number | null>>;

/** Tool calls of a table, one row a call, each merged from its events. */
export class CallTable {
  readonly #db: Database;
  readonly #columns: CallColumns;
  readonly #live: boolean;

  /** `live`: as of HookWriter. */
  constructor(db: Database, columns: CallColumns, live: boolean) {
    this.#db = db;
    this.#columns = columns;
    this.#live = live;
  }

  /**
   * What is known of the call of this event, the event included; undefined when it tells nothing new. With an `id` when the
   * call has a row.
   */
  merged(event: CallEvent): (Call & { readonly id?: number }) | undefined {
    const told = callOf(event);
    const known =
      told.tool_use_id === null ? this.#unnamed(event) : this.#byId().get(event.sessionId, told.tool_use_id);
    if (known === undefined) return told;
    // Merged with itself, it is as it was, without the id and in the order of keys that merge gives.
    const before = merge(known, known);
    const merged = ordered(merge(before, told));
    return JSON.stringify(before) === JSON.stringify(merged) ? undefined : { id: known.id, ...merged };
  }

  /** Writes a call that `merged` gave, with the further columns. */
  store(call: Call & { readonly id?: number }, further: Further): void {
    (call.id === undefined ? this.#insert() : this.#update()).run({ ...call, ...further });
  }

  /** All calls of one tool with one input. */
  ofInput(sessionId: string, toolName: string, inputDigest: string): StoredCall[] {
    return this.#byInput().all(sessionId, toolName, inputDigest);
  }

  ofSession(sessionId: string): StoredCall[] {
    return this.#bySession().all(sessionId);
  }

  /** The row that an event without an id belongs to: an equal event's, when it may be told again, or by input and time. */
  #unnamed(event: CallEvent): StoredCall | undefined {
    const { sessionId, toolName, inputDigest, time, status } = event;
    const key = [sessionId, toolName, inputDigest] as const;
    if (status === 'started') {
      const twin = this.#live ? undefined : this.#twinStart().get(...key, time);
      return twin ?? this.#startless().get(...key, shift(time, -TOLERANCE_MS));
    }
    const twin = this.#live ? undefined : this.#twinEnd().get(...key, time, status);
    return twin ?? this.#newestOpen().get(...key, shift(time, TOLERANCE_MS));
  }

  readonly #byId = once(() => this.#select('tool_use_id = ?'));
  readonly #bySession = once(() => this.#select('true'));
  readonly #byInput = once(() => this.#select('tool_name = ? AND input_digest = ?'));
  readonly #twinStart = once(() => this.#selectUnnamed('start_time = ?'));
  readonly #startless = once(() => this.#selectUnnamed('start_time IS NULL AND end_time >= ? ORDER BY end_time'));
  readonly #twinEnd = once(() => this.#selectUnnamed('end_time = ? AND status = ?'));
  readonly #newestOpen = once(() =>
    this.#selectUnnamed("status = 'started' AND start_time <= ? ORDER BY start_time DESC, id DESC"),
  );

  #selectUnnamed(condition: string): Statement<string[], StoredCall> {
    return this.#select(`tool_name = ? AND input_digest = ? AND tool_use_id IS NULL AND ${condition} LIMIT 1`);
  }

  #select(condition: string): Statement<string[], StoredCall> {
    const { table, own } = this.#columns;
    const absent = OF_LAUNCHES.filter((name) => !own.includes(name)).map(
      (name) => `, ${name === 'background' ? 0 : 'NULL'} AS ${name}`,
    );
    return this.#db.prepare<string[], StoredCall>(
      `SELECT id, ${own.join(', ')}${absent.join('')} FROM ${table} WHERE session_id = ? AND ${condition}`,
    );
  }

  readonly #insert = once(() => {
    const { table, own, derived, fixed } = this.#columns;
    const names = [...own, ...derived, ...fixed];
    const values = names.map((name) => `@${name}`);
    return this.#db.prepare(`INSERT INTO ${table}(${names.join(', ')}) VALUES (${values.join(', ')})`);
  });

  readonly #update = once(() => {
    const { table, own, derived } = this.#columns;
    const changes = [...own, ...derived].map((name) => `${name} = @${name}`);
    return this.#db.prepare(`UPDATE ${table} SET ${changes.join(', ')} WHERE id = @id`);
  });
}

/** A start that fills the row of an end without an id may have been stamped after it. */
function ordered(call: Call): Call {
  if (call.tool_use_id !== null || call.start_time === null) return call;
  return { ...call, start_time: earliest(call.start_time, call.end_time) };
}

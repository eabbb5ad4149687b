import type { Database } from 'better-sqlite3';
import { agentRuns, beginningOf, type AgentRun } from './agent-runs.ts';
import type { CallTable } from './call-table.ts';
import { STORED_BY } from './event.ts';
import type { Lifecycle } from './lifecycle.ts';
import { once } from './once.ts';
import { earliest } from './stamp.ts';

/** Where a run of an agent stands in the table. */
export interface Invocation {
  readonly id: number;
  readonly agent_name: string | null;
  readonly start_time: string | null;
  readonly seen_time: string | null;
}

interface StoredRun extends AgentRun {
  readonly id: number;
}

const COLUMNS = [
  ...[
    'event_type',
    'agent_id',
    'run',
    'launch_id',
    'agent_name',
    'agent_type',
    'tool_use_id',
    'launch_time',
    'seen_time',
  ],
  ...['start_time', 'end_time', 'status', 'duration_seconds', 'error_type', 'parent_agent_id', 'parent_agent', 'depth'],
  ...['model', 'permission_mode', 'project', 'input_size', 'output_size', 'prompt', 'error', 'result_summary'],
  ...['raw_input', 'raw_output'],
];
/** Later than every time. */
const NEVER = '~';

/** One row a run of an agent, worked out from what was heard of launches and agents. */
export class InvocationTable {
  readonly #db: Database;
  readonly #lifecycle: Lifecycle;
  readonly #launches: CallTable;

  constructor(db: Database, lifecycle: Lifecycle, launches: CallTable) {
    this.#db = db;
    this.#lifecycle = lifecycle;
    this.#launches = launches;
  }

  /** The runs of an agent, the earliest first. */
  ofAgent(sessionId: string, agentId: string): Invocation[] {
    return this.#ofAgent().all(sessionId, agentId);
  }

  /** Brings the rows of a session, and its calls' references to them, up to date with what was heard. */
  refresh(sessionId: string): void {
    const launches = this.#launches.ofSession(sessionId);
    const marks = this.#lifecycle.all(sessionId);
    const runs = agentRuns(launches, marks);
    if (runs.length === 0) return;
    const rows = new Rows(this.#ofSession().all(sessionId));
    const changed = new Set<string>();
    // The row of a run stays its row; only a run without one takes that of its launch.
    const unplaced = runs.filter((run) => !this.#place(rows.takeRun(run), run, changed));
    for (const run of unplaced) {
      if (this.#place(rows.takeLaunch(run), run, changed)) continue;
      this.#insert().run({ ...run, timestamp: stampOf(run), session_id: sessionId, stored_by: STORED_BY });
      if (run.agent_id !== null) changed.add(run.agent_id);
    }
    // What is left has merged into other rows; but not those of whose facts nothing is left: they are history.
    const known = new Set<unknown>([...launches.map(({ id }) => id), ...marks.map((mark) => mark.agent_id)]);
    for (const { id, agent_id, launch_id } of rows.left()) {
      if (!known.has(agent_id ?? launch_id)) continue;
      this.#delete().run(id);
      this.#unname().run(sessionId, id);
      if (agent_id !== null) changed.add(agent_id);
    }
    for (const agentId of changed) this.#nameCalls(sessionId, agentId);
    this.#nest(sessionId);
  }

  /** Writes a run to a row; false without one. */
  #place(row: StoredRun | undefined, run: AgentRun, changed: Set<string>): boolean {
    if (row === undefined) return false;
    const { id, ...before } = row;
    if (JSON.stringify(before) === JSON.stringify(run)) return true;
    this.#update().run({ ...run, id });
    const isSame =
      row.agent_id === run.agent_id && row.agent_name === run.agent_name && row.start_time === run.start_time;
    if (!isSame && run.agent_id !== null) changed.add(run.agent_id);
    return true;
  }

  /** The calls inside an agent carry its name and the id of its row. */
  #nameCalls(sessionId: string, agentId: string): void {
    const runs = this.ofAgent(sessionId, agentId);
    for (const [index, { id, agent_name }] of runs.entries()) {
      const from = index === 0 ? '' : beginning(runs[index]);
      this.#name().run({ id, agent_name, sessionId, agentId, from, to: beginning(runs[index + 1]) });
    }
  }

  /** A run that was launched inside of another one carries the id of its row. */
  #nest(sessionId: string): void {
    for (const { id, parent_agent_id, launch_time, parent_invocation_id } of this.#nested().all(sessionId)) {
      const runs = parent_agent_id === null ? [] : this.ofAgent(sessionId, parent_agent_id);
      const parent = invocationAt(runs, launch_time ?? '')?.id ?? null;
      if (parent !== parent_invocation_id) this.#setParent().run(parent, id);
    }
  }

  readonly #ofAgent = once(() =>
    this.#db.prepare<[string, string], Invocation>(
      `SELECT id, agent_name, start_time, seen_time FROM agent_invocations
       WHERE session_id = ? AND agent_id = ? AND run IS NOT NULL ORDER BY run`,
    ),
  );

  readonly #nested = once(() =>
    this.#db.prepare<
      [string],
      { id: number; parent_agent_id: string | null; launch_time: string | null; parent_invocation_id: number | null }
    >(
      `SELECT id, parent_agent_id, launch_time, parent_invocation_id FROM agent_invocations
       WHERE session_id = ? AND (parent_agent_id IS NOT NULL OR parent_invocation_id IS NOT NULL)`,
    ),
  );

  readonly #setParent = once(() =>
    this.#db.prepare<[number | null, number]>('UPDATE agent_invocations SET parent_invocation_id = ? WHERE id = ?'),
  );

  readonly #ofSession = once(() =>
    this.#db.prepare<[string], StoredRun>(
      `SELECT id, ${COLUMNS.join(', ')} FROM agent_invocations
       WHERE session_id = ? AND (run IS NOT NULL OR launch_id IS NOT NULL)`,
    ),
  );

  readonly #insert = once(() => {
    const names = [...COLUMNS, 'timestamp', 'session_id', 'stored_by'];
    return this.#db.prepare(
      `INSERT INTO agent_invocations(${names.join(', ')}) VALUES (${names.map((name) => `@${name}`).join(', ')})`,
    );
  });

  readonly #update = once(() =>
    this.#db.prepare(
      `UPDATE agent_invocations SET ${COLUMNS.map((name) => `${name} = @${name}`).join(', ')} WHERE id = @id`,
    ),
  );

  readonly #delete = once(() => this.#db.prepare('DELETE FROM agent_invocations WHERE id = ?'));

  /** No call is left inside of a row that is gone. */
  readonly #unname = once(() =>
    this.#db.prepare(
      'UPDATE agent_tool_uses SET agent_invocation_id = NULL WHERE session_id = ? AND agent_invocation_id = ?',
    ),
  );

  readonly #name = once(() =>
    this.#db.prepare(
      `UPDATE agent_tool_uses SET agent_name = @agent_name, agent_invocation_id = @id
       WHERE session_id = @sessionId AND agent_id = @agentId AND first_time >= @from AND first_time < @to
         AND (agent_name IS NOT @agent_name OR agent_invocation_id IS NOT @id)`,
    ),
  );
}

/** Which of the runs of an agent something of that time belongs to. */
export function invocationAt(runs: readonly Invocation[], time: string): Invocation | undefined {
  return runs.findLast((run, index) => index === 0 || beginning(run) <= time);
}

/** The earliest that is known of a run when its row is written. */
function stampOf(run: AgentRun): string | null {
  return earliest(earliest(run.launch_time, run.seen_time), earliest(run.start_time, run.end_time));
}

function beginning(run: Invocation | undefined): string {
  return run?.start_time == null ? NEVER : beginningOf(run.start_time);
}

/** The rows of a session, each to be taken once. */
class Rows {
  readonly #left: Set<StoredRun>;
  readonly #byRun = new Map<string, StoredRun>();
  readonly #byLaunch = new Map<number, StoredRun>();

  constructor(rows: readonly StoredRun[]) {
    this.#left = new Set(rows);
    for (const row of rows) {
      if (row.agent_id !== null) this.#byRun.set(`${row.agent_id} ${row.run}`, row);
      if (row.launch_id !== null) this.#byLaunch.set(row.launch_id, row);
    }
  }

  takeRun({ agent_id, run, event_type }: AgentRun): StoredRun | undefined {
    return agent_id === null ? undefined : this.#take(this.#byRun.get(`${agent_id} ${run}`), event_type);
  }

  takeLaunch({ launch_id, event_type }: AgentRun): StoredRun | undefined {
    return launch_id === null ? undefined : this.#take(this.#byLaunch.get(launch_id), event_type);
  }

  left(): Iterable<StoredRun> {
    return this.#left;
  }

  /** An event_type never changes. */
  #take(row: StoredRun | undefined, eventType: AgentRun['event_type']): StoredRun | undefined {
    if (row === undefined || row.event_type !== eventType) return undefined;
    return this.#left.delete(row) ? row : undefined;
  }
}

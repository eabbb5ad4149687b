import type { Database, Transaction } from 'better-sqlite3';
import { CallTable, LAUNCHES, TOOL_USES } from './call-table.ts';
import { isLaunch } from './decode-launch.ts';
import { EventTables } from './event-tables.ts';
import { STORED_BY, type CallEvent, type HookEvent, type Refusal } from './event.ts';
import { InvocationTable, invocationAt } from './invocation-table.ts';
import { Lifecycle } from './lifecycle.ts';
import { PermissionTable } from './permission-table.ts';
import { SessionTable } from './session-table.ts';

/** Who acts outside of all sub-agents. */
const MAIN = 'main';

export interface WriterOptions {
  /**
   * Every event is told once, as it happens: two equal ones of one millisecond, without an id, are two. Otherwise they are one
   * told again, as by an import of what was imported before.
   */
  readonly live: boolean;
}

/** Stores events in a database that is open and of the current version. Throws what SQLite throws; the database is then as it was. */
export class HookWriter {
  readonly #storeAll: Transaction<(events: Iterable<HookEvent>) => void>;
  readonly #lifecycle: Lifecycle;
  readonly #sessions: SessionTable;
  readonly #toolUses: CallTable;
  readonly #launches: CallTable;
  readonly #invocations: InvocationTable;
  readonly #permissions: PermissionTable;
  readonly #events: EventTables;

  constructor(db: Database, { live }: WriterOptions = { live: false }) {
    this.#storeAll = db.transaction((events: Iterable<HookEvent>) => {
      const stale = new Set<string>();
      for (const event of events) {
        if (this.#store(event)) stale.add(event.sessionId);
      }
      for (const sessionId of stale) this.#invocations.refresh(sessionId);
    });
    this.#lifecycle = new Lifecycle(db);
    this.#sessions = new SessionTable(db, this.#lifecycle);
    this.#toolUses = new CallTable(db, TOOL_USES, live);
    this.#launches = new CallTable(db, LAUNCHES, live);
    this.#invocations = new InvocationTable(db, this.#lifecycle, this.#launches);
    this.#permissions = new PermissionTable(db, live);
    this.#events = new EventTables(db, live);
  }

  /** Stores one event in a transaction of its own. */
  write(event: HookEvent): void {
    this.writeAll([event]);
  }

  /** Stores events in one transaction. */
  writeAll(events: Iterable<HookEvent>): void {
    this.#storeAll.immediate(events);
  }

  /** Counts a refusal by its reason, in a transaction of its own. */
  refuse(refusal: Refusal): void {
    this.#events.addRefusal(refusal);
  }

  /** Returns whether the runs of the session's agents have to be worked out anew. */
  #store(event: HookEvent): boolean {
    this.#events.addUnknownFields(event);
    const isNew = this.#hear(event);
    this.#sessions.hear(event);
    // Two facts of one event, of which neither may hide the other.
    return this.#see(event) || isNew;
  }

  /** Takes up what an event tells; returns whether it is about the runs of agents, and new. */
  #hear(event: HookEvent): boolean {
    switch (event.kind) {
      case 'session_start':
      case 'session_end':
        return this.#lifecycle.add(event.kind, event, null);
      case 'agent_start':
      case 'agent_stop':
        if (event.agentId !== null) return this.#lifecycle.add(event.kind, event, event.agentId);
        if (event.kind === 'agent_stop') this.#events.addNamelessStop(event);
        return false;
      case 'call':
        return this.#hearCall(event);
      case 'permission_request':
        this.#permissions.add(event);
        this.#permissions.refresh(event, isLaunch(event.toolName) ? this.#launches : this.#toolUses);
        return false;
      case 'compaction':
        this.#events.addCompaction(event);
        return false;
      case 'other':
        this.#events.addOther(event);
        return false;
      case 'turn_end':
        return false;
    }
  }

  #hearCall(event: CallEvent): boolean {
    const isOfAgents = event.launch === null ? this.#hearToolUse(event) : this.#hearLaunch(event);
    this.#permissions.refresh(event, event.launch === null ? this.#toolUses : this.#launches);
    return isOfAgents;
  }

  #hearLaunch(event: CallEvent): boolean {
    const launch = this.#launches.merged(event);
    if (launch === undefined) return false;
    this.#launches.store(launch, { session_id: event.sessionId });
    return true;
  }

  #hearToolUse(event: CallEvent): boolean {
    this.#storeToolUse(event);
    return event.stoppedAgentId !== null && this.#lifecycle.add('agent_killed', event, event.stoppedAgentId);
  }

  /** Every event that names an agent shows that it is there. */
  #see(event: HookEvent): boolean {
    if (event.agentId === null || event.agentType === null) return false;
    const [first] = this.#invocations.ofAgent(event.sessionId, event.agentId);
    if (first?.seen_time != null && first.seen_time < event.time) return false;
    return this.#lifecycle.see(event, event.agentId);
  }

  /** The run that it is said to be of is put right when that is worked out. */
  #storeToolUse(event: CallEvent): void {
    const call = this.#toolUses.merged(event);
    if (call === undefined) return;
    const { agent_id: agentId } = call;
    const runs = agentId === null ? [] : this.#invocations.ofAgent(event.sessionId, agentId);
    const invocation = invocationAt(runs, call.first_time);
    this.#toolUses.store(call, {
      timestamp: event.time,
      session_id: event.sessionId,
      agent_name: agentId === null ? MAIN : (invocation?.agent_name ?? null),
      agent_invocation_id: invocation?.id ?? null,
      stored_by: STORED_BY,
    });
  }
}

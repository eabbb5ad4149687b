import { isObject, parse, text, type Payload } from './payloads.ts';

/** What a database must say of some payloads: a sentence -> how often, or how much. */
export type Facts = Map<string, number>;

export function fact(facts: Facts, name: string, labels: readonly (string | null | undefined)[], value = 1): void {
  const key = `${name} ${JSON.stringify(labels.map((label) => label ?? null))}`;
  facts.set(key, (facts.get(key) ?? 0) + value);
}

/** Differences of two sets of facts, readable; empty when they are equal. Reals are equal to a millionth. */
export function factDifferences(expected: Facts, actual: Facts, limit = 30): readonly string[] {
  const found: string[] = [];
  for (const key of [...new Set([...expected.keys(), ...actual.keys()])].sort()) {
    const want = expected.get(key) ?? 0;
    const have = actual.get(key) ?? 0;
    if (Math.abs(want - have) > 1e-6) found.push(`${key}: expected ${want}, got ${have}`);
  }
  return found.length > limit ? [...found.slice(0, limit), `and ${found.length - limit} more`] : found;
}

export const USAGE_FIELDS = [
  'input_tokens',
  'output_tokens',
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
] as const;

interface Call {
  readonly session: string;
  readonly name: string;
  readonly agent: string;
  /** Tells calls without an id apart. */
  readonly input: string;
  readonly id: string | undefined;
  status: 'started' | 'completed';
  agentId?: string;
  response?: Payload;
}

interface SessionFacts {
  project: string | undefined;
  ended: string | undefined;
  turnEnded: boolean;
}

/**
 * A recount of recorded payloads, in the order in which they are stored. It knows what the recordings need, and no more: no
 * clock, no permissions' outcomes, no failures, since nothing of that was recorded.
 */
export class PayloadRecount {
  readonly #calls: Call[] = [];
  readonly #runs: Call[] = [];
  readonly #sessions = new Map<string, SessionFacts>();
  readonly #facts: Facts = new Map();

  add(line: string): void {
    const payload = parse(line);
    const session = text(payload, 'session_id') ?? '';
    this.#seen(session, payload);
    switch (payload.hook_event_name) {
      case 'PreToolUse':
        this.#listOf(payload).push(this.#call(payload, 'started'));
        return;
      case 'PostToolUse':
        this.#settle(payload);
        return;
      case 'SubagentStart':
        this.#startRun(payload);
        return;
      case 'SubagentStop':
        this.#stopRun(payload);
        return;
      case 'PermissionRequest':
        fact(this.#facts, 'permission request', [session, text(payload, 'agent_id'), text(payload, 'tool_name')]);
        return;
      case 'PreCompact':
        fact(this.#facts, 'compaction', [session, text(payload, 'trigger')]);
        return;
      case 'Notification':
      case 'UserPromptSubmit':
        fact(this.#facts, 'event', [session, payload.hook_event_name]);
        return;
    }
  }

  facts(): Facts {
    const facts = new Map(this.#facts);
    for (const call of this.#calls) fact(facts, 'tool call', [call.session, call.agent, call.name, call.status]);
    for (const run of this.#runs) {
      fact(facts, 'invocation', [run.session, run.name, run.status]);
      const usage = run.response?.usage;
      for (const field of USAGE_FIELDS) {
        const tokens = isObject(usage) ? usage[field] : undefined;
        if (typeof tokens === 'number') fact(facts, field, [run.session, run.name], tokens);
      }
      const duration = run.response?.totalDurationMs;
      if (typeof duration === 'number') fact(facts, 'reported seconds', [run.session, run.name], duration / 1000);
    }
    for (const [id, { project, ended, turnEnded }] of this.#sessions) {
      fact(facts, 'session', [id, project, ended ?? null, turnEnded ? 'a turn ended' : null]);
    }
    return facts;
  }

  #seen(id: string, payload: Payload): void {
    const session = this.#sessions.get(id) ?? { project: undefined, ended: undefined, turnEnded: false };
    session.project ??= text(payload, 'cwd')
      ?.split(/[/\\]/)
      .findLast((element) => element !== '');
    if (payload.hook_event_name === 'SessionEnd') session.ended = text(payload, 'reason');
    if (payload.hook_event_name === 'Stop') session.turnEnded = true;
    this.#sessions.set(id, session);
  }

  #listOf(payload: Payload): Call[] {
    return isLaunch(payload) ? this.#runs : this.#calls;
  }

  #call(payload: Payload, status: Call['status']): Call {
    const input = isObject(payload.tool_input) ? payload.tool_input : {};
    return {
      session: text(payload, 'session_id') ?? '',
      name: isLaunch(payload)
        ? (text(input, 'subagent_type') ?? 'general-purpose')
        : (text(payload, 'tool_name') ?? ''),
      // In the recordings whatever carries an agent_id carries its type as well.
      agent: text(payload, 'agent_id') === undefined ? 'main' : (text(payload, 'agent_type') ?? ''),
      input: JSON.stringify([payload.tool_name, payload.tool_input]),
      id: text(payload, 'tool_use_id'),
      status,
    };
  }

  #settle(payload: Payload): void {
    const settled = this.#call(payload, 'completed');
    if (isObject(payload.tool_response)) settled.response = payload.tool_response;
    const list = this.#listOf(payload);
    const index = list.findLastIndex(
      (call) =>
        call.session === settled.session &&
        (settled.id === undefined
          ? call.id === undefined && call.input === settled.input && call.status === 'started'
          : call.id === settled.id),
    );
    if (index === -1) list.push(settled);
    else list[index] = settled;
  }

  #startRun(payload: Payload): void {
    const agentId = text(payload, 'agent_id') ?? '';
    const name = text(payload, 'agent_type') ?? '';
    const session = text(payload, 'session_id') ?? '';
    const launched = this.#runs.find(
      (run) => run.session === session && run.name === name && run.agentId === undefined && run.status === 'started',
    );
    if (launched !== undefined) launched.agentId = agentId;
    else this.#runs.push({ ...this.#call(payload, 'started'), name, agentId });
  }

  #stopRun(payload: Payload): void {
    const session = text(payload, 'session_id') ?? '';
    const agentId = text(payload, 'agent_id');
    const run = this.#runs.find((one) => one.session === session && agentId !== undefined && one.agentId === agentId);
    if (run !== undefined) run.status = 'completed';
    else fact(this.#facts, 'nameless stop', [session, agentId]);
  }
}

function isLaunch(payload: Payload): boolean {
  return payload.tool_name === 'Task' || payload.tool_name === 'Agent';
}

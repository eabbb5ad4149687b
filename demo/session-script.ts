import type { Random } from '../test/fixtures/random.ts';
import { MAIN_TOOLS, SCOUT, STAGES, toolNamed, type Agent } from './team.ts';

/** An event of a coding agent's hooks, and when it happens, epoch milliseconds. */
export interface TimedEvent {
  readonly atMs: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Whom an event happens to; empty: the person's own agent. */
type Inside = Readonly<{ agent_id?: string; agent_type?: string }>;

const SECOND = 1000;
const MAIN: Inside = {};
const MODELS = ['demo-large', 'demo-large', 'demo-small'] as const;
const STAGE_LIKELY = 0.7;
const SCOUT_LIKELY = 0.15;
const DENIED = 0.15;
const INTERRUPTED = 0.01;
const COMPACTION_LIKELY = 0.12;
/** Of a session that ends without a word: its process was killed. */
const KILLED = 0.06;

/** Everything that happens in one session of a person, in the order of time. */
export function sessionScript(random: Random, project: string, startMs: number): readonly TimedEvent[] {
  return new SessionScript(random, project, startMs).events();
}

class SessionScript {
  readonly #random: Random;
  readonly #common: Readonly<Record<string, unknown>>;
  readonly #startMs: number;
  readonly #events: TimedEvent[] = [];
  readonly #id: string;
  #ids = 0;

  constructor(random: Random, project: string, startMs: number) {
    this.#random = random;
    this.#id = random.uuid();
    this.#common = { session_id: this.#id, cwd: `/home/demo/${project}`, permission_mode: 'default' };
    this.#startMs = startMs;
  }

  events(): readonly TimedEvent[] {
    const random = this.#random;
    this.#tell(this.#startMs, 'SessionStart', { source: 'startup', model: random.pick(MODELS) });
    let atMs = this.#after(this.#startMs, 2);
    for (let stories = random.whole(1, 4); stories > 0; stories -= 1) atMs = this.#after(this.#story(atMs), 3.4);
    this.#tell(atMs, 'SessionEnd', { reason: 'prompt_input_exit' });
    const inOrder = this.#events.sort((a, b) => a.atMs - b.atMs);
    if (random.next() >= KILLED) return inOrder;
    const killedMs = this.#startMs + (atMs - this.#startMs) * random.next();
    return inOrder.filter((event) => event.atMs <= killedMs);
  }

  /** From a prompt to the end of the turn. Like all that follow, it returns when that is. */
  #story(startMs: number): number {
    const random = this.#random;
    this.#tell(startMs, 'UserPromptSubmit', { prompt: 'the next story' });
    let atMs = this.#calls(startMs, MAIN, MAIN_TOOLS, random.whole(1, 6));
    for (const stage of STAGES) {
      if (random.next() >= STAGE_LIKELY) continue;
      const beginMs = this.#after(atMs, 0.5);
      atMs = Math.max(...stage.map((agent) => this.#run(beginMs, agent, MAIN)));
      atMs = this.#calls(atMs, MAIN, MAIN_TOOLS, random.whole(0, 3));
    }
    if (random.next() < COMPACTION_LIKELY) {
      this.#tell(atMs, 'PreCompact', { trigger: random.next() < 0.8 ? 'auto' : 'manual' });
      atMs = this.#after(atMs, 2);
      this.#tell(atMs, 'SessionStart', { source: 'compact' });
    }
    this.#tell(atMs, 'Stop', { stop_hook_active: false });
    return atMs;
  }

  #run(launchMs: number, agent: Agent, launchedBy: Inside): number {
    const random = this.#random;
    const agentId = `agent_${this.#nextId()}`;
    const inside: Inside = { agent_id: agentId, agent_type: agent.name };
    const launch = {
      ...launchedBy,
      tool_name: 'Agent',
      tool_use_id: `toolu_${this.#nextId()}`,
      tool_input: { subagent_type: agent.name, prompt: 'your part of the story' },
    };
    this.#tell(launchMs, 'PreToolUse', launch);
    const startMs = launchMs + random.whole(80, 400);
    this.#tell(startMs, 'SubagentStart', inside);
    const calls = random.whole(agent.calls[0], agent.calls[1] + 1);
    let atMs = this.#calls(startMs, inside, agent.tools, calls);
    if (agent !== SCOUT && random.next() < SCOUT_LIKELY) atMs = this.#run(atMs, SCOUT, inside);
    const stopMs = this.#after(atMs, 0.8);
    this.#tell(stopMs, 'SubagentStop', inside);
    const endMs = stopMs + random.whole(5, 30);
    if (random.next() < agent.fails) {
      this.#tell(endMs, 'PostToolUseFailure', { ...launch, error: 'the agent stopped with an error' });
      return endMs;
    }
    const usage = {
      input_tokens: random.whole(3, 60),
      output_tokens: random.whole(200, 4000),
      cache_read_input_tokens: random.whole(8_000, 120_000),
      cache_creation_input_tokens: random.whole(0, 9000),
    };
    const result = { agentId, totalDurationMs: stopMs - startMs, totalToolUseCount: calls, usage };
    this.#tell(endMs, 'PostToolUse', { ...launch, tool_response: { status: 'completed', ...result } });
    return endMs;
  }

  #calls(startMs: number, inside: Inside, tools: readonly string[], count: number): number {
    let atMs = startMs;
    for (let call = 0; call < count; call += 1) {
      atMs = this.#call(this.#after(atMs, 0.7), this.#random.pick(tools), inside);
    }
    return atMs;
  }

  #call(startMs: number, toolName: string, inside: Inside): number {
    const random = this.#random;
    const tool = toolNamed(toolName);
    const call = {
      ...inside,
      tool_name: toolName,
      tool_use_id: `toolu_${this.#nextId()}`,
      tool_input: { request: this.#ids },
    };
    this.#tell(startMs, 'PreToolUse', call);
    let beginMs = startMs;
    if (random.next() < tool.asks) {
      this.#tell(startMs + 20, 'PermissionRequest', call);
      beginMs = this.#after(startMs + 20, 1.8);
      if (random.next() < DENIED) {
        this.#tell(beginMs, 'PermissionDenied', { ...call, reason: 'not this one' });
        return beginMs;
      }
    }
    const seconds = random.seconds(...tool.spread);
    const endMs = beginMs + Math.max(1, Math.round(seconds * SECOND));
    if (random.next() < INTERRUPTED) {
      this.#tell(endMs, 'PostToolUseFailure', { ...call, error: 'interrupted', is_interrupt: true });
    } else if (random.next() < tool.fails) {
      this.#tell(endMs, 'PostToolUseFailure', { ...call, error: random.pick(tool.errors) });
    } else {
      const duration_ms = endMs - beginMs;
      this.#tell(endMs, 'PostToolUse', { ...call, tool_response: { ok: true }, duration_ms });
    }
    return endMs;
  }

  #tell(atMs: number, name: string, fields: Readonly<Record<string, unknown>>): void {
    this.#events.push({ atMs, payload: { ...this.#common, hook_event_name: name, ...fields } });
  }

  /** A pause of e^mu seconds, give or take: somebody thinks. */
  #after(ms: number, mu: number): number {
    return ms + Math.round(this.#random.seconds(mu, 0.6) * SECOND);
  }

  #nextId(): string {
    this.#ids += 1;
    return `${this.#id.slice(0, 8)}_${this.#ids}`;
  }
}

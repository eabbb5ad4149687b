import fc from 'fast-check';
import type { Payload, Stamped } from './recording.ts';

/** A session as an agent might have it: events with stamps, in the order of their stamps. */
export const believableSession: fc.Arbitrary<readonly Stamped[]> = fc
  .record({
    agents: fc.array(agentPlan(), { maxLength: 6 }),
    tools: fc.array(toolPlan(), { maxLength: 6 }),
    turns: fc.array(moment(), { maxLength: 3 }),
    starts: fc.uniqueArray(fc.record({ at: moment(), source: fc.constantFrom('startup', 'resume', 'compact') }), {
      maxLength: 3,
      selector: ({ at }) => at,
    }),
    ends: fc.uniqueArray(fc.record({ at: moment(), reason: fc.constantFrom('other', 'logout') }), {
      maxLength: 2,
      selector: ({ at }) => at,
    }),
    breaks: fc.array(breakPlan(), { maxLength: 2 }),
    compactions: fc.array(moment(), { maxLength: 2 }),
    prompts: fc.array(moment(), { maxLength: 2 }),
  })
  .map(({ agents, tools, turns, starts, ends, breaks, compactions, prompts }) => {
    const events = [
      ...agents.flatMap((plan, index) => agentEvents(plan, index)),
      ...tools.flatMap((plan, index) => toolEvents(plan, `main${index}`, {})),
      ...turns.map((at) => stamped(at, 'Stop', { permission_mode: at % 2 < 1 ? 'default' : 'plan' })),
      ...starts.map(({ at, source }) => stamped(at, 'SessionStart', { source, model: `model-${source}` })),
      ...ends.map(({ at, reason }) => stamped(at, 'SessionEnd', { reason })),
      ...breaks.flatMap((plan) => breakEvents(plan, agents)),
      ...compactions.map((at) => stamped(at, 'PreCompact', { trigger: 'auto' })),
      ...prompts.map((at) => stamped(at, 'UserPromptSubmit', { prompt: 'something to do' })),
    ];
    return withoutRivals(events).sort((a, b) => a.at - b.at);
  });

/** Which of two starts, or ends, of the session in one millisecond counts must not be left to chance. */
function withoutRivals(events: readonly Stamped[]): Stamped[] {
  const marks = new Set<string>();
  return events.filter(({ at, payload: { hook_event_name: name } }) => {
    if (name !== 'SessionStart' && name !== 'SessionEnd') return true;
    const key = `${name} ${at}`;
    return !marks.has(key) && marks.add(key);
  });
}

/** Seconds, to the millisecond. */
function moment(): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: 120_000 }).map((ms) => ms / 1000);
}

function delay(seconds: number): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: seconds * 1000 }).map((ms) => ms / 1000);
}

interface ToolPlan {
  readonly at: number;
  readonly lasts: number;
  readonly command: string;
  readonly end: 'completed' | 'failed' | 'denied' | 'interrupted' | 'none';
  readonly asks: number | null;
}

function toolPlan(): fc.Arbitrary<ToolPlan> {
  return fc.record({
    at: moment(),
    lasts: delay(20),
    command: fc.constantFrom('ls', 'make'),
    end: fc.constantFrom('completed', 'failed', 'denied', 'interrupted', 'none'),
    asks: fc.option(delay(1)),
  });
}

function toolEvents({ at, lasts, command, end, asks }: ToolPlan, id: string, inside: Payload): Stamped[] {
  const call = { ...inside, tool_name: 'Bash', tool_input: { command }, permission_mode: 'default' };
  const named = { ...call, tool_use_id: `toolu_${id}` };
  const events = [stamped(at, 'PreToolUse', named)];
  if (asks !== null) events.push(stamped(at + asks, 'PermissionRequest', call));
  const settled = at + lasts;
  if (end === 'completed') {
    events.push(stamped(settled, 'PostToolUse', { ...named, tool_response: { stdout: 'done' }, duration_ms: 1000 }));
  } else if (end === 'denied') events.push(stamped(settled, 'PermissionDenied', { ...named, reason: 'not that' }));
  else if (end !== 'none') {
    const failure = { error: 'Exit code 1\nno', is_interrupt: end === 'interrupted' };
    events.push(stamped(settled, 'PostToolUseFailure', { ...named, ...failure }));
  }
  return events;
}

/** The session ends, or is killed, and is resumed; so are its agents. */
interface BreakPlan {
  readonly at: number;
  readonly killed: boolean;
  readonly pause: number;
  readonly startsAfter: number;
  readonly tool: ToolPlan;
}

function breakPlan(): fc.Arbitrary<BreakPlan> {
  return fc.record({ at: moment(), killed: fc.boolean(), pause: delay(10), startsAfter: delay(5), tool: toolPlan() });
}

function breakEvents({ at, killed, pause, startsAfter, tool }: BreakPlan, agents: readonly AgentPlan[]): Stamped[] {
  const resumed = at + pause;
  const started = resumed + startsAfter;
  return [
    ...(killed ? [] : [stamped(at, 'SessionEnd', { reason: 'other' })]),
    stamped(resumed, 'SessionStart', { source: 'resume', model: 'model-resume' }),
    ...agents.flatMap((agent, index) => {
      const inside = insideOf(agent, index);
      const calls = toolEvents({ ...tool, at: started }, `${inside.agent_id}_${at}`, inside);
      return [stamped(started, 'SubagentStart', inside), ...calls];
    }),
  ];
}

interface AgentPlan {
  readonly type: string;
  readonly at: number;
  readonly launched: boolean;
  readonly startsAfter: number | null;
  readonly lasts: number;
  readonly way: 'foreground' | 'background' | 'failed' | 'killed' | 'unfinished';
  readonly stops: number;
  readonly tools: readonly ToolPlan[];
  readonly resumedAfter: number | null;
  readonly nested: boolean;
  readonly nameless: boolean;
}

function agentPlan(): fc.Arbitrary<AgentPlan> {
  return fc.record({
    type: fc.constantFrom('builder', 'reviewer'),
    at: moment(),
    launched: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
    startsAfter: fc.option(
      fc.integer({ min: -500, max: 3000 }).map((ms) => ms / 1000),
      { freq: 6 },
    ),
    lasts: delay(60),
    way: fc.constantFrom('foreground', 'background', 'failed', 'killed', 'unfinished'),
    stops: fc.integer({ min: 0, max: 2 }),
    tools: fc.array(toolPlan(), { maxLength: 3 }),
    resumedAfter: fc.option(delay(10)),
    nested: fc.boolean(),
    nameless: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
  });
}

function insideOf({ nameless, type }: AgentPlan, index: number): { agent_id: string; agent_type: string } {
  return { agent_id: `agent${index}`, agent_type: nameless ? '' : type };
}

function agentEvents(plan: AgentPlan, index: number): Stamped[] {
  const inside = insideOf(plan, index);
  const agentId = inside.agent_id;
  const caller = plan.nested && index > 0 ? { agent_id: `agent${index - 1}`, agent_type: 'builder' } : {};
  const call = {
    ...caller,
    tool_name: index % 2 === 0 ? 'Task' : 'Agent',
    tool_input: { subagent_type: plan.type, prompt: 'do that', model: 'haiku' },
    tool_use_id: `toolu_${agentId}`,
  };
  const start = plan.at + (plan.startsAfter ?? 0);
  const end = Math.max(start, plan.at) + plan.lasts;
  const events: Stamped[] = plan.tools.flatMap((tool, number) =>
    toolEvents({ ...tool, at: start + (tool.at * plan.lasts) / 120 }, `${agentId}_${number}`, inside),
  );
  if (plan.startsAfter !== null) events.push(stamped(start, 'SubagentStart', inside));
  for (let stop = 0; stop < plan.stops; stop += 1) events.push(stamped(end + stop, 'SubagentStop', inside));
  if (plan.resumedAfter !== null) events.push(stamped(end + plan.resumedAfter, 'SubagentStart', inside));
  if (plan.launched) {
    events.push(stamped(plan.at, 'PreToolUse', call));
    if (plan.way === 'foreground') {
      const tool_response = { agentId, totalDurationMs: 1234, totalTokens: 10, usage: { input_tokens: 1 } };
      events.push(stamped(end + 0.01, 'PostToolUse', { ...call, tool_response }));
    } else if (plan.way === 'failed') {
      events.push(stamped(end, 'PostToolUseFailure', { ...call, error: 'EISDIR: no' }));
    } else {
      const tool_response = { status: 'async_launched', agentId };
      events.push(stamped(plan.at + 0.2, 'PostToolUse', { ...call, tool_response }));
    }
  }
  if (plan.way === 'killed') {
    const stop = { tool_name: 'TaskStop', tool_input: { task_id: agentId }, tool_response: {} };
    events.push(stamped(end, 'PostToolUse', { ...stop, tool_use_id: `toolu_stop_${agentId}` }));
  }
  return events;
}

function stamped(at: number, name: string, fields: Payload): Stamped {
  const ms = Math.max(0, Math.round(at * 1000));
  // Of equal times, equal folders: which of two first events names the project must not be left to chance.
  const cwd = `/home/someone/${ms % 2 === 0 ? 'even' : 'odd'}`;
  return { at: ms / 1000, payload: { hook_event_name: name, cwd, ...fields } };
}

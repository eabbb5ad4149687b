import type { StoredCall } from './call-table.ts';
import { earliest, shift, TOLERANCE_MS } from './stamp.ts';

/** How long after its launch an agent may start. */
const LAUNCH_TO_START_MS = 60_000;
/** Agents launch agents; ids that go in circles must not. */
const DEEPEST = 100;
/** Sources of the starts of a session that leave its process, and so its agents, alive. */
const SAME_PROCESS: ReadonlySet<string | null> = new Set(['compact', 'clear']);

/** One fact of the life of an agent or of a session. `agent_seen` is the earliest event that named the agent. */
export interface Mark {
  readonly name: 'agent_seen' | 'agent_start' | 'agent_stop' | 'agent_killed' | 'session_start' | 'session_end';
  readonly time: string;
  readonly agent_id: string | null;
  readonly agent_type: string | null;
  readonly permission_mode: string | null;
  readonly project: string | null;
  /** The source of a session's start, the reason of its end. */
  readonly word: string | null;
}

/** A run of an agent, named as the columns of its row. Times ISO 8601 UTC. */
export interface AgentRun {
  readonly event_type: 'pre_invocation' | 'subagent_stop';
  readonly agent_id: string | null;
  /** Which run of this agent, from 1 on; null for a launch whose agent is not known. */
  readonly run: number | null;
  readonly launch_id: number | null;
  readonly agent_name: string | null;
  readonly agent_type: string | null;
  readonly tool_use_id: string | null;
  readonly launch_time: string | null;
  readonly seen_time: string | null;
  readonly start_time: string | null;
  readonly end_time: string | null;
  readonly duration_seconds: number | null;
  readonly status: 'started' | 'completed' | 'failed' | 'abandoned';
  readonly error_type: string | null;
  readonly parent_agent_id: string | null;
  readonly parent_agent: string | null;
  readonly depth: number | null;
  readonly model: string | null;
  readonly permission_mode: string | null;
  readonly project: string | null;
  readonly input_size: number | null;
  readonly output_size: number | null;
  readonly prompt: string | null;
  readonly error: string | null;
  readonly result_summary: string | null;
  readonly raw_input: string | null;
  readonly raw_output: string | null;
}

interface Run {
  readonly agent: Agent | undefined;
  start: string | null;
  stop: string | null;
  /** It did not stop by itself: a tool call stopped it, or its session was gone when it started again. */
  killed: boolean;
  launch: StoredCall | undefined;
}

interface Agent {
  readonly id: string;
  seen: Mark | undefined;
  readonly runs: Run[];
}

/** When a session's agents were gone, as far as was heard by now, the earliest first. */
interface Breaks {
  readonly ends: string[];
  /** By new processes: the one before may have been killed without an end. */
  readonly starts: string[];
}

/**
 * The runs of the agents of one session, worked out from all that was heard of its launches and agents: a function of the
 * set of facts, so that the order in which they came makes no difference.
 */
export function agentRuns(launches: readonly StoredCall[], marks: readonly Mark[]): AgentRun[] {
  const ordered = [...launches].sort(byLaunch);
  const agents = agentsOf(ordered, [...marks].sort(byTime));
  const alone = link(ordered, agents).map((launch) => newRun(undefined, launch));
  const sessionEnds = marks.filter(({ name }) => name === 'session_end').map(({ time }) => time);
  const runs = [...agents.values()].flatMap((agent) => agent.runs).concat(alone);
  return runs.filter(isWorthARow).map((run) => describe(run, agents, sessionEnds));
}

/** When an agent's run began, for telling which of its runs something belongs to. */
export function beginningOf(startTime: string): string {
  // A run starts more than this after the one before was over.
  return shift(startTime, -TOLERANCE_MS);
}

function newRun(agent?: Agent, launch?: StoredCall): Run {
  return { agent, start: null, stop: null, killed: false, launch };
}

function addRun(agent: Agent): Run {
  const run = newRun(agent);
  agent.runs.push(run);
  return run;
}

function agentsOf(launches: readonly StoredCall[], marks: readonly Mark[]): Map<string, Agent> {
  const agents = new Map<string, Agent>();
  // A tool call also stops what is no agent: to be an agent takes more.
  const told = marks.filter(({ name }) => name !== 'agent_killed').map((mark) => mark.agent_id);
  for (const id of [...told, ...launches.map((launch) => launch.launched_agent_id)]) {
    if (id !== null && !agents.has(id)) agents.set(id, { id, seen: undefined, runs: [] });
  }
  const breaks: Breaks = { ends: [], starts: [] };
  for (const mark of marks) {
    const agent = mark.agent_id === null ? undefined : agents.get(mark.agent_id);
    if (agent !== undefined) hear(agent, mark, breaks);
    else if (mark.name === 'session_end') breaks.ends.push(mark.time);
    else if (mark.name === 'session_start' && !SAME_PROCESS.has(mark.word)) breaks.starts.push(mark.time);
  }
  return agents;
}

function hear(agent: Agent, mark: Mark, breaks: Breaks): void {
  const current = agent.runs.at(-1);
  switch (mark.name) {
    case 'agent_seen':
      agent.seen ??= mark;
      if (current === undefined) addRun(agent);
      break;
    case 'agent_start':
      begin(agent, current, mark, breaks);
      break;
    default:
      close(current ?? addRun(agent), mark.time, mark.name === 'agent_killed');
  }
}

/** A second stop without a start changes nothing. */
function close(run: Run, time: string, killed: boolean): void {
  if (run.stop !== null) return;
  run.stop = time;
  run.killed = killed;
}

function begin(agent: Agent, current: Run | undefined, { time }: Mark, breaks: Breaks): void {
  const over = current === undefined ? null : overAt(agent, current, breaks);
  if (current !== undefined && over !== null && time > shift(over, TOLERANCE_MS)) {
    close(current, over, true);
    addRun(agent).start = time;
  } else (current ?? addRun(agent)).start ??= time;
}

/** When a run stopped or went with its session; null: nothing tells that it is over. */
function overAt({ seen }: Agent, { start, stop }: Run, { ends, starts }: Breaks): string | null {
  const begun = start ?? seen?.time;
  const first = (times: readonly string[]): string | null =>
    times.find((time) => begun !== undefined && time >= begun) ?? null;
  return earliest(stop, first(ends)) ?? first(starts);
}

/** Gives runs their launches; returns the launches that have no run. */
function link(launches: readonly StoredCall[], agents: ReadonlyMap<string, Agent>): StoredCall[] {
  const open: StoredCall[] = [];
  // What the result says is certain, and comes before what time and type make likely.
  for (const launch of launches) {
    const agent = launch.launched_agent_id === null ? undefined : agents.get(launch.launched_agent_id);
    if (agent === undefined) {
      open.push(launch);
      continue;
    }
    const run = agent.runs.find((one) => one.launch === undefined && mayFollow(one, launch));
    (run ?? addRun(agent)).launch = launch;
  }
  const started = [...agents.values()]
    .flatMap(({ id, seen, runs }) => runs.map((run) => ({ id, run, start: run.start, type: seen?.agent_type })))
    .filter(({ run, start, type }) => start !== null && type !== undefined && run.launch === undefined)
    .sort((a, b) => compare(a.start, b.start) || compare(a.id, b.id));
  for (const { run, start, type } of started) {
    if (start === null) continue;
    const first = shift(start, -LAUNCH_TO_START_MS);
    const last = shift(start, TOLERANCE_MS);
    const index = open.findIndex(
      (launch) => launch.launched_type === type && isWithin(launch.start_time, first, last) && isOpenAt(start, launch),
    );
    if (index !== -1) [run.launch] = open.splice(index, 1);
  }
  return open;
}

function isWithin(time: string | null, first: string, last: string): boolean {
  return time !== null && time >= first && time <= last;
}

function isOpenAt(time: string, launch: StoredCall): boolean {
  const returned = returnOf(launch);
  return returned === null || returned >= time;
}

function mayFollow(run: Run, { start_time: launched }: StoredCall): boolean {
  const began = run.start ?? run.stop;
  return began === null || launched === null || began >= shift(launched, -TOLERANCE_MS);
}

/** When the call returned with the end of the agent, not only with its launch. */
function returnOf({ status, background, end_time: end }: StoredCall): string | null {
  return status === 'completed' && background === 1 ? null : end;
}

/** An agent that nobody named is one of the program's own: only its stop is told. */
function isWorthARow({ agent, stop, launch }: Run): boolean {
  return launch !== undefined || nameOf(agent) !== null || stop !== null;
}

function nameOf(agent: Agent | undefined): string | null {
  if (agent?.seen !== undefined) return agent.seen.agent_type;
  return agent?.runs.find(({ launch }) => launch !== undefined)?.launch?.launched_type ?? null;
}

function describe(run: Run, agents: ReadonlyMap<string, Agent>, sessionEnds: readonly string[]): AgentRun {
  const { agent, launch } = run;
  const seen = agent?.seen;
  const name = nameOf(agent) ?? launch?.launched_type ?? null;
  const end = endOf(run, sessionEnds);
  const parent = launch?.agent_id ?? null;
  return {
    event_type: name === null ? 'subagent_stop' : 'pre_invocation',
    agent_id: agent?.id ?? null,
    run: agent === undefined ? null : agent.runs.indexOf(run) + 1,
    launch_id: launch?.id ?? null,
    agent_name: name,
    agent_type: seen?.agent_type ?? null,
    tool_use_id: launch?.tool_use_id ?? null,
    launch_time: launch?.start_time ?? null,
    seen_time: seen?.time ?? null,
    start_time: run.start ?? launch?.start_time ?? null,
    ...end,
    duration_seconds: end.status === 'completed' || end.status === 'failed' ? secondsOf(run, end.end_time) : null,
    error_type: end.status === 'failed' ? (launch?.error_type ?? null) : null,
    parent_agent_id: parent,
    parent_agent: parent === null ? null : nameOf(agents.get(parent)),
    depth: depthOf(run, agents),
    model: launch?.resolved_model ?? launch?.model ?? null,
    permission_mode: (launch ?? seen)?.permission_mode ?? null,
    project: (launch ?? seen)?.project ?? null,
    input_size: launch?.input_size ?? null,
    output_size: launch?.output_size ?? null,
    prompt: launch?.prompt ?? null,
    error: launch?.error ?? null,
    result_summary: launch?.tool_output ?? null,
    raw_input: launch?.tool_input ?? null,
    raw_output: launch?.result ?? null,
  };
}

function endOf(run: Run, sessionEnds: readonly string[]): Pick<AgentRun, 'end_time' | 'status'> {
  const { launch } = run;
  const returned = launch === undefined ? null : returnOf(launch);
  const ended = earliest(run.killed ? null : run.stop, returned);
  const begun = run.start ?? launch?.start_time ?? run.agent?.seen?.time ?? ended;
  const sessionEnd = begun === null ? null : sessionEnds.filter((time) => time >= begun).reduce(earliest, null);
  const abandoned = earliest(run.killed ? run.stop : null, sessionEnd);
  if (abandoned !== null && (ended === null || abandoned < ended)) return { end_time: abandoned, status: 'abandoned' };
  if (ended === null) return { end_time: null, status: 'started' };
  const failed = returned !== null && launch?.status !== 'completed';
  return { end_time: ended, status: failed ? 'failed' : 'completed' };
}

function secondsOf({ start, stop, launch }: Run, end: string | null): number | null {
  return launch?.duration_seconds ?? between(start, stop) ?? between(launch?.start_time ?? null, end);
}

function between(start: string | null, end: string | null): number | null {
  return start === null || end === null || end < start ? null : (Date.parse(end) - Date.parse(start)) / 1000;
}

/** 1 for an agent that the session itself launched; null where a launch was not heard of. */
function depthOf({ launch }: Run, agents: ReadonlyMap<string, Agent>): number | null {
  let call = launch;
  for (let depth = 1; call !== undefined && depth <= DEEPEST; depth += 1) {
    if (call.agent_id === null) return depth;
    call = agents.get(call.agent_id)?.runs.find((run) => run.launch !== undefined)?.launch;
  }
  return null;
}

function byLaunch(a: StoredCall, b: StoredCall): number {
  return (
    compare(a.start_time ?? a.end_time, b.start_time ?? b.end_time) ||
    compare(a.tool_use_id, b.tool_use_id) ||
    a.id - b.id
  );
}

function byTime(a: Mark, b: Mark): number {
  return compare(a.time, b.time) || compare(a.name, b.name);
}

function compare(a: string | null, b: string | null): number {
  if (a === b) return 0;
  return (a ?? '') < (b ?? '') ? -1 : 1;
}

/** What a settings file says of one event: Claude Code runs `command` with `args`, without a shell, the event on stdin. */
export interface HookEntry {
  readonly type: 'command';
  readonly command: string;
  readonly args: readonly string[];
  /** The agent does not wait for it. */
  readonly async?: true;
  /** Seconds. */
  readonly timeout: number;
}

/** Absolute paths. */
export interface HookProgram {
  readonly node: string;
  /** agentcol's own main.cjs. */
  readonly main: string;
  readonly database: string;
}

interface EventRule {
  readonly event: string;
  /** Whether the event can be limited to some tools, agents or reasons; then the matcher says: all. */
  readonly matched: boolean;
}

/** The events that are written down, in the order of a session. */
const EVENTS: readonly EventRule[] = [
  { event: 'SessionStart', matched: true },
  { event: 'UserPromptSubmit', matched: false },
  { event: 'PreToolUse', matched: true },
  { event: 'PermissionRequest', matched: true },
  { event: 'PermissionDenied', matched: true },
  { event: 'PostToolUse', matched: true },
  { event: 'PostToolUseFailure', matched: true },
  { event: 'SubagentStart', matched: true },
  { event: 'SubagentStop', matched: true },
  { event: 'PreCompact', matched: true },
  { event: 'Notification', matched: true },
  { event: 'Stop', matched: false },
  { event: 'SessionEnd', matched: true },
];

export const HOOK_EVENTS: readonly string[] = EVENTS.map(({ event }) => event);

/** Far more than a hook ever needs; it only ends what hangs. */
const TIMEOUT_SECONDS = 10;
/** All hooks of SessionEnd share 1.5 s. */
const LAST_TIMEOUT_SECONDS = 1;

/**
 * Nothing that agentcol does can change what the agent does, so the agent need not wait for it; but what still runs in the
 * background when the agent ends is killed, so SessionEnd is waited for, and those before it are over by then.
 */
export function hookEntry({ node, main, database }: HookProgram, event: string): HookEntry {
  const last = event === 'SessionEnd';
  return {
    type: 'command',
    command: node,
    args: [main, 'hook', '--database', database],
    ...(last ? {} : { async: true }),
    timeout: last ? LAST_TIMEOUT_SECONDS : TIMEOUT_SECONDS,
  };
}

/** One element of an event's list. */
export interface HookGroup {
  readonly matcher?: '*';
  readonly hooks: readonly [HookEntry];
}

export function hookGroup(program: HookProgram, event: string): HookGroup {
  const matched = EVENTS.find((rule) => rule.event === event)?.matched === true;
  return { ...(matched ? { matcher: '*' } : {}), hooks: [hookEntry(program, event)] };
}

/** agentcol's own script, wherever it was installed: .../dist/src/main.cjs, or the name that npm gives it. */
const MAIN = /(?:^|[\\/])(?:src[\\/]main\.c?js|agentcol(?:\.js|\.cmd)?)$/;
/** Written by hand: `agentcol hook`, `"/opt/my tools/agentcol" hook --database x`, `node '/opt/agentcol/dist/src/main.cjs' hook`. */
const SHELL_FORM =
  /(?:^|[\s\\/"'])(?:agentcol(?:\.js|\.cmd)?|agentcol[^\s"']*[\\/]src[\\/]main\.c?js)["']?\s+hook(?=\s|$)/;

/** Whether an element of a group's `hooks` runs `agentcol hook`: this one, an older one, or one written by hand. */
export function isOwnEntry(entry: unknown): boolean {
  if (!isRecord(entry) || entry['type'] !== 'command' || typeof entry['command'] !== 'string') return false;
  const args = argsOf(entry);
  if (args === undefined) return SHELL_FORM.test(entry['command']);
  const words = [entry['command'], ...args];
  const hook = words.indexOf('hook');
  return hook > 0 && MAIN.test(words[hook - 1]!);
}

/** What an own entry in exec form runs; undefined for one that a shell runs, and for one that names no database. */
function programOf(entry: unknown): HookProgram | undefined {
  if (!isRecord(entry) || !isOwnEntry(entry)) return undefined;
  const node = entry['command'];
  const args = argsOf(entry) ?? [];
  const hook = args.indexOf('hook');
  const [main, option, database] = [args[hook - 1], args[hook + 1], args[hook + 2]];
  if (typeof node !== 'string' || main === undefined || option !== '--database' || database === undefined) {
    return undefined;
  }
  return { node, main, database };
}

function argsOf(entry: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  const args = entry['args'];
  if (!Array.isArray(args)) return undefined;
  return args.filter((word) => typeof word === 'string');
}

/** Each program once, in the order of the entries. */
export function programsOf(hooks: readonly { readonly entry: unknown }[]): readonly HookProgram[] {
  const programs = hooks.flatMap(({ entry }) => programOf(entry) ?? []);
  return [...new Map(programs.map((program) => [JSON.stringify(program), program])).values()];
}

/** Whether a group is asked for everything. */
export function matchesAll(matcher: unknown): boolean {
  return matcher === undefined || matcher === '' || matcher === '*';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

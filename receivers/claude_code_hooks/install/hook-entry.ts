/** What a settings file says of one event. */
export type HookEntry = CommandEntry | HttpEntry;

/** Claude Code posts the event to `url`; an answer that is no success, or none, it shows, and goes on. */
interface HttpEntry {
  readonly type: 'http';
  readonly url: string;
  /** Seconds. */
  readonly timeout: number;
  readonly headers: { readonly Authorization: string };
  /** Environment variables that a header may name. */
  readonly allowedEnvVars?: readonly string[];
}

/** Claude Code runs `command` with `args`, without a shell, the event on stdin. */
interface CommandEntry {
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
  /** Events that may go over HTTP do. */
  readonly http?: HttpHook;
}

/** Where events go over HTTP, and with which token: itself, or the name of the environment variable that it is in. */
export interface HttpHook {
  /** See httpHookUrl. */
  readonly url: string;
  readonly token: { readonly value: string } | { readonly variable: string };
}

/** The listener does not look at what is behind the question mark: it tells our entries from those of others. */
const OWN_QUERY = 'agentcol';

/** "http://127.0.0.1:9468" as "http://127.0.0.1:9468/hooks?agentcol". */
export function httpHookUrl(origin: string): string {
  return `${new URL(origin).origin}/hooks?${OWN_QUERY}`;
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
/** Claude Code runs commands alone for it. */
const COMMANDS_ONLY = 'SessionStart';
/** An agent waits for an answer: longer than the receiver tries, not much longer. */
const HTTP_TIMEOUT_SECONDS = 3;

/**
 * Nothing that agentcol does can change what the agent does, so the agent need not wait for it; but what still runs in the
 * background when the agent ends is killed, so SessionEnd is waited for, and those before it are over by then.
 */
export function hookEntry({ node, main, database, http }: HookProgram, event: string): HookEntry {
  const last = event === 'SessionEnd';
  if (http !== undefined && event !== COMMANDS_ONLY) {
    return httpEntry(http, last ? LAST_TIMEOUT_SECONDS : HTTP_TIMEOUT_SECONDS);
  }
  return {
    type: 'command',
    command: node,
    args: [main, 'hook', '--database', database],
    ...(last ? {} : { async: true }),
    timeout: last ? LAST_TIMEOUT_SECONDS : TIMEOUT_SECONDS,
  };
}

function httpEntry({ url, token }: HttpHook, timeout: number): HttpEntry {
  if ('value' in token) return { type: 'http', url, timeout, headers: { Authorization: `Bearer ${token.value}` } };
  const { variable } = token;
  return {
    type: 'http',
    url,
    timeout,
    headers: { Authorization: `Bearer $${variable}` },
    allowedEnvVars: [variable],
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

/** agentcol's own script, wherever it was installed: .../dist/src/main.cjs; only with what install writes behind it. */
const MAIN = /(?:^|[\\/])src[\\/]main\.c?js$/;
/** The name that npm gives it. */
const BINARY = /(?:^|[\\/])agentcol(?:\.js|\.cmd)?$/;
/** Written by hand, as a whole: `agentcol hook`, `"/opt/my tools/agentcol" hook --database x`, `node '/opt/agentcol/dist/src/main.cjs' hook`. */
const SHELL_FORM = shellForm();

function shellForm(): RegExp {
  const quoted = (inside: (quote: string) => string): string =>
    [`"${inside('"')}"`, `'${inside("'")}'`, inside('\\s"\'')].join('|');
  const node = quoted((stop) => `(?:[^${stop}]*[\\\\/])?node(?:\\.exe)?`);
  const program = quoted(
    (stop) =>
      `(?:(?:[^${stop}]*[\\\\/])?agentcol(?:\\.js|\\.cmd)?|[^${stop}]*agentcol[^${stop}]*[\\\\/]src[\\\\/]main\\.c?js)`,
  );
  const database = quoted((stop) => `[^${stop}]+`);
  return new RegExp(`^\\s*(?:(?:${node})\\s+)?(?:${program})\\s+hook(?:\\s+--database[\\s=](?:${database}))?\\s*$`);
}

/**
 * Whether an element of a group's `hooks` tells agentcol: this one, an older one, or one written by hand. What it takes for its
 * own will be replaced and removed, so anything else in the entry makes it somebody else's.
 */
export function isOwnEntry(entry: unknown): boolean {
  if (httpOf(entry) !== undefined) return true;
  if (!isRecord(entry) || entry['type'] !== 'command' || typeof entry['command'] !== 'string') return false;
  const args = argsOf(entry);
  if (args === undefined) return SHELL_FORM.test(entry['command']);
  const words = [entry['command'], ...args];
  const hook = words.indexOf('hook');
  if (hook < 1) return false;
  // Between node and the script: options of node.
  if (!words.slice(1, hook - 1).every((word) => word.startsWith('--'))) return false;
  const program = words[hook - 1]!;
  const rest = words.slice(hook + 1);
  const namesDatabase = rest.length === 2 && rest[0] === '--database';
  return BINARY.test(program) ? rest.length === 0 || namesDatabase : MAIN.test(program) && namesDatabase;
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

/** undefined for an entry of another type, or of others. */
function httpOf(entry: unknown): HttpHook | undefined {
  if (!isRecord(entry) || entry['type'] !== 'http' || typeof entry['url'] !== 'string') return undefined;
  if (!URL.canParse(entry['url'])) return undefined;
  const url = new URL(entry['url']);
  if (url.pathname !== '/hooks' || !url.searchParams.has(OWN_QUERY)) return undefined;
  const headers = entry['headers'];
  const authorization = isRecord(headers) ? headers['Authorization'] : undefined;
  const shown = typeof authorization === 'string' ? authorization.replace(/^Bearer /, '') : '';
  const token = shown.startsWith('$') ? { variable: shown.slice(1) } : { value: shown };
  return { url: entry['url'], token };
}

/** Each place that is told over HTTP once, in the order of the entries. */
export function httpHooksOf(hooks: readonly { readonly entry: unknown }[]): readonly HttpHook[] {
  const found = hooks.flatMap(({ entry }) => httpOf(entry) ?? []);
  return [...new Map(found.map((http) => [JSON.stringify(http), http])).values()];
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

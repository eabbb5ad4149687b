import { isDeepStrictEqual } from 'node:util';
import { getNodeValue, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import { ConfigError, describeError } from '../../../src/errors.ts';
import { hookEntry, hookGroup, isOwnEntry, matchesAll, HOOK_EVENTS, type HookProgram } from './hook-entry.ts';
import { append, remove, replace } from './json-edit.ts';

/** An element of hooks.EVENT[i].hooks in a settings file. */
interface Hook {
  readonly event: string;
  readonly matcher: unknown;
  /** As it stands in the file. */
  readonly entry: unknown;
  readonly node: Node;
}

/** What a settings file says of hooks. */
export interface HookSettings {
  readonly disableAllHooks: boolean;
  /** Those that run agentcol. */
  readonly own: readonly Omit<Hook, 'node'>[];
  /** How many do not. */
  readonly others: number;
}

/** `text` is a settings file without byte order mark. Throws ConfigError: "LINE:COLUMN: ...". */
export function readHooks(text: string): HookSettings {
  const root = parse(text);
  const hooks = hooksOf(root);
  return {
    disableAllHooks: member(root, 'disableAllHooks')?.value === true,
    own: hooks.filter(({ entry }) => isOwnEntry(entry)).map(({ event, matcher, entry }) => ({ event, matcher, entry })),
    others: hooks.filter(({ entry }) => !isOwnEntry(entry)).length,
  };
}

/**
 * The text with agentcol once in the list of every event: brought up to date where it is already, else at the end. Nothing
 * else changes, not a blank; equal to `text` when there is nothing to do. Throws ConfigError: "LINE:COLUMN: ...".
 */
export function withHooks(text: string, program: HookProgram): string {
  return HOOK_EVENTS.reduce((before, event) => withHook(before, event, program), text);
}

function withHook(text: string, event: string, program: HookProgram): string {
  const own = ownHooks(parse(text)).filter((hook) => hook.event === event);
  const kept = own.find(({ matcher }) => matchesAll(matcher));
  const surplus = own.find((hook) => hook !== kept);
  if (surplus !== undefined) return withHook(withoutNode(text, surplus.node), event, program);
  if (kept === undefined) return withGroup(text, event, program);
  const wanted = hookEntry(program, event);
  return isDeepStrictEqual(kept.entry, wanted) ? text : replace(text, kept.node, wanted);
}

function withGroup(text: string, event: string, program: HookProgram): string {
  const group = hookGroup(program, event);
  const root = parse(text);
  const hooks = member(root, 'hooks');
  if (hooks === undefined) return append(text, root, { [event]: [group] }, 'hooks');
  expectType(text, hooks, 'object', 'hooks');
  const groups = member(hooks, event);
  if (groups === undefined) return append(text, hooks, [group], event);
  expectType(text, groups, 'array', `hooks.${event}`);
  return append(text, groups, group);
}

/** The text without any hook that runs agentcol, and without what that leaves empty. Throws ConfigError: "LINE:COLUMN: ...". */
export function withoutHooks(text: string): string {
  const [first] = ownHooks(parse(text));
  return first === undefined ? text : withoutHooks(withoutNode(text, first.node));
}

/** Takes away the group, the event and `hooks` as well where nothing else is in them. */
function withoutNode(text: string, entry: Node): string {
  // entry < list < `hooks` of the group < group < list of the event < event < object of events < `hooks`
  const group = ancestor(entry, 3);
  const event = ancestor(group, 2);
  const hooks = ancestor(event, 2);
  if (!isAlone(entry)) return remove(text, entry);
  if (!isAlone(group)) return remove(text, group);
  return remove(text, isAlone(event) ? hooks : event);
}

function isAlone(node: Node): boolean {
  return node.parent?.children?.length === 1;
}

function ancestor(node: Node, levels: number): Node {
  let found = node;
  for (let level = 0; level < levels; level += 1) found = found.parent!;
  return found;
}

function ownHooks(root: Node): readonly Hook[] {
  return hooksOf(root).filter(({ entry }) => isOwnEntry(entry));
}

/** What has another shape than Claude Code's is nobody's hook. */
function hooksOf(root: Node): readonly Hook[] {
  return properties(member(root, 'hooks')).flatMap(([event, groups]) =>
    elements(groups).flatMap((group) =>
      elements(member(group, 'hooks')).map((node) => ({
        event,
        matcher: member(group, 'matcher')?.value as unknown,
        entry: plain(node),
        node,
      })),
    ),
  );
}

function elements(node: Node | undefined): readonly Node[] {
  return node?.type === 'array' ? (node.children ?? []) : [];
}

/** Of equal names, the last one counts, as it does for JSON.parse. */
function properties(node: Node | undefined): readonly (readonly [name: string, value: Node])[] {
  const all = node?.type === 'object' ? (node.children ?? []) : [];
  const byName = new Map<string, Node>();
  for (const { children: [key, value] = [] } of all) {
    if (typeof key?.value === 'string' && value !== undefined) byName.set(key.value, value);
  }
  return [...byName];
}

function member(node: Node | undefined, name: string): Node | undefined {
  return properties(node).find(([known]) => known === name)?.[1];
}

/** The library's objects have no prototype. */
function plain(node: Node): unknown {
  return JSON.parse(JSON.stringify(getNodeValue(node)));
}

function expectType(text: string, node: Node, type: 'object' | 'array', name: string): void {
  if (node.type === type) return;
  const [expected, empty] = type === 'object' ? ['an object', '{}'] : ['a list', '[]'];
  throw new ConfigError(`${place(text, node.offset)}: ${name} must be ${expected}: write ${empty} there, or remove it`);
}

function parse(text: string): Node {
  if (text.trim() === '') throw new ConfigError('1:1: empty, or half saved: write {} into it, or remove it');
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const [first] = errors;
  if (first !== undefined) {
    throw new ConfigError(`${place(text, first.offset)}: not valid JSON: ${inWords(printParseErrorCode(first.error))}`);
  }
  try {
    JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`1:1: not valid JSON: ${describeError(error)}`, { cause: error });
  }
  if (root?.type !== 'object') throw new ConfigError(`${place(text, root?.offset ?? 0)}: must be an object`);
  return root;
}

/** "PropertyNameExpected" as "property name expected". */
function inWords(code: string): string {
  return code.replace(/(?!^)[A-Z]/g, ' $&').toLowerCase();
}

/** "LINE:COLUMN", both from 1. */
function place(text: string, offset: number): string {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/);
  return `${lines.length}:${lines.at(-1)!.length + 1}`;
}

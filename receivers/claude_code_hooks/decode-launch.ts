import type { Launch } from './event.ts';
import { identifier, modelName, type TextBudget } from './text.ts';

/** The tool that launches sub-agents, by its former and its present name. */
const LAUNCHING_TOOLS: ReadonlySet<string> = new Set(['Task', 'Agent']);
/** What an agent is whose call names no type. */
const DEFAULT_TYPE = 'general-purpose';
/** What the schema demands of an agent_type. */
const TYPE = /^[^\p{C}]{1,128}$/u;
/** Results that say that an agent runs now, not that it has run. */
const LAUNCHED: ReadonlySet<unknown> = new Set(['async_launched', 'remote_launched', 'teammate_spawned']);
const NUMBERS = ['totalDurationMs', 'totalTokens', 'totalToolUseCount'] as const;
/** By name: a result could put text into names. */
const USAGE_FIELDS = [
  'input_tokens',
  'output_tokens',
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
  'reasoning_tokens',
  'total_tokens',
] as const;
/** A year. */
const LONGEST_MS = 366 * 24 * 3_600_000;

type JsonObject = Readonly<Record<string, unknown>>;

export function isLaunch(toolName: string): boolean {
  return LAUNCHING_TOOLS.has(toolName);
}

/** What a call of Task or Agent says of the agent; `result` is undefined before it has one. */
export function decodeLaunch(input: unknown, result: unknown, content: TextBudget): Launch {
  const asked = objectOf(input);
  const told = objectOf(result);
  return {
    type: typeOf(asked.subagent_type),
    agentId: identifier(told.agentId),
    background: LAUNCHED.has(told.status),
    prompt: content.take(asked.prompt),
    result: numbersOf(told),
    resolvedModel: modelName(told.resolvedModel),
  };
}

/** The model that a call asks for. */
export function launchModel(input: unknown): string | null {
  return modelName(objectOf(input).model);
}

/** How long the agent says it took. */
export function launchSeconds(result: unknown): number | null {
  return secondsOf(objectOf(result).totalDurationMs);
}

/** Of milliseconds that something can have taken; null of anything else, since one such number would spoil a sum for good. */
export function secondsOf(ms: unknown): number | null {
  return isAmount(ms) && ms <= LONGEST_MS ? ms / 1000 : null;
}

function typeOf(subagentType: unknown): string {
  if (subagentType === undefined || subagentType === null || subagentType === '') return DEFAULT_TYPE;
  return typeof subagentType === 'string' && TYPE.test(subagentType) ? subagentType : '_OTHER';
}

function numbersOf(result: JsonObject): string | null {
  const usage = amountsOf(objectOf(result.usage), USAGE_FIELDS);
  const numbers = { ...amountsOf(result, NUMBERS), ...(Object.keys(usage).length > 0 ? { usage } : {}) };
  return Object.keys(numbers).length > 0 ? JSON.stringify(numbers) : null;
}

function amountsOf(of: JsonObject, names: readonly string[]): Readonly<Record<string, number>> {
  const amounts: Record<string, number> = {};
  for (const name of names) {
    const value = of[name];
    if (isAmount(value)) amounts[name] = value;
  }
  return amounts;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

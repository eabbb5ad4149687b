import { expect } from 'vitest';

/**
 * What the shipped mapping publishes by design, and why: the whole list. A name that an agent or a user gave to something
 * leaves as it was given, whatever it says; only folders of absolute paths in it do not.
 */
export const PUBLISHED: readonly string[] = [
  'agent_invocations.agent_name', // gen_ai.agent.name
  'agent_invocations.phase', // agent_workflow.phase
  'agent_invocations.error_type', // error.type, of failed ones: never text of the error
  'agent_tool_uses.agent_name',
  'agent_tool_uses.tool_name', // gen_ai.tool.name
  'agent_tool_uses.error_type',
  'permission_requests.tool_name',
  'permission_requests.outcome', // agent_workflow.outcome
  'compactions.trigger', // agent_workflow.trigger
];

/** What leaves besides once a user lists it: optional_attributes, [agent_workflow.project, gen_ai.request.model]. */
export const OPTIONAL: readonly string[] = [
  'agent_invocations.project',
  'agent_invocations.model',
  'agent_tool_uses.project',
  'agent_tool_uses.model',
];

/** What spans and log records tell besides: ids of calls, and the names of events with what is counted of them. */
export const RECORDED: readonly string[] = [
  'agent_tool_uses.tool_use_id', // gen_ai.tool.call.id
  'events.name', // agent_workflow.event.*
  'events.notification_type', // agent_workflow.notification_type
  'events.size', // agent_workflow.event.size
];

/**
 * What "table.column: part of shape" names are told of, but for these columns; and every folder, but for those of columns
 * that hold whatever they were given.
 */
function unexpected(
  places: readonly string[],
  columns: readonly string[],
  asGiven: readonly string[],
): readonly string[] {
  return places.filter((place) => {
    const [column = '', part = ''] = place.split(': ');
    const isFolder = part.startsWith('folder') && !asGiven.includes(column);
    return isFolder || place.endsWith('(digest without a key)') || !columns.includes(column);
  });
}

/** The columns that places are of. */
export function columnsOf(places: readonly string[]): readonly string[] {
  return [...new Set(places.map((place) => place.split(': ')[0]!))].sort();
}

/** No output tells of a place but of these columns. */
export function expectNoneBut(
  columns: readonly string[],
  found: ReadonlyMap<string, readonly string[]>,
  asGiven: readonly string[] = [],
): void {
  const leaking = [...found].map(([output, places]) => [output, unexpected(places, columns, asGiven)] as const);
  expect(leaking.filter(([, places]) => places.length > 0)).toEqual([]);
}

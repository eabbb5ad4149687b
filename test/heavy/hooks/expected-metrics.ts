import * as family from '../../oracle/families.ts';
import type { Samples } from '../../oracle/samples.ts';
import type { Facts } from './payload-recount.ts';

/** A family and the labels by which it is compared; what has other labels too is added up. */
const COMPARED: readonly (readonly [name: string, labels: readonly string[]])[] = [
  [family.TOOL_CALLS, [family.TOOL, family.AGENT, family.STATUS]],
  [family.TOOL_CALLS_ACTIVE, [family.TOOL, family.AGENT]],
  [family.INVOCATIONS, [family.AGENT, family.STATUS]],
  [family.INVOCATIONS_ACTIVE, [family.AGENT]],
  [family.TOKENS, [family.AGENT, family.TOKEN_TYPE]],
  [family.SESSIONS, []],
  ['agent_workflow_permission_requests_total', [family.TOOL]],
  ['agent_workflow_compactions_total', ['agent_workflow_trigger']],
];

const PAIR = /([a-zA-Z_]\w*)=("(?:[^"\\]|\\.)*")/g;

/** What a collector publishes, by the labels that are compared; zeros are left out. */
export function publishedMetrics(samples: Samples): Facts {
  const published: Facts = new Map();
  for (const [key, value] of samples) {
    const compared = COMPARED.find(([name]) => name === key.split('{', 1)[0]);
    if (compared === undefined || value === 0) continue;
    const labels = new Map([...key.matchAll(PAIR)].map((pair) => [pair[1]!, JSON.parse(pair[2]!) as string]));
    add(
      published,
      compared[0],
      compared[1].map((label) => labels.get(label) ?? ''),
      value,
    );
  }
  return published;
}

/** What must be published, from what was said of the payloads alone; `unended`: as what counts that has not ended. */
export function expectedMetrics(facts: Facts, unended: 'open' | 'abandoned'): Facts {
  const expected: Facts = new Map();
  const tokenTypes = new Map(family.TOKEN_FIELDS.map(([type, field]) => [field, type]));
  for (const [key, value] of facts) {
    const [, name = '', labels = '[]'] = /^([^[]+) (\[.*)$/s.exec(key) ?? [];
    const [session = '', first = '', second = '', third = ''] = JSON.parse(labels) as (string | null)[];
    const tokenType = tokenTypes.get(name);
    if (tokenType !== undefined) add(expected, family.TOKENS, [first, tokenType], value);
    switch (name) {
      case 'tool call':
        if (third !== 'started') add(expected, family.TOOL_CALLS, [second, first, third], value);
        else if (unended === 'open') add(expected, family.TOOL_CALLS_ACTIVE, [second, first], value);
        else add(expected, family.TOOL_CALLS, [second, first, unended], value);
        break;
      case 'invocation':
        if (second !== 'started') add(expected, family.INVOCATIONS, [first, second], value);
        else if (unended === 'open') add(expected, family.INVOCATIONS_ACTIVE, [first], value);
        else add(expected, family.INVOCATIONS, [first, unended], value);
        break;
      case 'session':
        if (session !== '') add(expected, family.SESSIONS, [], 1);
        break;
      case 'permission request':
        // Nobody answers in the recordings: a request counts when no answer can come any more.
        if (unended === 'abandoned') add(expected, 'agent_workflow_permission_requests_total', [second], value);
        break;
      case 'compaction':
        add(expected, 'agent_workflow_compactions_total', [first], value);
        break;
    }
  }
  return expected;
}

function add(facts: Facts, name: string, labels: readonly (string | null)[], value: number): void {
  if (value === 0) return;
  const key = `${name} ${JSON.stringify(labels)}`;
  facts.set(key, (facts.get(key) ?? 0) + value);
}

/** The made-up agents of the demo, the tools they use, and how these behave. */

export interface Tool {
  readonly name: string;
  /** Of the logarithm of its seconds: mean and standard deviation. */
  readonly spread: readonly [mu: number, sigma: number];
  /** How likely a call fails, and with what words. */
  readonly fails: number;
  readonly errors: readonly string[];
  /** How likely it has to ask for permission first. */
  readonly asks: number;
}

export interface Agent {
  readonly name: string;
  /** Those used more often stand there more often. */
  readonly tools: readonly string[];
  readonly calls: readonly [fewest: number, most: number];
  readonly fails: number;
}

const MISSING = ['ENOENT: no such file or directory', 'EISDIR: illegal operation on a directory, read'];
const EXITS = ['Exit code 1\n2 tests failed', 'Exit code 2', 'Exit code 127\ncommand not found'];
const REMOTE = ['Error: ETIMEDOUT: request timed out', 'the server answered 502'];

const TOOLS: readonly Tool[] = [
  { name: 'Read', spread: [-3.6, 0.6], fails: 0.02, errors: MISSING, asks: 0 },
  { name: 'Grep', spread: [-2.5, 0.8], fails: 0.01, errors: EXITS, asks: 0 },
  { name: 'Glob', spread: [-3, 0.6], fails: 0.005, errors: MISSING, asks: 0 },
  { name: 'Edit', spread: [-3, 0.5], fails: 0.06, errors: ['the text to replace was not found'], asks: 0.04 },
  { name: 'Write', spread: [-3, 0.5], fails: 0.01, errors: MISSING, asks: 0.06 },
  { name: 'Bash', spread: [1, 1.2], fails: 0.14, errors: EXITS, asks: 0.1 },
  { name: 'TodoWrite', spread: [-4, 0.4], fails: 0, errors: [], asks: 0 },
  { name: 'WebFetch', spread: [0.8, 0.7], fails: 0.08, errors: REMOTE, asks: 0.15 },
  { name: 'mcp__tracker__get_issue', spread: [-0.6, 0.5], fails: 0.03, errors: REMOTE, asks: 0 },
  { name: 'mcp__tracker__update_issue', spread: [-0.3, 0.5], fails: 0.05, errors: REMOTE, asks: 0.3 },
];

const byName = new Map(TOOLS.map((tool) => [tool.name, tool]));

export function toolNamed(name: string): Tool {
  const tool = byName.get(name);
  if (tool === undefined) throw new Error(`the demo has no tool ${name}`);
  return tool;
}

/** The person's own agent, outside of all others. */
export const MAIN_TOOLS = ['Read', 'Read', 'Grep', 'Glob', 'Bash', 'TodoWrite', 'Edit'] as const;

/** A story goes from stage to stage; the agents of one stage work side by side. otel-config.yaml here names their phases. */
export const STAGES: readonly (readonly Agent[])[] = [
  [
    {
      name: 'story-analyst',
      tools: ['mcp__tracker__get_issue', 'Read', 'Grep', 'WebFetch'],
      calls: [2, 6],
      fails: 0.02,
    },
  ],
  [{ name: 'designer', tools: ['Read', 'Read', 'Grep', 'Glob', 'Write'], calls: [4, 10], fails: 0.03 }],
  [
    { name: 'api-builder', tools: ['Read', 'Edit', 'Edit', 'Bash', 'Grep', 'Write'], calls: [6, 18], fails: 0.06 },
    { name: 'ui-builder', tools: ['Read', 'Edit', 'Write', 'Bash', 'Glob'], calls: [5, 16], fails: 0.05 },
  ],
  [{ name: 'test-runner', tools: ['Bash', 'Bash', 'Read', 'Edit'], calls: [4, 12], fails: 0.12 }],
  [
    { name: 'style-reviewer', tools: ['Read', 'Grep', 'Grep', 'Bash'], calls: [3, 8], fails: 0.02 },
    { name: 'threat-reviewer', tools: ['Read', 'Grep', 'WebFetch', 'Bash'], calls: [3, 9], fails: 0.03 },
  ],
  [{ name: 'publisher', tools: ['Bash', 'Read', 'mcp__tracker__update_issue'], calls: [2, 5], fails: 0.04 }],
];

/** What other agents send to look things up. */
export const SCOUT: Agent = { name: 'scout', tools: ['Glob', 'Grep', 'Read', 'Read'], calls: [2, 6], fails: 0.01 };

import { matchesAny } from '../pipeline/attributes.ts';

/** Names that tell who, where or what: of the Claude Code hooks, of OpenTelemetry's gen_ai, user and code conventions. */
const SENSITIVE_ATTRIBUTES = [
  '*session_id',
  '*conversation_id',
  '*cwd',
  '*path*',
  '*directory*',
  '*folder*',
  '*prompt*',
  '*messages*',
  '*instructions*',
  '*arguments*',
  '*tool_input*',
  '*tool_output*',
  '*tool_response*',
  '*call_result*',
  '*raw_input*',
  '*raw_output*',
  '*command*',
  'user',
  '*user_id',
  '*user_name',
  '*username',
  '*full_name',
  '*email*',
  '*e_mail*',
];

/** Those whose values are paths: without the folders they tell no more than the name of a file. */
const PATHS = ['*cwd', '*path*', '*directory*', '*folder*'];

/** `service::privacy`. */
export const privacySettings = {
  type: 'object',
  additionalProperties: false,
  default: {},
  properties: {
    sensitive_attributes: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: SENSITIVE_ATTRIBUTES,
      description:
        'names that no exporter gets unless a processor hides their values; `*` stands for any text, `?` for one character; `sessionId` and `session.id` are `session_id`',
    },
    allow: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: [],
      description: 'sensitive attributes that exporters may get all the same, likewise',
    },
  },
} as const;

export interface PrivacyConfig {
  readonly sensitive_attributes: readonly string[];
  readonly allow: readonly string[];
}

/** The first of the globs that a name matches, however either is spelt; undefined: none. */
export function firstMatch(globs: readonly string[]): (name: string) => string | undefined {
  const patterns = globs.map((glob) => ({ glob, matches: matchesAny([normalized(glob)]) }));
  return (name) => {
    const plain = normalized(name);
    return patterns.find(({ matches }) => matches(plain))?.glob;
  };
}

const isPath = firstMatch(PATHS);

/** What must not be seen of the values of a sensitive attribute, going by its name. */
export function mustHide(name: string): 'values' | 'folders' {
  return isPath(name) === undefined ? 'values' : 'folders';
}

/** `agent.sessionId` -> `agent_session_id`: one spelling for the dialects of hooks and conventions. */
function normalized(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9*?]+/g, '_');
}

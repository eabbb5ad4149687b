import type { FromSchema } from 'json-schema-to-ts';
import { duration, endpoint, extensionId, path as filePath, serverSettings } from '../../src/config/fragments.ts';
import { HOOK_RANGES, HOOK_SETTINGS } from './settings.ts';

/** A whole number of the hooks' settings, in the range that holds for the command as well. */
function limit<Name extends keyof typeof HOOK_RANGES>(name: Name, description: string) {
  const [minimum, maximum] = HOOK_RANGES[name];
  return { type: 'integer', minimum, maximum, default: HOOK_SETTINGS[name], description } as const;
}

export const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    endpoint: {
      ...endpoint,
      default: '127.0.0.1:9468',
      description: 'Where `POST /hooks` is answered: `host:port`, `[ipv6]:port` or `unix:/path` (mode 0600).',
    },
    ...serverSettings,
    database: {
      ...filePath,
      default: '${env:AGENT_WORKFLOW_DB:-${env:XDG_DATA_HOME:-~/.local/share}/agentcol/agent_workflow.db}',
      description:
        'SQLite file that events are written to and read from, the one of `agentcol hook`; made when missing.',
    },
    max_input_bytes: limit('max_input_bytes', 'Bytes of one event; a longer one is refused.'),
    max_stored_text_bytes: limit(
      'max_stored_text_bytes',
      'Bytes of text stored of one event, where `capture_content` is on.',
    ),
    max_depth: limit('max_depth', 'Levels of objects and arrays in one event; a deeper one is refused.'),
    capture_content: {
      type: 'boolean',
      default: HOOK_SETTINGS.capture_content,
      description: 'Stores prompts, inputs, outputs and messages; otherwise only names, ids, sizes, times.',
    },
    storage: {
      ...extensionId,
      description: 'Storage extension: for totals, and for the token where there is no `auth`.',
    },
    collection_interval: {
      ...duration,
      default: '1s',
      description: 'How often to look for changes where the file system does not tell.',
    },
    watch: {
      type: 'boolean',
      default: true,
      description: 'Whether the file system tells of changes at once; otherwise each waits for `collection_interval`.',
    },
    maps: {
      type: 'object',
      additionalProperties: { type: 'object', additionalProperties: { type: 'string' } },
      default: {},
      description: 'Values by key, by name of the map, such as the phase of an agent: those of the sqlite receiver.',
    },
    optional_attributes: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: [],
      description: 'Attributes to publish of those that the mapping calls optional.',
    },
  },
} as const;

export type Config = FromSchema<typeof schema>;

/** What a receiver that tails the database is asked for. */
export interface TailConfig extends Pick<
  Config,
  'database' | 'storage' | 'collection_interval' | 'watch' | 'maps' | 'optional_attributes'
> {
  readonly preset: string;
  readonly timezone: string;
  readonly start_at: 'beginning';
  readonly tables: Record<string, never>;
  readonly distinct: Record<string, never>;
  readonly queries: Record<string, never>;
}

export function tailConfig(config: Config): TailConfig {
  const { database, storage, collection_interval, watch, maps, optional_attributes } = config;
  return {
    database,
    ...(storage === undefined ? {} : { storage }),
    collection_interval,
    watch,
    maps,
    optional_attributes,
    preset: 'agent_workflow',
    // Own times are UTC and say so; those of the older logger are local, and do not.
    timezone: 'local',
    start_at: 'beginning',
    tables: {},
    distinct: {},
    queries: {},
  };
}

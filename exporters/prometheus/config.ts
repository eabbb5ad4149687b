import type { FromSchema } from 'json-schema-to-ts';
import { endpoint, serverSettings } from '../../src/config/fragments.ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    endpoint: {
      ...endpoint,
      default: '127.0.0.1:9465',
      description: 'Where to serve `/metrics`: `host:port`, `[ipv6]:port` or `unix:/path` (mode 0600).',
    },
    ...serverSettings,
    compression: {
      enum: ['none', 'gzip'],
      default: 'none',
      description: 'Compresses replies for scrapers that accept it. Not worth its time on one machine.',
    },
    namespace: {
      type: 'string',
      pattern: '^([a-zA-Z_][a-zA-Z0-9_]*)?$',
      default: '',
      description: 'A prefix for every metric name: `lab` makes `lab_agent_workflow_sessions_total`.',
    },
    const_labels: {
      type: 'object',
      propertyNames: { pattern: '^[a-zA-Z_][a-zA-Z0-9_]*$' },
      additionalProperties: { type: 'string' },
      default: {},
      description: 'Labels for every series, such as `{team: tools}`. An attribute of the same name wins.',
    },
  },
} as const;

export type Config = FromSchema<typeof schema>;

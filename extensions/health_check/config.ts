import type { FromSchema } from 'json-schema-to-ts';
import { endpoint, serverSettings } from '../../src/config/fragments.ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    endpoint: {
      ...endpoint,
      default: '127.0.0.1:9467',
      description: 'Where to answer: `host:port`, `[ipv6]:port` or `unix:/path` (mode 0600).',
    },
    ...serverSettings,
  },
} as const;

export type Config = FromSchema<typeof schema>;

import type { FromSchema } from 'json-schema-to-ts';
import { endpoint } from '../../src/config/fragments.ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    endpoint: {
      ...endpoint,
      default: '127.0.0.1:9467',
      description: 'Where to answer: `host:port`, `[ipv6]:port` or `unix:/path` (mode 0600).',
    },
    allow_insecure_bind: {
      type: 'boolean',
      default: false,
      description:
        'Allows an `endpoint` that other machines can reach, although it has neither TLS nor authentication.',
    },
  },
} as const;

export type Config = Required<FromSchema<typeof schema>>;

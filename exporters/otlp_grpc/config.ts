import type { FromSchema } from 'json-schema-to-ts';
import { clientSettings, clientTls } from '../../src/otlp/settings.ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['endpoint'],
  properties: {
    endpoint: {
      type: 'string',
      minLength: 1,
      description: 'Where it is: `host:port`, `http://host:port` (without TLS), `https://host:port` or `unix:/path`.',
    },
    tls: {
      ...clientTls,
      properties: {
        insecure: {
          type: 'boolean',
          default: false,
          description: 'Speaks no TLS. So does an `endpoint` that begins with `http://` or `unix:`.',
        },
        ...clientTls.properties,
      },
    },
    ...clientSettings,
  },
} as const;

export type Config = FromSchema<typeof schema>;

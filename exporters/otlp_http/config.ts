import type { FromSchema } from 'json-schema-to-ts';
import { clientSettings, clientTls } from '../../src/otlp/settings.ts';

const url = { type: 'string', minLength: 1 } as const;

export const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['endpoint'],
  properties: {
    endpoint: {
      ...url,
      description: 'URL of the endpoint: `http://127.0.0.1:4318`. `/v1/metrics` and the like are added.',
    },
    metrics_endpoint: { ...url, description: 'URL for metrics, as it is, instead of `endpoint` and `/v1/metrics`.' },
    traces_endpoint: { ...url, description: 'Likewise for traces.' },
    logs_endpoint: { ...url, description: 'Likewise for logs.' },
    encoding: { enum: ['proto', 'json'], default: 'proto', description: 'Protobuf, or JSON for who wants to read it.' },
    tls: { ...clientTls, description: 'How to speak TLS, where the URL begins with `https`.' },
    ...clientSettings,
  },
} as const;

export type Config = FromSchema<typeof schema>;

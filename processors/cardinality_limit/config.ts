import type { FromSchema } from 'json-schema-to-ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    limit: {
      type: 'integer',
      minimum: 1,
      default: 2000,
      description: 'How many series a metric may have, the one that takes in all others included.',
    },
    metrics: {
      type: 'object',
      additionalProperties: { type: 'integer', minimum: 1 },
      default: {},
      description: 'Other limits, by name of the metric.',
    },
  },
} as const;

export type Config = FromSchema<typeof schema>;

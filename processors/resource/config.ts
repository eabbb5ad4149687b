import type { FromSchema } from 'json-schema-to-ts';
import { actions } from '../../src/config/actions.ts';
import { hmacSettings } from '../../src/config/hmac.ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['attributes'],
  properties: {
    attributes: {
      ...actions,
      description: "What to do with the attributes of the pipeline's resource, in this order.",
    },
    ...hmacSettings,
  },
} as const;

export type Config = FromSchema<typeof schema>;

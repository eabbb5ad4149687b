import type { FromSchema } from 'json-schema-to-ts';
import { actions } from '../../src/config/actions.ts';
import { hmacSettings } from '../../src/config/hmac.ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['actions'],
  properties: {
    actions: { ...actions, description: 'What to do with the attributes of every point, in this order.' },
    ...hmacSettings,
  },
} as const;

export type Config = FromSchema<typeof schema>;

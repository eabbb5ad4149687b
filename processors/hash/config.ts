import type { FromSchema } from 'json-schema-to-ts';
import { hmacSettings } from '../../src/config/hmac.ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    attributes: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', minLength: 1 },
      default: ['session_id', 'gen_ai.conversation.id'],
      description: 'Names of the attributes to hash; `*` stands for any text, `?` for one character.',
    },
    ...hmacSettings,
  },
} as const;

export type Config = FromSchema<typeof schema>;

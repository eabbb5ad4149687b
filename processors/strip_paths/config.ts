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
      default: ['*'],
      description: 'Names of the attributes to look into; `*` stands for any text, `?` for one character.',
    },
    mode: {
      enum: ['basename', 'drop', 'hash'],
      default: 'basename',
      description:
        'What becomes of a path: its last element, its keyed hash, or (drop) nothing, and nothing of the attribute that holds it.',
    },
    ...hmacSettings,
  },
} as const;

export type Config = FromSchema<typeof schema>;

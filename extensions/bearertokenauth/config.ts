import type { FromSchema } from 'json-schema-to-ts';
import { path } from '../../src/config/fragments.ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  anyOf: [{ required: ['filename'] }, { required: ['token'] }],
  properties: {
    filename: {
      ...path,
      description:
        'Tokens, one a line, each of them good: the new one and the old. Others are shown the first. Read again when the file changes.',
    },
    token: {
      type: 'string',
      minLength: 1,
      secret: true,
      description: 'A token, better given as `${env:NAME}`. At least one of `filename` and `token`; both add up.',
    },
    scheme: {
      type: 'string',
      pattern: '^[A-Za-z][A-Za-z0-9_-]*$',
      default: 'Bearer',
      description: 'The word before the token in the Authorization header.',
    },
  },
} as const;

export type Config = FromSchema<typeof schema>;

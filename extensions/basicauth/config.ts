import type { FromSchema } from 'json-schema-to-ts';
import { path } from '../../src/config/fragments.ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['htpasswd'],
  properties: {
    htpasswd: {
      type: 'object',
      additionalProperties: false,
      anyOf: [{ required: ['file'] }, { required: ['inline'] }],
      description: 'The users, as Apache and nginx read them. At least one of `file` and `inline`.',
      properties: {
        file: {
          ...path,
          description: 'Lines of `name:hash`, as `htpasswd -B` writes them. Read again when it changes.',
        },
        inline: {
          type: 'string',
          minLength: 1,
          secret: true,
          description: 'Such lines themselves. A user of both is the one that stands here.',
        },
      },
    },
  },
} as const;

export type Config = FromSchema<typeof schema>;

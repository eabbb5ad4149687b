import type { FromSchema } from 'json-schema-to-ts';
import { path } from '../../src/config/fragments.ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  anyOf: [{ required: ['htpasswd'] }, { required: ['client_auth'] }],
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
    client_auth: {
      type: 'object',
      additionalProperties: false,
      required: ['username', 'password'],
      description: 'What to show to others, for exporters that send. In an extension of its own, without `htpasswd`.',
      properties: {
        username: { type: 'string', minLength: 1, pattern: '^[^:]+$', description: 'A name, without a colon.' },
        password: { type: 'string', secret: true, description: 'Its password: `${env:NAME}` or `${file:PATH}`.' },
      },
    },
  },
} as const;

export type Config = FromSchema<typeof schema>;

/** Of one that tells who may ask. */
export interface HtpasswdConfig {
  readonly htpasswd: NonNullable<Config['htpasswd']>;
}

/** Of one that has something to show. */
export type ClientAuthConfig = NonNullable<Config['client_auth']>;

import type { FromSchema } from 'json-schema-to-ts';
import { duration, path } from '../../src/config/fragments.ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['path'],
  properties: {
    path: { ...path, description: 'The file, made with mode 0600. Nobody else may write to it.' },
    rotation: {
      type: 'object',
      additionalProperties: false,
      description: 'Begins a new file when this one is full. Without it, one file grows.',
      properties: {
        max_megabytes: { type: 'integer', minimum: 1, default: 100, description: 'When a file is full.' },
        max_days: {
          type: 'integer',
          minimum: 0,
          default: 0,
          description: 'How old full files get before they are deleted; 0: any age.',
        },
        max_backups: {
          type: 'integer',
          minimum: 0,
          default: 100,
          description: 'How many full files are kept; 0: all of them.',
        },
      },
    },
    export_interval: { ...duration, default: '15s', description: 'How often metrics are written.' },
  },
} as const;

export type Config = FromSchema<typeof schema>;
export type Rotation = NonNullable<Config['rotation']>;

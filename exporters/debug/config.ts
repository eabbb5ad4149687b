import type { FromSchema } from 'json-schema-to-ts';
import { duration } from '../../src/config/fragments.ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    verbosity: {
      enum: ['basic', 'normal', 'detailed'],
      default: 'basic',
      description:
        '`basic` counts, `normal` writes a line a series, span or log record, `detailed` everything, buckets included.',
    },
    interval: {
      ...duration,
      default: '1s',
      description:
        'Writes metrics at most so often. Several commits in between are written as one, with their last values.',
    },
  },
} as const;

export type Config = Required<FromSchema<typeof schema>>;

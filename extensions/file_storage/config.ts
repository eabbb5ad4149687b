import type { FromSchema } from 'json-schema-to-ts';
import { path } from '../../src/config/fragments.ts';

export const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    directory: {
      ...path,
      default: '${env:XDG_STATE_HOME:-~/.local/state}/agentcol',
      description: 'Where state and keys are kept. Created (mode 0700) when missing; nobody else may write there.',
    },
  },
} as const;

export type Config = Required<FromSchema<typeof schema>>;

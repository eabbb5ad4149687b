import type { FromSchema } from 'json-schema-to-ts';

const matchers = {
  type: 'array',
  minItems: 1,
  items: {
    type: 'object',
    additionalProperties: false,
    minProperties: 1,
    properties: {
      metric_names: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', minLength: 1 },
        description: "One of them is the metric's name; `*` stands for any text, `?` for one character.",
      },
      span_names: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', minLength: 1 },
        description: "One of them is the span's name, likewise.",
      },
      event_names: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', minLength: 1 },
        description: "One of them is the log record's event name, likewise.",
      },
      attributes: {
        type: 'array',
        minItems: 1,
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['key'],
          properties: {
            key: { type: 'string', minLength: 1, description: 'The name of the attribute.' },
            value: { type: ['string', 'number', 'boolean'], description: 'It is this, of the same type.' },
            glob: {
              type: 'string',
              description: 'Its text is this; `*` stands for any text, `?` for one character.',
            },
            regexp: { type: 'string', description: 'Its text holds what this regular expression finds.' },
            present: { type: 'boolean', description: 'Whether it is there at all.' },
          },
        },
        description: 'All of these hold.',
      },
    },
  },
} as const;

export const schema = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: {
    include: {
      ...matchers,
      description: 'Only points, spans and log records that one of these matches go on. Absent: all.',
    },
    exclude: { ...matchers, description: 'What one of these matches is dropped, included or not.' },
  },
} as const;

export type Config = FromSchema<typeof schema>;
export type Matcher = NonNullable<Config['include']>[number];
export type Condition = NonNullable<Matcher['attributes']>[number];

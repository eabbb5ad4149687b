import type { FromSchema } from 'json-schema-to-ts';
import { duration, extensionId, path as filePath } from '../../src/config/fragments.ts';

const expression = { type: ['string', 'number'] } as const;
const names = { type: 'array', items: { type: 'string', minLength: 1 } } as const;
const expressions = { type: 'object', additionalProperties: expression } as const;

const tableMetric = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'type'],
  properties: {
    name: { type: 'string', minLength: 1, description: 'OpenTelemetry metric name; entries of one name add up' },
    type: { enum: ['counter', 'histogram', 'gauge', 'updowncounter'], description: 'Instrument' },
    unit: { type: 'string', default: '', description: 'UCUM unit' },
    description: { type: 'string', default: '', description: 'What it counts' },
    value: { ...expression, description: 'SQL expression; absent: 1 per row; NULL: the row adds nothing' },
    when: { ...expression, description: 'SQL condition for this metric alone' },
    of: {
      enum: ['settled', 'complete', 'open', 'all'],
      default: 'settled',
      description: 'Which rows: settled (complete or abandoned), complete, open, or all (when first read)',
    },
    attributes: { ...names, description: "Subset of the table's attributes; absent: all" },
    set: { ...expressions, default: {}, description: 'More attributes, for this metric: name -> SQL expression' },
    values: {
      type: 'object',
      additionalProperties: { type: 'array', minItems: 1, items: { type: ['string', 'number', 'boolean'] } },
      default: {},
      description: 'Attribute -> values that are published together from the first sighting, zeros included',
    },
    buckets: {
      anyOf: [
        { type: 'array', minItems: 1, items: { type: 'number' } },
        {
          type: 'object',
          additionalProperties: false,
          required: ['start', 'factor', 'count'],
          properties: {
            start: { type: 'number', exclusiveMinimum: 0, description: 'The first upper bound' },
            factor: { type: 'number', exclusiveMinimum: 1, description: 'From one bound to the next' },
            count: { type: 'integer', minimum: 1, maximum: 160, description: 'How many bounds' },
          },
        },
      ],
      description: 'Upper bounds of a histogram: a list, or {start, factor, count}',
    },
    aggregation: { enum: ['max', 'last'], description: 'How a gauge combines rows; default last' },
  },
} as const;

const table = {
  type: 'object',
  additionalProperties: false,
  required: ['metrics'],
  properties: {
    from: { type: 'string', minLength: 1, description: 'Table; default: the id' },
    optional: { type: 'boolean', default: false, description: 'An absent table is empty and up' },
    identity: { ...names, default: [], description: 'Columns that are never updated after insert' },
    key: { ...expression, description: 'SQL expression: a row is counted once per value, for ever' },
    where: { ...expression, description: 'SQL condition, tested once, when the row is first read' },
    started_at: { ...expression, description: "An open row's start, in any time encoding" },
    complete_when: { ...expression, description: 'SQL condition; absent: complete at insert' },
    open_timeout: { ...duration, default: '24h', description: 'Then an open row is abandoned' },
    each: { type: 'string', minLength: 1, description: 'Column with a JSON array: one evaluation per element' },
    optional_columns: { ...names, default: [], description: 'Columns that read as NULL where they are missing' },
    columns: { ...expressions, default: {}, description: 'Names for SQL expressions used more than once' },
    attributes: { ...expressions, default: {}, description: 'Attribute name -> SQL expression; NULL: absent' },
    optional_attributes: {
      ...expressions,
      default: {},
      description: 'Attributes that are published only where the receiver names them',
    },
    metrics: { type: 'array', minItems: 1, items: tableMetric, description: 'What the rows are folded into' },
  },
} as const;

const distinct = {
  type: 'object',
  additionalProperties: false,
  required: ['of'],
  properties: {
    unit: { type: 'string', default: '', description: 'UCUM unit' },
    description: { type: 'string', default: '', description: 'What it counts' },
    of: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', pattern: '^[^.]+\\.[^.]+$' },
      description: 'Columns as table.column',
    },
  },
} as const;

const query = {
  type: 'object',
  additionalProperties: false,
  required: ['sql', 'metrics'],
  properties: {
    sql: { type: 'string', minLength: 1, description: 'One SELECT statement' },
    limit: { type: 'integer', minimum: 1, maximum: 10000, default: 100, description: 'Rows at most' },
    interval: { ...duration, default: '15s', description: 'Run at most once in it' },
    attributes: { ...expressions, default: {}, description: 'Attribute name -> SQL expression over a result row' },
    metrics: {
      description: 'What a result row shows',
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'type', 'value'],
        properties: {
          name: { type: 'string', minLength: 1, description: 'OpenTelemetry metric name' },
          type: { enum: ['gauge'], description: 'A snapshot is a gauge' },
          unit: { type: 'string', default: '', description: 'UCUM unit' },
          description: { type: 'string', default: '', description: 'What it shows' },
          value: { ...expression, description: 'SQL expression over a result row' },
        },
      },
    },
  },
} as const;

/** The sections that a preset has, and that a receiver may add. */
export const mappingProperties = {
  maps: {
    type: 'object',
    additionalProperties: { type: 'object', additionalProperties: { type: 'string' } },
    default: {},
    description: "Values by key, by name of the map: map('name', x) in expressions",
  },
  tables: {
    type: 'object',
    additionalProperties: table,
    default: {},
    description: 'Rows to fold into metrics, by id (see the mapping language)',
  },
  distinct: {
    type: 'object',
    additionalProperties: distinct,
    default: {},
    description: 'Counters of values never seen before, by metric name',
  },
  queries: {
    type: 'object',
    additionalProperties: query,
    default: {},
    description: 'Bounded snapshots for gauges, by id',
  },
} as const;

export const presetSchema = {
  type: 'object',
  additionalProperties: false,
  properties: mappingProperties,
} as const;

export const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['database'],
  properties: {
    database: {
      anyOf: [filePath, { type: 'array', minItems: 1, items: filePath }],
      description: 'SQLite file, a list of them, or a glob in the file name',
    },
    preset: {
      anyOf: [
        { type: 'string', minLength: 1 },
        { type: 'array', items: { type: 'string', minLength: 1 } },
      ],
      default: [],
      description: 'Shipped mapping, or a list: agent_workflow, agent_workflow_sessions',
    },
    collection_interval: {
      ...duration,
      default: '1s',
      description: 'How often to look for changes where the file system does not tell',
    },
    storage: { ...extensionId, description: 'Storage extension; without it totals are rebuilt at start' },
    timezone: {
      type: 'string',
      minLength: 1,
      default: 'local',
      description: 'IANA name, UTC or local: for timestamps that carry no zone',
    },
    start_at: { enum: ['beginning', 'end'], default: 'beginning', description: 'Where a first read begins' },
    optional_attributes: {
      ...names,
      default: [],
      description: 'Attributes to publish of those that a mapping calls optional',
    },
    ...mappingProperties,
  },
} as const;

export type SqliteConfig = FromSchema<typeof schema>;
export type MappingConfig = Pick<SqliteConfig, 'maps' | 'tables' | 'distinct' | 'queries'>;
export type TableConfig = SqliteConfig['tables'][string];
export type TableMetricConfig = TableConfig['metrics'][number];
export type DistinctConfig = SqliteConfig['distinct'][string];
export type QueryConfig = SqliteConfig['queries'][string];

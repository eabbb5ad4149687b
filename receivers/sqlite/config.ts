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

/** Which rows become records, and with what attributes. */
const record = {
  of: {
    enum: ['settled', 'complete', 'all'],
    default: 'settled',
    description: 'Which rows: settled (complete or abandoned), complete, or all (when first read)',
  },
  when: { ...expression, description: 'SQL condition for these alone' },
  attributes: { ...names, description: "Subset of the table's attributes; absent: all" },
  set: { ...expressions, default: {}, description: 'More attributes: name -> SQL expression' },
} as const;

const tableSpan = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'trace', 'id', 'start'],
  properties: {
    name: { ...expression, description: 'SQL expression: the name of the span' },
    kind: { ...expression, description: 'SQL expression: internal (default), server, client, producer or consumer' },
    trace: { ...expression, description: 'SQL expression: rows of one value are one trace; NULL: no span' },
    id: { ...expression, description: 'SQL expression: which span of its trace it is' },
    parent: { ...expression, description: "SQL expression: the parent's id; NULL or absent: a root" },
    start: { ...expression, description: 'SQL expression: the start, in any time encoding; NULL: no span, counted' },
    end: { ...expression, description: 'SQL expression: the end, likewise; NULL or absent: the start' },
    status: { ...expression, description: 'SQL expression: ok, error or NULL' },
    ...record,
  },
} as const;

const tableLog = {
  type: 'object',
  additionalProperties: false,
  required: ['event_name', 'time'],
  properties: {
    event_name: { ...expression, description: 'SQL expression: the name of the event' },
    time: { ...expression, description: 'SQL expression: when it was, in any time encoding; NULL: no record, counted' },
    severity: {
      ...expression,
      description: 'SQL expression: trace, debug, info (default), warn, error, fatal, or 1 to 24',
    },
    body: { ...expression, description: 'SQL expression: a text for people; NULL: none' },
    trace: { ...expression, description: 'SQL expression: the trace that it belongs to, as that of spans' },
    span: { ...expression, description: 'SQL expression: the id of the span that it belongs to' },
    ...record,
  },
} as const;

const table = {
  type: 'object',
  additionalProperties: false,
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
    metrics: { type: 'array', items: tableMetric, default: [], description: 'What the rows are folded into' },
    spans: { type: 'array', items: tableSpan, default: [], description: 'What spans they are, in a traces pipeline' },
    logs: { type: 'array', items: tableLog, default: [], description: 'What log records they are, in a logs pipeline' },
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
    watch: {
      type: 'boolean',
      default: true,
      description: 'Whether the file system tells of changes at once; otherwise each waits for collection_interval',
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
export type TableSpanConfig = TableConfig['spans'][number];
export type TableLogConfig = TableConfig['logs'][number];
export type DistinctConfig = SqliteConfig['distinct'][string];
export type QueryConfig = SqliteConfig['queries'][string];

import { componentId, endpoint, serverSettings } from './fragments.ts';
import { privacySettings } from './privacy.ts';
import type { FromSchema } from 'json-schema-to-ts';

export type Section = 'receivers' | 'processors' | 'exporters' | 'extensions';

/** In the order in which messages name them. */
export const SECTIONS = {
  receivers: 'receiver',
  processors: 'processor',
  exporters: 'exporter',
  extensions: 'extension',
} as const satisfies Record<Section, string>;

export const SECTION_NAMES: readonly Section[] = ['receivers', 'processors', 'exporters', 'extensions'];

export const DEFAULT_TELEMETRY_ADDRESS = '127.0.0.1:9466';

const ids = { type: 'array', items: componentId, uniqueItems: true } as const;
const components = { type: 'object', additionalProperties: { type: ['object', 'null'] } } as const;
/** `processors:` with nothing below is none. */
const optionalComponents = { ...components, type: ['object', 'null'] } as const;

/** Of the whole file; what a component's settings are is said by its factory. */
export const ROOT_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['receivers', 'exporters', 'service'],
  properties: {
    receivers: { ...components, description: 'where telemetry comes from, by id' },
    processors: { ...optionalComponents, description: 'what is done to it on the way, by id' },
    exporters: { ...components, description: 'where it goes, by id' },
    extensions: { ...optionalComponents, description: 'what else there is: storage, health, authentication; by id' },
    service: {
      type: 'object',
      additionalProperties: false,
      required: ['pipelines'],
      properties: {
        extensions: { ...ids, default: [], description: 'ids of the extensions to start, in this order' },
        pipelines: {
          type: 'object',
          minProperties: 1,
          description: 'what is read, processed and published, by id: a signal, or signal/name',
          additionalProperties: {
            type: 'object',
            additionalProperties: false,
            required: ['receivers', 'exporters'],
            properties: {
              receivers: { ...ids, minItems: 1, description: 'ids of what it reads' },
              processors: { ...ids, default: [], description: 'ids in the order in which they are applied' },
              exporters: { ...ids, minItems: 1, description: 'ids of those that get what comes out' },
            },
          },
        },
        privacy: privacySettings,
        telemetry: {
          type: 'object',
          additionalProperties: false,
          default: {},
          properties: {
            logs: {
              type: 'object',
              additionalProperties: false,
              default: {},
              properties: {
                level: {
                  enum: ['debug', 'info', 'warn', 'error'],
                  default: 'info',
                  description: 'the least severe log lines to write',
                },
              },
            },
            metrics: {
              type: 'object',
              additionalProperties: false,
              default: {},
              properties: {
                level: {
                  enum: ['none', 'basic', 'normal', 'detailed'],
                  default: 'normal',
                  description: "how much of agentcol's own metrics to publish",
                },
                address: {
                  ...endpoint,
                  default: DEFAULT_TELEMETRY_ADDRESS,
                  description: 'where to publish them',
                },
                ...serverSettings,
              },
            },
          },
        },
      },
    },
  },
} as const;

/** `service` with its defaults. */
export type ServiceSettings = FromSchema<typeof ROOT_SCHEMA>['service'];

/** Schema fragments of the exporters that send OTLP: the Collector's client settings. */
import type { FromSchema } from 'json-schema-to-ts';
import { duration, durationMs, extensionId, path } from '../config/fragments.ts';
import type { RetryPolicy } from '../component.ts';

/** 0 is what the Collector writes for "never". */
const NEVER = '0s';

/** The Collector's client settings for TLS. */
export const clientTls = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'How to speak TLS.',
  properties: {
    ca_file: { ...path, description: 'PEM: the authorities to trust instead of those of the system.' },
    cert_file: { ...path, description: 'PEM: the certificate to show (mutual TLS), with `key_file`.' },
    key_file: { ...path, description: 'PEM: its private key, without a passphrase.' },
    insecure_skip_verify: {
      type: 'boolean',
      default: false,
      description: 'Does not look whose certificate the endpoint shows: anybody could be in between.',
    },
    server_name_override: { type: 'string', minLength: 1, description: 'The name that its certificate must be for.' },
    min_version: { enum: ['1.2', '1.3'], default: '1.2', description: 'The oldest version of TLS to speak.' },
    reload_interval: {
      ...duration,
      default: '1m',
      description: 'How often to look whether the files have changed.',
    },
  },
} as const;

export type ClientTlsConfig = FromSchema<typeof clientTls>;

/** What both have besides `endpoint` and `tls`. */
export const clientSettings = {
  headers: {
    type: 'object',
    additionalProperties: { type: 'string', secret: true },
    default: {},
    description: 'Sent with every request, such as `{x-tenant: tools}`. What is secret, as `${env:NAME}`.',
  },
  compression: { enum: ['gzip', 'none'], default: 'gzip', description: 'How requests are compressed.' },
  timeout: { ...duration, default: '30s', description: 'How long one request may take.' },
  auth: {
    type: 'object',
    additionalProperties: false,
    required: ['authenticator'],
    description: 'Shows the endpoint who is asking.',
    properties: {
      authenticator: {
        ...extensionId,
        description: 'The extension that has what to show: basicauth with `client_auth`, bearertokenauth.',
      },
    },
  },
  retry_on_failure: {
    type: 'object',
    additionalProperties: false,
    default: {},
    description: 'The pauses after requests that may succeed later.',
    properties: {
      enabled: { type: 'boolean', default: true, description: '`false`: spans and log records that fail are dropped.' },
      initial_interval: { ...duration, default: '5s', description: 'The first pause.' },
      randomization_factor: {
        type: 'number',
        minimum: 0,
        maximum: 1,
        default: 0.5,
        description: 'Each pause is longer or shorter by up to this share of it.',
      },
      multiplier: { type: 'number', minimum: 1, default: 1.5, description: 'How fast pauses grow.' },
      max_interval: { ...duration, default: '30s', description: 'The longest pause.' },
      max_elapsed_time: {
        anyOf: [{ enum: [NEVER] }, duration],
        default: NEVER,
        description: 'When to drop what still fails. `0s`: never, because the table is the queue.',
      },
    },
  },
  export_interval: { ...duration, default: '15s', description: 'How often metrics are sent.' },
  temporality: {
    type: 'string',
    default: 'cumulative',
    description: 'Of metrics: `cumulative`, always.',
  },
} as const;

export type ClientConfig = FromSchema<{
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly properties: typeof clientSettings;
}>;

export function retryPolicy(config: ClientConfig['retry_on_failure']): RetryPolicy {
  return {
    enabled: config.enabled,
    initialMs: durationMs(config.initial_interval),
    multiplier: config.multiplier,
    randomizationFactor: config.randomization_factor,
    maxMs: durationMs(config.max_interval),
    maxElapsedMs: config.max_elapsed_time === NEVER ? 0 : durationMs(config.max_elapsed_time),
  };
}

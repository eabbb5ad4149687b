import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type {
  ExporterFactory,
  ExtensionFactory,
  ProcessorFactory,
  Receiver,
  ReceiverFactory,
} from '../../src/component.ts';
import { loadConfig, type ComponentFactory, type Config, type ConfigSources } from '../../src/config/config.ts';
import { duration, endpoint, extensionId, path as filePath } from '../../src/config/fragments.ts';
import { ConfigError } from '../../src/errors.ts';

function never(): Promise<never> {
  return Promise.reject(new Error('configuration alone creates nothing'));
}

/** A receiver with a setting of every kind. */
export const sqlite: ReceiverFactory<{ readonly preset?: string }> & { create: () => Promise<Receiver> } = {
  type: 'sqlite',
  kind: 'receiver',
  signals: ['metrics'],
  summary: 'Tails tables.',
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['database'],
    properties: {
      database: { ...filePath, type: ['string', 'array'], items: filePath },
      collection_interval: { ...duration, default: '1s' },
      preset: { type: 'string' },
      storage: extensionId,
      limit: { type: 'integer', minimum: 1, default: 50 },
      optional: { type: 'boolean' },
      start_at: { enum: ['beginning', 'end'], default: 'beginning' },
      labels: { type: 'object', propertyNames: { pattern: '^[a-z]+$' }, additionalProperties: { type: 'string' } },
      tables: {
        type: 'object',
        additionalProperties: {
          type: 'object',
          additionalProperties: false,
          required: ['metrics'],
          properties: {
            from: { type: 'string' },
            metrics: { type: 'array', minItems: 1, items: { type: 'string' } },
            buckets: {
              anyOf: [
                { type: 'array', items: { type: 'number' } },
                {
                  type: 'object',
                  additionalProperties: false,
                  required: ['start'],
                  properties: { start: { type: 'number' } },
                },
              ],
            },
          },
        },
      },
    },
  },
  check: async (config) =>
    config.preset === 'nope' ? [{ path: ['preset'], message: 'there is no preset "nope"' }] : [],
  create: never,
};

export const hash: ProcessorFactory = {
  type: 'hash',
  kind: 'processor',
  signals: ['metrics'],
  summary: 'Hashes.',
  schema: { type: 'object', additionalProperties: false, properties: { length: { type: 'integer', default: 16 } } },
  create: never,
};

export const prometheus: ExporterFactory = {
  type: 'prometheus',
  kind: 'exporter',
  signals: ['metrics'],
  summary: 'Serves.',
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: { endpoint: { ...endpoint, default: '127.0.0.1:9465' } },
  },
  create: never,
};

export const traceOnly: ExporterFactory = { ...prometheus, type: 'spans', signals: ['traces'] };

export const storage: ExtensionFactory = {
  type: 'file_storage',
  kind: 'extension',
  signals: [],
  summary: 'Keeps.',
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: { directory: { ...filePath, default: '${env:XDG_STATE_HOME:-~/.local/state}/agentcol' } },
  },
  create: never,
};

export const FACTORIES: readonly ComponentFactory[] = [sqlite, hash, prometheus, traceOnly, storage];

/** A folder of its own; gone with the test. */
export class Folder {
  readonly path = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-config-')));

  write(name: string, text: string | Uint8Array): string {
    const file = path.join(this.path, name);
    fs.writeFileSync(file, text);
    return file;
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.path, { recursive: true, force: true });
  }
}

type Options = Omit<ConfigSources, 'files'> & { readonly factories?: readonly ComponentFactory[] };

const AROUND = { env: {}, homeDirectory: '/home/me' };

/** The files are written to `folder` as a.yaml, b.yaml ... */
export async function loadIn(folder: Folder, texts: readonly string[], options: Options = {}): Promise<Config> {
  const { factories = FACTORIES, ...sources } = options;
  const files = texts.map((text, index) => folder.write(`${'abcdef'[index] ?? 'z'}.yaml`, text));
  return loadConfig({ ...AROUND, ...sources, files }, factories);
}

export async function load(text: string, options: Options = {}): Promise<Config> {
  using folder = new Folder();
  return await loadIn(folder, [text], options);
}

/** Every message, without the folder. */
export async function problems(text: string | readonly string[], options: Options = {}): Promise<readonly string[]> {
  using folder = new Folder();
  try {
    await loadIn(folder, typeof text === 'string' ? [text] : text, options);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ message }) => message.replaceAll(`${folder.path}/`, ''));
  }
  return [];
}

/** Everything but the receiver's settings, which start at line 3, column 5. */
export function receiving(...settings: readonly string[]): string {
  return [
    'receivers:',
    '  sqlite/agents:',
    ...settings.map((line) => `    ${line}`),
    'exporters:',
    '  prometheus:',
    'extensions:',
    '  file_storage:',
    'service:',
    '  extensions: [file_storage]',
    '  pipelines:',
    '    metrics: { receivers: [sqlite/agents], exporters: [prometheus] }',
    '',
  ].join('\n');
}

export function receiverSettings(config: Config): unknown {
  return config.receivers.get('sqlite/agents')?.settings;
}

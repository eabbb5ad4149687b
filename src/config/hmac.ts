import { createHmac } from 'node:crypto';
import type { Settings } from '../component.ts';
import { ConfigError } from '../errors.ts';
import { extensionId } from './fragments.ts';

/** The settings of whatever replaces a value by its keyed hash. */
export const hmacSettings = {
  key: {
    type: 'string',
    minLength: 16,
    secret: true,
    description:
      'Secret of at least 16 characters: `${file:hash.key}` or `${env:HASH_KEY}`. Absent: generated once and kept by the storage extension.',
  },
  length: {
    type: 'integer',
    minimum: 8,
    maximum: 64,
    default: 16,
    description: 'Hexadecimal characters of a hash. 16 (64 bits) tell a billion values apart.',
  },
  storage: {
    ...extensionId,
    description: 'The storage extension that keeps the generated key. Absent: the only one that the service starts.',
  },
} as const;

export interface HmacConfig {
  readonly key?: string;
  readonly length: number;
  readonly storage?: string;
}

/**
 * Where the key is: the configured one, or the one that the storage keeps under `hash`, so that all who hash without a key
 * of their own agree. To be called once the storage has started. Throws ConfigError when there is neither.
 */
export function keySource(config: HmacConfig, settings: Settings): () => string | Buffer {
  const { key } = config;
  if (key !== undefined) return () => key;
  const storage = settings.storage(config.storage);
  if (storage === undefined) {
    const message =
      'no key, and no storage extension that could keep a generated one: set key: ${file:hash.key}, or add file_storage to extensions and to service::extensions';
    throw new ConfigError([{ path: ['key'], message }]);
  }
  return () => storage.secret('hash');
}

/** The first `length` hexadecimal characters of HMAC-SHA-256 over the text's UTF-8. */
export function keyedHash(key: string | Buffer, text: string, length: number): string {
  return createHmac('sha256', key).update(text).digest('hex').slice(0, length);
}

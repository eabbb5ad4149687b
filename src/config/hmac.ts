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
  key_id: {
    type: 'string',
    pattern: '^[a-z][a-z0-9_-]{1,15}$',
    description:
      'Stands before every hash, `k2:`, to tell which key made it; with a generated key, another key_id is another key.',
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
  readonly key_id?: string;
  readonly length: number;
  readonly storage?: string;
}

/** Replaces texts by hashes that tell nothing of them, the same for the same text and key. */
export interface Hasher {
  /** To be called once the storage has started; without, the first hash does it. */
  start(): void;
  hash(text: string): string;
}

/**
 * Of the configured key, or of one that the storage keeps, the same for all who hash with no key of their own and the same
 * key_id. Throws ConfigError when there is neither a key nor a storage.
 */
export function hasherOf(config: HmacConfig, settings: Settings): Hasher {
  const keyOf = keySource(config, settings);
  const prefix = config.key_id === undefined ? '' : `${config.key_id}:`;
  let key: string | Buffer | undefined;
  return {
    start() {
      key = keyOf();
    },
    hash(text) {
      return prefix + keyedHash((key ??= keyOf()), text, config.length);
    },
  };
}

function keySource({ key, key_id, storage: id }: HmacConfig, settings: Settings): () => string | Buffer {
  if (key !== undefined) return () => key;
  const storage = settings.storage(id);
  if (storage === undefined) {
    const message =
      'no key, and no storage extension that could keep a generated one: set key: ${file:hash.key}, or add file_storage to extensions and to service::extensions';
    throw new ConfigError([{ path: ['key'], message }]);
  }
  return () => storage.secret(key_id === undefined ? 'hash' : `hash-${key_id}`);
}

/** The first `length` hexadecimal characters of HMAC-SHA-256 over the text's UTF-8. */
function keyedHash(key: string | Buffer, text: string, length: number): string {
  return createHmac('sha256', key).update(text).digest('hex').slice(0, length);
}

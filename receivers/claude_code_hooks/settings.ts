import type { Database } from 'better-sqlite3';
import type { Limits } from './event.ts';

/** What a hook needs to know: kept in the database, because reading YAML would take it longer than all that it does. */
export type HookSettings = Limits;

export const HOOK_SETTINGS: HookSettings = {
  max_input_bytes: 1024 * 1024,
  max_stored_text_bytes: 10 * 1024,
  max_depth: 64,
  capture_content: false,
};

/** Of an input, which has to be in memory as a whole. */
export const MOST_INPUT_BYTES = 64 * 1024 * 1024;

export const HOOK_RANGES = {
  max_input_bytes: [1024, MOST_INPUT_BYTES],
  max_stored_text_bytes: [0, 1024 * 1024],
  max_depth: [4, 512],
} as const;

const RANGES: Readonly<Record<string, readonly [least: number, most: number]>> = HOOK_RANGES;

/** The row of the table that is no setting: the secret of this database's digests. */
export const DIGEST_KEY = 'digest_key';
export const DIGEST_KEY_BYTES = 32;
/** 128 bits. */
const DIGEST_CHARACTERS = 22;

/** What the database says, else the default; a value that makes no sense counts as none. */
export function hookSettings(db: Database): HookSettings {
  const rows = db.prepare<[], { name: string; value: unknown }>('SELECT name, value FROM settings').all();
  const written = new Map(rows.map(({ name, value }) => [name, value]));
  const number = (name: Exclude<keyof HookSettings, 'capture_content'>): number => {
    const value = written.get(name);
    return isInRange(name, value) ? value : HOOK_SETTINGS[name];
  };
  return {
    max_input_bytes: number('max_input_bytes'),
    max_stored_text_bytes: number('max_stored_text_bytes'),
    max_depth: number('max_depth'),
    capture_content: written.get('capture_content') === 1,
  };
}

/** Changes some settings, in one transaction. Throws RangeError for a value out of its range. */
export function writeHookSettings(db: Database, patch: Partial<HookSettings>): void {
  const write = db.prepare('INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)');
  db.transaction(() => {
    for (const [name, value] of Object.entries(patch)) {
      if (typeof value !== 'boolean' && !isInRange(name, value)) {
        const [least = 0, most = 0] = RANGES[name] ?? [];
        throw new RangeError(`${name} must be a whole number from ${least} to ${most}`);
      }
      write.run(name, typeof value === 'boolean' ? Number(value) : value);
    }
  }).immediate();
}

function isInRange(name: string, value: unknown): value is number {
  const range = RANGES[name];
  return range !== undefined && Number.isInteger(value) && Number(value) >= range[0] && Number(value) <= range[1];
}

/** HMAC-SHA-256 under the key of this database, 128 bits, base64url: equal texts have equal digests, here alone. */
export function hookDigest(db: Database): (text: string) => string {
  let key: Buffer | undefined;
  return (text) => {
    key ??= db.prepare<[string], Buffer>('SELECT value FROM settings WHERE name = ?').pluck().get(DIGEST_KEY);
    if (key === undefined) throw new Error('the database has no digest key');
    // Loaded where an event has something to digest: loading takes a twentieth of the life of a hook.
    const { createHmac } = process.getBuiltinModule('node:crypto');
    return createHmac('sha256', key).update(text).digest('base64url').slice(0, DIGEST_CHARACTERS);
  };
}

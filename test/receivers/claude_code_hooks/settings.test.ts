import { createHmac } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareHookDatabase } from '../../../receivers/claude_code_hooks/prepare.ts';
import {
  HOOK_SETTINGS,
  hookDigest,
  hookSettings,
  writeHookSettings,
} from '../../../receivers/claude_code_hooks/settings.ts';
import { Workspace } from '../../main-job/harness.ts';

let workspace: Workspace;
let db: Database;

beforeEach(() => {
  workspace = new Workspace();
  db = prepareHookDatabase(workspace.file('agents.db'));
});
afterEach(() => {
  db.close();
  workspace[Symbol.dispose]();
});

describe('the settings of a database', () => {
  it('are the defaults until they are written; content is not captured', () => {
    expect(hookSettings(db)).toEqual(HOOK_SETTINGS);
    expect(HOOK_SETTINGS).toMatchObject({ max_input_bytes: 1_048_576, capture_content: false });
  });

  it('are what was written, each by itself', () => {
    writeHookSettings(db, { capture_content: true, max_input_bytes: 2_000_000 });
    writeHookSettings(db, { max_depth: 10 });
    const written = { capture_content: true, max_input_bytes: 2_000_000, max_depth: 10 };
    expect(hookSettings(db)).toEqual({ ...HOOK_SETTINGS, ...written });
    writeHookSettings(db, { capture_content: false });
    expect(hookSettings(db).capture_content).toBe(false);
  });

  it('are not changed at all when one of them is out of its range', () => {
    for (const value of [0, 1.5, NaN, 2 ** 40]) {
      expect(() => {
        writeHookSettings(db, { max_depth: 10, max_input_bytes: value });
      }).toThrow('max_input_bytes must be a whole number from 1024 to 67108864');
    }
    expect(hookSettings(db)).toEqual(HOOK_SETTINGS);
  });

  it('are the defaults again where somebody else wrote nonsense', () => {
    const write = db.prepare('INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)');
    for (const [name, value] of [
      ['max_input_bytes', 'a lot'],
      ['max_stored_text_bytes', -1],
      ['max_depth', null],
      ['capture_content', 'no'],
      ['unknown', 1],
    ]) {
      write.run(name, value);
    }
    expect(hookSettings(db)).toEqual(HOOK_SETTINGS);
  });
});

describe('a digest', () => {
  it('is HMAC-SHA-256 under the 32 random bytes of the database, cut to 128 bits', () => {
    const key = db.prepare<[], Buffer>(`SELECT value FROM settings WHERE name = 'digest_key'`).pluck().get();
    expect(key).toHaveLength(32);
    const whole = createHmac('sha256', key!).update('ls -la').digest('base64url');
    expect(hookDigest(db)('ls -la')).toBe(whole.slice(0, 22));
  });

  it('is not made without a key', () => {
    db.exec('DELETE FROM settings');
    expect(() => hookDigest(db)('ls')).toThrow('the database has no digest key');
  });
});

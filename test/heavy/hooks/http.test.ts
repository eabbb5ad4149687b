import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../receivers/claude_code_hooks/decode.ts';
import { prepareHookDatabase } from '../../../receivers/claude_code_hooks/prepare.ts';
import { HOOK_SETTINGS, hookDigest } from '../../../receivers/claude_code_hooks/settings.ts';
import { HookWriter } from '../../../receivers/claude_code_hooks/writer.ts';
import { Listening } from '../../receivers/claude_code_hooks/listening.ts';
import { recorded, recordedFiles } from './payloads.ts';

/** Of a recording, one after the other. */
const STEP_MS = 250;
/** What no recording has: each way of being refused. */
const REFUSED = ['', '{', '[]', '{"hookEventName": "x"}', '{"session_id": "s"}', '['.repeat(100) + ']'.repeat(100)];

describe.skipIf(!recorded.met)(`every recorded payload, and what is none, over HTTP${recorded.reason}`, () => {
  it.each([...recordedFiles().keys()].flatMap((name) => [false, true].map((captured) => [name, captured] as const)))(
    'makes the same database as by the command: %s, content captured: %s',
    async (name, captured) => {
      const texts = [...(recordedFiles().get(name) ?? []), ...REFUSED];
      const settings = { ...HOOK_SETTINGS, capture_content: captured };
      await using hooks = await new Listening().start({ capture_content: captured });
      const expected = prepareHookDatabase(path.join(hooks.folder, 'expected', 'agents.db'));
      // Each database has a key of its own; with the same one, their digests compare.
      const [key] = hooks.rows("SELECT value FROM settings WHERE name = 'digest_key'") as readonly { value: Buffer }[];
      expected.prepare("UPDATE settings SET value = ? WHERE name = 'digest_key'").run(key?.value);
      const writer = new HookWriter(expected);
      const digest = hookDigest(expected);
      for (const text of texts) {
        hooks.nowMs += STEP_MS;
        const event = decode(text, settings, hooks.nowMs, digest);
        if (event.kind === 'refusal') writer.refuse(event);
        else writer.write(event);
        const { status, body } = await hooks.post(text);
        expect([status, body === '']).toEqual(event.kind === 'refusal' ? [400, false] : [200, true]);
      }
      const actual = new Database(hooks.database, { readonly: true });
      expect(contents(actual)).toEqual(contents(expected));
      actual.close();
      expected.close();
    },
    600_000,
  );
});

/** Every row of every table, ids included; but for the settings, of which those that are the default need not be there. */
function contents(db: Database.Database): ReadonlyMap<string, readonly unknown[]> {
  const tables = db
    .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'settings' ORDER BY name")
    .pluck()
    .all();
  return new Map(
    tables.map((table) => [table, db.prepare<[], unknown>(`SELECT * FROM "${table}" ORDER BY 1, 2`).all()]),
  );
}

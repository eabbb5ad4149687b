import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { LOG_FILE, logRefusal, MOST_LOG_BYTES } from '../../../receivers/claude_code_hooks/refusal-log.ts';
import { Workspace } from '../../main-job/harness.ts';

const NOON_MS = Date.UTC(2026, 10, 22, 12);

describe('the log of refusals', () => {
  it('has one line of JSON for each, beside the database, readable to the owner alone', () => {
    using workspace = new Workspace();
    logRefusal(workspace.file('agents.db'), NOON_MS, { reason: 'too_large', event: 'PreToolUse', bytes: 2_000_000 });
    logRefusal(workspace.file('agents.db'), NOON_MS + 1, { reason: 'busy', bytes: 12 });
    const log = workspace.file(LOG_FILE);
    expect(fs.readFileSync(log, 'utf8')).toBe(
      '{"time":"2026-11-22T12:00:00.000Z","reason":"too_large","event":"PreToolUse","bytes":2000000}\n' +
        '{"time":"2026-11-22T12:00:00.001Z","reason":"busy","bytes":12}\n',
    );
    expect(fs.statSync(log).mode & 0o777).toBe(0o600);
  });

  it('never takes more than twice its bound, and keeps the newest lines', () => {
    using workspace = new Workspace();
    const detail = 'x'.repeat(10_000);
    for (let round = 0; round < 100; round += 1) {
      logRefusal(workspace.file('agents.db'), NOON_MS, { reason: 'not_json', detail, bytes: round });
    }
    expect(fs.readdirSync(workspace.folder).sort()).toEqual([LOG_FILE, `${LOG_FILE}.1`]);
    const [log, before] = [LOG_FILE, `${LOG_FILE}.1`].map((name) => fs.readFileSync(workspace.file(name), 'utf8'));
    expect(log!.length).toBeLessThanOrEqual(MOST_LOG_BYTES);
    expect(before!.length).toBeLessThanOrEqual(MOST_LOG_BYTES);
    const rounds = `${before!}${log!}`
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { bytes: number }).bytes);
    expect(rounds).toEqual(Array.from(rounds, (_, index) => 100 - rounds.length + index));
    expect(rounds.length).toBeGreaterThan(26);
  });

  it('stays silent where it cannot be written: no folder, a link, a folder of its name', () => {
    using workspace = new Workspace();
    logRefusal(workspace.file('missing', 'agents.db'), NOON_MS, { reason: 'busy' });
    fs.mkdirSync(workspace.file('folder', LOG_FILE), { recursive: true });
    logRefusal(workspace.file('folder', 'agents.db'), NOON_MS, { reason: 'busy' });
    fs.mkdirSync(workspace.file('link'));
    fs.symlinkSync(workspace.file('elsewhere'), workspace.file('link', LOG_FILE));
    logRefusal(workspace.file('link', 'agents.db'), NOON_MS, { reason: 'busy' });
    expect(fs.readdirSync(workspace.folder).sort()).toEqual(['folder', 'link']);
    expect(path.basename(fs.readlinkSync(workspace.file('link', LOG_FILE)))).toBe('elsewhere');
  });
});

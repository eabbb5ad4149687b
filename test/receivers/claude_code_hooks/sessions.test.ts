import { describe, expect, it } from 'vitest';
import { Recording, time } from './recording.ts';

function rowId(recording: Recording): unknown {
  return recording.db.prepare('SELECT rowid FROM sessions').pluck().get();
}

describe('a session', () => {
  it('has a row from whatever event tells of it', () => {
    using recording = new Recording();
    recording.hear(3, 'Notification', { message: 'secret', notification_type: 'idle' });
    expect(recording.row('sessions')).toMatchObject({
      session_id: 's',
      start_time: time(3),
      end_time: null,
      status: 'active',
      project: 'project',
      cwd: null,
      stored_by: 'agentcol',
    });
  });

  it('starts at the smallest stamp; a row whose start moves is a new row', () => {
    using recording = new Recording();
    recording.hear(5, 'UserPromptSubmit', { session_id: 'other' }).hear(3, 'UserPromptSubmit');
    const before = rowId(recording);
    recording.hear(4, 'UserPromptSubmit');
    expect(recording.rows('sessions', 'rowid')[1]).toMatchObject({ start_time: time(3) });
    recording.hear(1, 'UserPromptSubmit', { cwd: '/elsewhere' });
    const [, row] = recording.rows('sessions', 'rowid');
    expect(row).toMatchObject({ session_id: 's', start_time: time(1), project: 'elsewhere' });
    expect(recording.db.prepare("SELECT rowid FROM sessions WHERE session_id = 's'").pluck().get()).not.toBe(before);
  });

  it('has source and model of its first start', () => {
    using recording = new Recording();
    recording.hear(2, 'SessionStart', { source: 'compact', model: 'b' });
    recording.hear(1, 'SessionStart', { source: 'startup', model: 'claude-x[1m]' });
    expect(recording.row('sessions')).toMatchObject({
      start_source: 'startup',
      model: 'claude-x[1m]',
      start_time: time(1),
    });
  });

  it('has the end of its last turn, and the mode of that', () => {
    using recording = new Recording();
    recording.hear(1, 'SessionStart').hear(9, 'Stop', { permission_mode: 'plan' });
    recording.hear(5, 'Stop', { permission_mode: 'default' });
    expect(recording.row('sessions')).toMatchObject({
      last_event_time: time(9),
      permission_mode: 'plan',
      end_time: null,
      status: 'active',
    });
  });

  it('ends at its first SessionEnd', () => {
    using recording = new Recording();
    recording
      .hear(1, 'SessionStart')
      .hear(9, 'SessionEnd', { reason: 'logout' })
      .hear(10, 'SessionEnd', { reason: 'other' });
    expect(recording.row('sessions')).toMatchObject({ end_time: time(9), end_reason: 'logout', status: 'ended' });
  });

  it('is not begun anew by a SessionStart while it has not ended', () => {
    using recording = new Recording();
    recording.hear(1, 'SessionStart', { source: 'startup' }).hear(5, 'SessionStart', { source: 'compact' });
    expect(recording.row('sessions')).toMatchObject({ start_time: time(1), start_source: 'startup' });
  });

  it('is not begun anew by a SessionStart of the millisecond of its end', () => {
    for (const names of [
      ['SessionStart', 'SessionEnd'],
      ['SessionEnd', 'SessionStart'],
    ]) {
      using recording = new Recording();
      recording.hear(1, 'Stop');
      for (const name of names) recording.hear(5, name);
      expect(recording.row('sessions')).toMatchObject({ start_time: time(1), end_time: time(5) });
    }
  });

  it('that is resumed after its end is a new run, in a new row', () => {
    using recording = new Recording();
    recording.hear(0, 'Stop', { session_id: 'other' });
    recording.hear(1, 'SessionStart', { source: 'startup' }).hear(2, 'Stop').hear(3, 'SessionEnd', { reason: 'other' });
    recording.hear(9, 'SessionStart', { source: 'resume', cwd: '/elsewhere' });
    const resumed = recording.db.prepare("SELECT rowid AS id, * FROM sessions WHERE session_id = 's'").get();
    expect(resumed).toMatchObject({
      id: 3,
      start_time: time(9),
      start_source: 'resume',
      end_time: null,
      end_reason: null,
      last_event_time: null,
      status: 'active',
      project: 'elsewhere',
    });
  });

  it('is the same run whatever of its former one comes late', () => {
    using recording = new Recording();
    recording.hear(1, 'SessionStart').hear(9, 'SessionStart', { source: 'resume' });
    recording.hear(10, 'Stop').hear(8, 'SessionEnd', { reason: 'other' }).hear(7, 'Stop').hear(0, 'Stop');
    expect(recording.row('sessions')).toMatchObject({
      start_time: time(9),
      start_source: 'resume',
      end_time: null,
      last_event_time: time(10),
    });
  });

  it('of the former logger is replaced by a run of ours', () => {
    using recording = new Recording();
    recording.db.exec(
      "INSERT INTO sessions(session_id, start_time, status) VALUES ('s', '2026-01-01T09:00:00.5', 'active')",
    );
    recording.hear(1, 'Stop');
    expect(recording.row('sessions')).toMatchObject({ start_time: time(1), stored_by: 'agentcol' });
  });

  it('has its folder when content is captured', () => {
    using recording = new Recording();
    recording.hear(1, 'Stop', { cwd: '/home/someone/project' }, { capture_content: true });
    expect(recording.row('sessions')).toMatchObject({ cwd: '/home/someone/project' });
  });
});

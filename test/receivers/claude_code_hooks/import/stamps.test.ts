import { describe, expect, it } from 'vitest';
import { epochMs, recordedStampMs } from '../../../../receivers/claude_code_hooks/import/stamps.ts';

describe('a recorded time', () => {
  it.each([
    ['2026-03-10T23:15:33.335Z', Date.UTC(2026, 2, 10, 23, 15, 33, 335)],
    ['2026-03-11T01:15:33+02:00', Date.UTC(2026, 2, 10, 23, 15, 33)],
    [1_773_184_533, 1_773_184_533_000],
    [1_773_184_533_335, 1_773_184_533_335],
    [1_773_184_533.25, 1_773_184_533_250],
  ])('is read: %s', (value, expected) => {
    expect(epochMs(value)).toBe(expected);
  });

  it('without a zone is local', () => {
    expect(epochMs('2026-03-10T23:15:33.335904')).toBe(new Date(2026, 2, 10, 23, 15, 33, 335).getTime());
  });

  it.each([undefined, null, '', 'yesterday', '12', -5, Infinity, NaN, {}, '2026-99-99T00:00:00Z', '2026-03-10'])(
    'is not guessed: %s',
    (value) => {
      expect(epochMs(value)).toBeUndefined();
    },
  );

  it('is that of the recorder, whichever name it has', () => {
    expect(recordedStampMs({ logged_at: '2026-03-10T23:15:33Z' })).toBe(Date.UTC(2026, 2, 10, 23, 15, 33));
    expect(recordedStampMs({ timestamp: 1_773_184_533 })).toBe(1_773_184_533_000);
    expect(recordedStampMs({ logged_at: 'soon', timestamp: 1_773_184_533 })).toBe(1_773_184_533_000);
    expect(recordedStampMs({ hook_event_name: 'Stop' })).toBeUndefined();
  });
});

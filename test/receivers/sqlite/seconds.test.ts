import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { createSeconds } from '../../../receivers/sqlite/seconds.ts';
import { ConfigError } from '../../../src/errors.ts';

const utc = createSeconds('UTC');

/** Wall-clock times of real zones as Python's zoneinfo (fold=0) reads them: daylight saving, gaps, overlaps, history. */
const WALL_CLOCK: readonly (readonly [zone: string, text: string, seconds: number])[] = [
  ['Europe/Berlin', '2025-08-16T16:55:26', 1755356126],
  ['Europe/Berlin', '2025-01-16T16:55:26', 1737042926],
  ['Europe/Berlin', '2025-03-30T01:59:59', 1743296399],
  ['Europe/Berlin', '2025-03-30T02:00:00', 1743296400],
  ['Europe/Berlin', '2025-03-30T02:30:00', 1743298200],
  ['Europe/Berlin', '2025-03-30T03:00:00', 1743296400],
  ['Europe/Berlin', '2025-10-26T01:59:59', 1761436799],
  ['Europe/Berlin', '2025-10-26T02:00:00', 1761436800],
  ['Europe/Berlin', '2025-10-26T02:59:59', 1761440399],
  ['Europe/Berlin', '2025-10-26T03:00:00', 1761444000],
  ['Europe/Berlin', '1890-06-01T12:00:00', -2511435208],
  ['Europe/Berlin', '0001-01-01T00:00:00', -62135600008],
  ['America/New_York', '2025-03-09T02:30:00', 1741505400],
  ['America/New_York', '2025-11-02T01:30:00', 1762061400],
  ['America/New_York', '2025-11-02T02:00:00', 1762066800],
  ['America/New_York', '1970-01-01T00:00:00', 18000],
  ['Australia/Lord_Howe', '2025-10-05T02:10:00', 1759592400],
  ['Australia/Lord_Howe', '2025-10-05T02:30:00', 1759591800],
  ['Australia/Lord_Howe', '2025-04-06T01:29:59', 1743863399],
  ['Australia/Lord_Howe', '2025-04-06T01:45:00', 1743864300],
  ['Australia/Lord_Howe', '2025-04-06T02:00:00', 1743867000],
  ['Asia/Kathmandu', '2025-06-01T00:00:00', 1748715300],
  ['Pacific/Apia', '2011-12-29T23:59:59', 1325239199],
  ['Pacific/Apia', '2011-12-30T12:00:00', 1325282400],
  ['Pacific/Apia', '2011-12-31T00:00:00', 1325239200],
  ['America/St_Johns', '2006-04-02T00:00:30', 1143948630],
  ['America/St_Johns', '2006-04-02T00:30:00', 1143950400],
  ['America/St_Johns', '2006-10-29T00:00:30', 1162089030],
  ['America/St_Johns', '2006-10-28T23:30:00', 1162087200],
  ['Africa/Casablanca', '2025-02-23T02:30:00', 1740274200],
  ['Africa/Casablanca', '2025-04-06T02:30:00', 1743906600],
  ['America/Sao_Paulo', '2018-11-04T00:30:00', 1541302200],
  ['America/Sao_Paulo', '2018-02-17T23:30:00', 1518917400],
  ['Africa/Monrovia', '1972-01-07T00:20:00', 63594270],
  ['Africa/Monrovia', '1972-01-06T12:00:00', 63549870],
];

describe('numbers', () => {
  test.each([
    [1755356126, 1755356126],
    [1755356126.25, 1755356126.25],
    [0, 0],
    [-86400, -86400],
    [1755356126401, 1755356126.401],
    [1755356126401799, 1755356126.401799],
    [1.755356126401799e18, 1755356126.401799],
    [1755356126401799000n, 1755356126.401799],
    [1755356126n, 1755356126],
    ['1755356126', 1755356126],
    ['1755356126.25', 1755356126.25],
    ['1755356126401', 1755356126.401],
    ['1.7553561264018e+18', 1755356126.4018],
    ['-5', -5],
  ])('%s is an epoch time whose unit its size tells', (value, expected) => {
    expect(utc(value)).toBe(expected);
  });

  test.each([NaN, Infinity, -Infinity, 1e20, 10n ** 20n, '1e99', '123456789012345678901'])('%s is none', (value) => {
    expect(utc(value)).toBeNull();
  });
});

describe('text', () => {
  test.each([
    ['2025-08-16T16:55:26.401799', 1755363326.401799],
    ['2025-08-16T16:55:26', 1755363326],
    ['2025-08-16 16:55:26', 1755363326],
    ['2025-08-16t16:55:26z', 1755363326],
    ['2025-08-16 16:55', 1755363300],
    ['2025-08-16', 1755302400],
    ['2025-08-16T16:55:26Z', 1755363326],
    ['2025-08-16T18:55:26+02:00', 1755363326],
    ['2025-08-16T18:55:26+0200', 1755363326],
    ['2025-08-16T18:55:26+02', 1755363326],
    ['2025-08-16 18:55:26 +02:00', 1755363326],
    ['2025-08-16T11:25:26.5-05:30', 1755363326.5],
    ['2025-08-16T16:55:26.4', 1755363326.4],
    ['2025-08-16T16:55:26,40', 1755363326.4],
    ['2025-08-16T16:55:26.401799123Z', 1755363326.4017992],
    ['2024-02-29T00:00:00Z', 1709164800],
    ['2000-02-29T00:00:00Z', 951782400],
    ['1969-12-31T23:59:59.5Z', -0.5],
    ['9999-12-31T23:59:59Z', 253402300799],
  ])('%s is read', (text, expected) => {
    expect(utc(text)).toBe(expected);
  });

  test.each([
    '',
    'yesterday',
    '2025-08',
    '2025-8-16',
    '2025-08-16T',
    '2025-08-16T16',
    '2025-08-16T16:5',
    '2025-08-16T16:55:',
    '2025-08-16T16:55:2',
    '2025-08-16T16:55:26.',
    '2025-08-16T16:55:26.4017991234',
    '2025-08-16T16:55:26x',
    '2025-08-16T16:55:26 ',
    '2025-08-16T16:55:26ZZ',
    '2025-08-16T16:55:26+2',
    '2025-08-16T16:55:26+02:',
    '2025-08-16T16:55:26+24:00',
    '2025-08-16T16:55:26+02:60',
    '2025-08-16T16:55:26 UTC',
    '2025-08-16X16:55:26',
    '2025-08-16T16.55.26',
    '2025/08/16 16:55:26',
    '2025-08/16',
    '2025-00-16',
    '2025-13-16',
    '2025-08-00',
    '2025-08-32',
    '2025-04-31',
    '2025-02-29',
    '1900-02-29',
    '2025-08-16T24:00:00',
    '2025-08-16T16:60:26',
    '2025-08-16T16:55:60',
    '1755356126s',
    '0x10',
    '٢٠٢٥-٠٨-١٦',
  ])('"%s" is no time', (text) => {
    expect(utc(text)).toBeNull();
  });

  test('nothing else is a time', () => {
    for (const value of [null, undefined, true, new Uint8Array([1]), {}, []]) expect(utc(value)).toBeNull();
  });

  test('any instant that JavaScript writes is read back to the millisecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(1, 0), max: Date.UTC(9999, 11, 31) }), (milliseconds) => {
        const text = new Date(milliseconds).toISOString();
        expect(utc(text)).toBe(milliseconds / 1000);
        expect(createSeconds('Asia/Tokyo')(text)).toBe(milliseconds / 1000);
      }),
    );
  });

  test('no text throws', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]?[0-9:.,+Z -]{0,24}$/), (text) => {
        const seconds = utc(text);
        expect(seconds === null || Number.isFinite(seconds)).toBe(true);
      }),
    );
  });
});

describe('wall-clock time', () => {
  test.each(WALL_CLOCK)('%s %s is read as Python reads it', (zone, text, expected) => {
    expect(createSeconds(zone)(text)).toBe(expected);
    expect(createSeconds(zone)(`${text.replace('T', ' ')}.5`)).toBe(expected + 0.5);
  });

  test('a written zone wins over the configured one', () => {
    expect(createSeconds('Europe/Berlin')('2025-08-16T16:55:26Z')).toBe(1755363326);
  });

  test('local is the zone of the process', () => {
    const milliseconds = new Date(2025, 7, 16, 16, 55, 26).getTime();
    expect(createSeconds('local')('2025-08-16T16:55:26')).toBe(milliseconds / 1000);
  });

  test.each(WALL_CLOCK)('local, where %s is the zone of the process, %s is the same', (zone, text, expected) => {
    vi.stubEnv('TZ', zone);
    expect(createSeconds('local')(text)).toBe(expected);
    vi.unstubAllEnvs();
  });

  test('an unknown zone is refused by name', () => {
    expect(() => createSeconds('Mars/Olympus')).toThrow(ConfigError);
    expect(() => createSeconds('Mars/Olympus')).toThrow('unknown time zone "Mars/Olympus"');
  });

  test('what a clock shows is read back as that instant, or as the first one at which it showed the same', () => {
    const zones = fc.constantFrom(...Intl.supportedValuesOf('timeZone'));
    const instants = fc.integer({ min: Date.UTC(1971, 0) / 1000, max: Date.UTC(2037, 0) / 1000 });
    fc.assert(
      fc.property(zones, instants, (zone, instant) => {
        const shown = clock(zone);
        const read = createSeconds(zone)(shown(instant));
        expect(read).not.toBeNull();
        expect(read).toBeLessThanOrEqual(instant);
        expect(shown(read!)).toBe(shown(instant));
      }),
      { numRuns: 300 },
    );
  });

  test('every minute around every clock change of a year is read', () => {
    for (const zone of ['Europe/Berlin', 'Australia/Lord_Howe', 'America/St_Johns', 'Africa/Cairo']) {
      const shown = clock(zone);
      const seconds = createSeconds(zone);
      for (const change of clockChanges(2025, shown)) {
        for (let instant = change - 10_800; instant < change + 10_800; instant += 60) {
          const read = seconds(shown(instant))!;
          expect([0, 1800, 3600]).toContain(instant - read);
          expect(shown(read)).toBe(shown(instant));
        }
      }
    }
  });

  test('more days than are remembered are still read', () => {
    const seconds = createSeconds('Asia/Tokyo');
    for (let day = 0; day < 12_000; day += 1) {
      const text = new Date(day * 86_400_000).toISOString().slice(0, 19);
      expect(seconds(text)).toBe(day * 86_400 - 9 * 3600);
    }
  });
});

function clock(zone: string): (instant: number) => string {
  // Swedish dates are ISO: "2025-08-16 16:55:26".
  const format = new Intl.DateTimeFormat('sv', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  return (instant) => format.format(instant * 1000);
}

/** The hours of a year after which a clock does not show the next hour. */
function clockChanges(year: number, shown: (instant: number) => string): readonly number[] {
  const changes: number[] = [];
  for (let instant = Date.UTC(year, 0) / 1000; instant < Date.UTC(year + 1, 0) / 1000; instant += 3600) {
    const passed = Date.parse(`${shown(instant + 3600)}Z`) - Date.parse(`${shown(instant)}Z`);
    if (passed !== 3_600_000) changes.push(instant);
  }
  expect(changes).toHaveLength(2);
  return changes;
}

import { ConfigError } from '../../src/errors.ts';

const DAY = 86_400;
const QUARTER = 900;
/** Days, or quarters of an hour, whose offset is remembered; 27 years, in about 1 MB. */
const MAX_REMEMBERED = 10_000;

/**
 * What `seconds(x)` is in the mapping language: a time in whichever common encoding, as epoch seconds; null when it is none.
 *
 * - Numbers, and text that is one, are epoch seconds, milliseconds, microseconds or nanoseconds, told apart by size:
 *   below 1e11, 1e14, 1e17 and 1e20 (so milliseconds count from March 1973).
 * - `YYYY-MM-DD`, with `T` or a space before `HH:MM`, `HH:MM:SS` or `HH:MM:SS.f` (1 to 9 digits), and with `Z`, `+02:00`,
 *   `+0200` or `+02` behind. Without a zone it is wall-clock time in `timezone` (an IANA name, `UTC` or `local`); a time that
 *   occurs twice is the first, and one that a clock skipped is read with the offset before the gap (Python's fold=0).
 *
 * Throws ConfigError when there is no such time zone.
 */
export function createSeconds(timezone: string): (value: unknown) => number | null {
  const offsetOf = wallClockOffsets(timezone);
  return (value) => {
    switch (typeof value) {
      case 'string':
        return value.charCodeAt(4) === 0x2d ? fromIso(value, offsetOf) : fromNumericText(value);
      case 'number':
        return fromNumber(value);
      case 'bigint':
        return fromNumber(Number(value));
      default:
        return null;
    }
  };
}

function fromNumber(value: number): number | null {
  const size = Math.abs(value);
  if (size < 1e11) return value;
  if (size < 1e14) return value / 1e3;
  if (size < 1e17) return value / 1e6;
  return size < 1e20 ? value / 1e9 : null;
}

function fromNumericText(text: string): number | null {
  return /^-?\d{1,20}(?:\.\d{1,20})?(?:e\+?\d\d?)?$/i.test(text) ? fromNumber(Number(text)) : null;
}

/** Scans by hand: it is called once or more per row, and Date.parse is ten times slower. */
function fromIso(text: string, offsetOf: (wallClock: number) => number): number | null {
  const length = text.length;
  const century = twoDigits(text, 0);
  const yearOfCentury = twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if ((century | yearOfCentury | month | day) < 0 || text.charCodeAt(7) !== 0x2d) return null;
  const year = century * 100 + yearOfCentury;
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null;
  const midnight = daysSinceEpoch(year, month, day) * DAY;
  if (length === 10) return midnight - offsetOf(midnight);

  const between = text.charCodeAt(10);
  if (between !== 0x54 && between !== 0x20 && between !== 0x74) return null;
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  if ((hour | minute) < 0 || hour > 23 || minute > 59 || text.charCodeAt(13) !== 0x3a) return null;
  let at = 16;
  let second = 0;
  let fraction = 0;
  let scale = 1;
  if (text.charCodeAt(at) === 0x3a) {
    second = twoDigits(text, 17);
    if (second < 0 || second > 59) return null;
    at = 19;
    const point = text.charCodeAt(at);
    if (point === 0x2e || point === 0x2c) {
      let digit = text.charCodeAt((at += 1)) - 0x30;
      for (; digit >= 0 && digit <= 9; digit = text.charCodeAt((at += 1)) - 0x30) {
        fraction = fraction * 10 + digit;
        scale *= 10;
      }
      if (scale === 1 || scale > 1e9) return null;
    }
  }
  const wallClock = midnight + hour * 3600 + minute * 60 + second;
  const offset = at === length ? offsetOf(wallClock) : writtenOffset(text, at);
  if (offset === null) return null;
  // Up to microseconds one correctly rounded division; beyond, the product would not be exact.
  return scale <= 1e6 ? ((wallClock - offset) * scale + fraction) / scale : wallClock - offset + fraction / scale;
}

/** -1 where there are not two digits. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 0x30;
  const ones = text.charCodeAt(at + 1) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

/** `Z`, `+02:00`, `+0200` or `+02`, in seconds; null for anything else. */
function writtenOffset(text: string, from: number): number | null {
  const at = text.charCodeAt(from) === 0x20 ? from + 1 : from;
  const sign = text.charCodeAt(at);
  if (sign === 0x5a || sign === 0x7a) return text.length === at + 1 ? 0 : null;
  if (sign !== 0x2b && sign !== 0x2d) return null;
  const hours = twoDigits(text, at + 1);
  let minutes = 0;
  if (text.length !== at + 3) {
    const minutesAt = text.charCodeAt(at + 3) === 0x3a ? at + 4 : at + 3;
    if (text.length !== minutesAt + 2) return null;
    minutes = twoDigits(text, minutesAt);
  }
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return null;
  return (sign === 0x2d ? -1 : 1) * (hours * 3600 + minutes * 60);
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Proleptic Gregorian; years begin in March so that the leap day comes last (Hinnant, days_from_civil). */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + dayOfYear - 719_468;
}

/** The offset from UTC, in seconds, of a wall-clock time (seconds, as if it were UTC). Intl is asked twice per day of rows. */
function wallClockOffsets(timezone: string): (wallClock: number) => number {
  if (timezone === 'UTC') return () => 0;
  const offsetAt = instantOffsets(timezone);
  // NaN: the clock is changed near that day, or in that quarter of an hour.
  const ofDay = remember((day) => {
    const offset = offsetAt((day - 1) * DAY);
    return offset === offsetAt((day + 2) * DAY) ? offset : NaN;
  });
  const ofQuarter = remember((quarter) => {
    const offset = firstOffset(quarter * QUARTER, offsetAt);
    return offset === firstOffset((quarter + 1) * QUARTER - 1, offsetAt) ? offset : NaN;
  });
  return (wallClock) => {
    const usual = ofDay(Math.floor(wallClock / DAY));
    if (!Number.isNaN(usual)) return usual;
    const near = ofQuarter(Math.floor(wallClock / QUARTER));
    return Number.isNaN(near) ? firstOffset(wallClock, offsetAt) : near;
  };
}

/** In an overlap the offset before the change gives the first of the two instants; in a gap it is Python's fold=0. */
function firstOffset(wallClock: number, offsetAt: (instant: number) => number): number {
  const before = offsetAt(wallClock - DAY);
  if (offsetAt(wallClock - before) === before) return before;
  const after = offsetAt(wallClock + DAY);
  return offsetAt(wallClock - after) === after ? after : before;
}

/** The offset, in seconds, that clocks in `timezone` have at an instant (epoch seconds). */
function instantOffsets(timezone: string): (instant: number) => number {
  // Most run with it, and Intl takes a while to load.
  if (timezone === 'local') return localOffset;
  const format = zoneFormat(timezone);
  return (instant) => {
    // "8/16/2025, GMT+02:00"; before standard time also "GMT+00:53:28".
    const [, sign, hours, minutes, seconds] =
      /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(format.format(instant * 1000)) ?? [];
    const size = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
    return sign === '-' ? -size : size;
  };
}

function localOffset(instant: number): number {
  const local = new Date(instant * 1000);
  // Not getTimezoneOffset, which is in minutes: before standard time clocks had seconds of their own.
  const wallClock = new Date(0);
  wallClock.setUTCFullYear(local.getFullYear(), local.getMonth(), local.getDate());
  wallClock.setUTCHours(local.getHours(), local.getMinutes(), local.getSeconds(), local.getMilliseconds());
  return Math.round((wallClock.getTime() - local.getTime()) / 1000);
}

function zoneFormat(timezone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: timezone, timeZoneName: 'longOffset' });
  } catch (error) {
    throw new ConfigError(`unknown time zone "${timezone}"; use an IANA name such as Europe/Berlin, UTC or local`, {
      cause: error,
    });
  }
}

/** Rows come in time order: the last answer is right nearly always, and a bounded map has the rest. */
function remember(compute: (index: number) => number): (index: number) => number {
  const known = new Map<number, number>();
  let lastIndex = NaN;
  let last = NaN;
  return (index) => {
    if (index === lastIndex) return last;
    let value = known.get(index);
    if (value === undefined) {
      if (known.size >= MAX_REMEMBERED) known.clear();
      value = compute(index);
      known.set(index, value);
    }
    lastIndex = index;
    last = value;
    return value;
  };
}

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Logger, Progress } from '../../src/component.ts';
import { progressLine, showProgress } from '../../src/commands/progress.ts';
import { StatusLine } from '../../src/commands/status-line.ts';

/** What a terminal shows of what was written to it, without the spaces at the ends of lines. */
function screen(written: string): readonly string[] {
  return written.split('\n').map((line) => {
    let cells = '';
    for (const part of line.split('\r')) cells = part + cells.slice(part.length);
    return cells.trimEnd();
  });
}

function bar(full: number, empty: number): string {
  return `[${'#'.repeat(full)}${'.'.repeat(empty)}]`;
}

let written: string;
let logged: string[];
let progress: Progress | undefined;

const logger: Logger = {
  debug: () => undefined,
  info: (message) => void logged.push(message),
  warn: () => undefined,
  error: () => undefined,
};

function line(isTTY: boolean, columns = 80): StatusLine {
  return new StatusLine({ isTTY, columns, write: (text) => (written += text) });
}

beforeEach(() => {
  vi.useFakeTimers();
  written = '';
  logged = [];
  progress = { read: 0, total: 0 };
});

afterEach(() => {
  vi.useRealTimers();
});

/** The first read until now. */
function reading(status: StatusLine): Disposable {
  return showProgress({ sources: [{ progress: () => progress }], line: status, logger, elapsed: () => Date.now() });
}

describe('on a terminal', () => {
  test('nothing is shown in the first second', () => {
    using _shown = reading(line(true));
    progress = { read: 10, total: 100 };
    vi.advanceTimersByTime(700);
    progress = undefined;
    vi.advanceTimersByTime(5_000);
    expect({ written, logged }).toEqual({ written: '', logged: [] });
  });

  test('a terminal that does not know its width has 80 columns', () => {
    expect(line(true, 0).columns).toBe(80);
  });

  test('one line is rewritten, and erased when all has been read', () => {
    using _shown = reading(line(true));
    progress = { read: 500, total: 4_000 };
    vi.advanceTimersByTime(1_000);
    expect(screen(written)).toEqual([bar(3, 28) + ' 12 %  500 of 4,000 rows  500 rows/s  7 s left']);
    progress = { read: 2_000, total: 4_000 };
    vi.advanceTimersByTime(1_000);
    expect(screen(written)).toEqual([bar(13, 14) + ' 50 %  2,000 of 4,000 rows  1,000 rows/s  2 s left']);
    progress = undefined;
    vi.advanceTimersByTime(1_000);
    expect(screen(written)).toEqual(['']);
    expect(logged).toEqual(['first read over after 3 s']);
  });

  test('log lines come out above it', () => {
    const status = line(true);
    using _shown = reading(status);
    progress = { read: 500, total: 4_000 };
    vi.advanceTimersByTime(1_000);
    status.write('a line that is longer or shorter\n');
    expect(screen(written)).toEqual(['a line that is longer or shorter', expect.stringMatching(/^\[###\.+\] 12 %/)]);
  });

  test('it is erased when the collector is stopped meanwhile', () => {
    const shown = reading(line(true));
    progress = { read: 500, total: 4_000 };
    vi.advanceTimersByTime(1_000);
    shown[Symbol.dispose]();
    expect(screen(written)).toEqual(['']);
    vi.advanceTimersByTime(1_000);
    expect(screen(written)).toEqual(['']);
  });

  test('a narrow one is told what matters, on one line', () => {
    const half = { read: 1_500_000, total: 3_000_000 };
    expect(progressLine(half, 10_000, 60)).toBe(`${bar(13, 13)} 50 %  150,000 rows/s  10 s left`);
    expect(progressLine(half, 10_000, 40)).toBe(`${bar(11, 11)} 50 %  10 s left`);
    expect(progressLine(half, 10_000, 20)).toBe(`${bar(6, 7)} 50 %`);
    expect(progressLine(half, 10_000, 10)).toBe('50 %');
    expect(progressLine(half, 10_000, 2)).toBe('');
    for (let width = 0; width < 200; width += 1) {
      expect(progressLine(half, 10_000, width).length).toBeLessThanOrEqual(width);
    }
  });

  test('long times are told in minutes and hours', () => {
    expect(progressLine({ read: 1, total: 200 }, 1_000, 100)).toContain('3 min 19 s left');
    expect(progressLine({ read: 1, total: 9_001 }, 1_000, 100)).toContain('2 h 30 min left');
  });

  test('it is never full before it is over', () => {
    expect(progressLine({ read: 7, total: 5 }, 1_000, 30)).toContain('99 %');
  });
});

describe('elsewhere', () => {
  test('a log line tells it every five seconds', () => {
    using _shown = reading(line(false));
    progress = { read: 1_000, total: 10_000 };
    vi.advanceTimersByTime(4_900);
    expect(logged).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(logged).toEqual(['first read: 1,000 of 10,000 rows, 200 rows/s, 45 s left']);
    vi.advanceTimersByTime(5_000);
    expect(logged).toHaveLength(2);
    expect(written).toBe('');
  });
});

test('several pipelines are one read, until the last has been read', () => {
  const sources: { progress: () => Progress | undefined }[] = [
    { progress: () => ({ read: 10, total: 20 }) },
    { progress: () => undefined },
    { progress: () => ({ read: 30, total: 60 }) },
  ];
  using _shown = showProgress({ sources, line: line(true), logger, elapsed: () => Date.now() });
  vi.advanceTimersByTime(1_000);
  expect(screen(written)).toEqual([expect.stringContaining('50 %  40 of 80 rows')]);
});

test('without a width, a terminal has 80 columns', () => {
  expect(new StatusLine({ write: () => undefined }).columns).toBe(80);
});

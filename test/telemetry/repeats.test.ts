import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLogger, childLogger } from '../../src/telemetry/logger.ts';
import { Repeats } from '../../src/telemetry/repeats.ts';

let lines: string[];
let repeats: Repeats;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  repeats = new Repeats((level, message, fields) => lines.push([level, message, JSON.stringify(fields)].join(' ')));
});

afterEach(() => {
  repeats.flush();
  vi.useRealTimers();
});

function taken(): string[] {
  return lines.splice(0);
}

test('a message is written at once, its repetitions as one after a minute, with the fields of the last', () => {
  for (const rows of [1, 2, 3, 4]) repeats.log('warn', 'locked', { rows });
  expect(taken()).toEqual(['warn locked {"rows":1}']);
  vi.advanceTimersByTime(60_000);
  expect(taken()).toEqual(['warn locked (repeated 3 times in 1m) {"rows":4}']);
});

test('what goes on is summed up every minute, what has ended is forgotten', () => {
  repeats.log('warn', 'locked', {});
  for (let minute = 0; minute < 2; minute += 1) {
    vi.advanceTimersByTime(30_000);
    repeats.log('warn', 'locked', {});
    vi.advanceTimersByTime(30_000);
  }
  expect(taken()).toEqual(['warn locked {}', ...Array<string>(2).fill('warn locked (repeated once in 1m) {}')]);
  vi.advanceTimersByTime(60_000);
  expect(taken()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
  repeats.log('warn', 'locked', {});
  expect(taken()).toEqual(['warn locked {}']);
});

test('messages of other components, of other levels and in other words are no repetitions', () => {
  const messages = [
    ['warn', 'locked', { component: 'sqlite/a' }],
    ['warn', 'locked', { component: 'sqlite/b' }],
    ['error', 'locked', { component: 'sqlite/a' }],
    ['warn', 'locked!', { component: 'sqlite/a' }],
  ] as const;
  for (const [level, message, fields] of messages) repeats.log(level, message, fields);
  expect(taken()).toHaveLength(4);
});

test('each message has a minute of its own', () => {
  repeats.log('warn', 'a', {});
  vi.advanceTimersByTime(40_000);
  repeats.log('warn', 'b', {});
  repeats.log('warn', 'a', {});
  repeats.log('warn', 'b', {});
  taken();
  vi.advanceTimersByTime(20_000);
  expect(taken()).toEqual(['warn a (repeated once in 1m) {}']);
  vi.advanceTimersByTime(40_000);
  expect(taken()).toEqual(['warn b (repeated once in 1m) {}']);
});

test('before the end, what was counted is written with the time that it took', () => {
  repeats.log('info', 'a', {});
  repeats.log('info', 'a', {});
  vi.advanceTimersByTime(12_000);
  repeats.flush();
  expect(taken()).toEqual(['info a {}', 'info a (repeated once in 12s) {}']);
  expect(vi.getTimerCount()).toBe(0);
});

test('a thousand messages are remembered, not more', () => {
  repeats.log('info', 'first', {});
  repeats.log('info', 'first', {});
  for (let index = 0; index < 1_000; index += 1) repeats.log('info', String(index), {});
  expect(lines).toContain('info first (repeated once in 1s) {}');
});

test('the logger folds what it writes, and counts nothing below its level', () => {
  const written: string[] = [];
  const logger = createLogger({ level: 'info', stream: { write: (line: string) => written.push(line) } });
  const child = childLogger(logger, 'sqlite/agents');
  for (let count = 0; count < 38; count += 1) {
    child.warn('locked');
    child.debug('read');
  }
  logger.flush();
  expect(written.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
    'locked',
    'locked (repeated 37 times in 1s)',
  ]);
});

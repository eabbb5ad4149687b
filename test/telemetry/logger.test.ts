import { describe, expect, test } from 'vitest';
import { childLogger, createLogger } from '../../src/telemetry/logger.ts';

function recording(
  options: { readonly isTTY?: boolean; readonly colours?: boolean; readonly level?: 'debug' | 'warn' } = {},
) {
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line), isTTY: options.isTTY ?? false };
  const logger = createLogger({ level: options.level ?? 'debug', stream, colours: options.colours ?? false });
  return { logger, lines };
}

describe('for machines', () => {
  test('a line is one JSON object with level, time, message and fields', () => {
    const { logger, lines } = recording();
    logger.warn('two\nlines', { rows: 5 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]*\n$/);
    const { time, ...rest } = JSON.parse(lines[0]!) as Record<string, unknown>;
    expect(rest).toEqual({ level: 'warn', msg: 'two\nlines', rows: 5 });
    expect(new Date(String(time)).toISOString()).toBe(time);
  });

  test('below the level nothing is written', () => {
    const { logger, lines } = recording({ level: 'warn' });
    logger.debug('a');
    logger.info('b');
    logger.warn('c');
    logger.error('d');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['c', 'd']);
  });

  test('a child puts its component on every line', () => {
    const { logger, lines } = recording();
    const child = childLogger(logger, 'sqlite/agents');
    child.debug('a');
    child.info('b', { rows: 1 });
    child.warn('c');
    child.error('d');
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ component: 'sqlite/agents' });
    expect(JSON.parse(lines[1]!)).toMatchObject({ level: 'info', msg: 'b', rows: 1 });
  });
});

describe('on a terminal', () => {
  test('a line reads time, level, component, message, fields', () => {
    const { logger, lines } = recording({ isTTY: true });
    logger.info('started');
    childLogger(logger, 'sqlite/agents').warn('waiting', { reason: 'missing', rows: [1] });
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d info {2}started\n$/);
    expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d warn {2}sqlite\/agents: waiting \(reason=missing, rows=\[1\]\)\n$/);
  });

  test('levels that matter are coloured, unless colours are off', () => {
    const { logger, lines } = recording({ isTTY: true, colours: true });
    logger.error('x');
    logger.info('x');
    expect(lines[0]).toContain('\x1b[31merror\x1b[0m x');
    expect(lines[1]).not.toContain('\x1b');
  });

  test('control characters stay harmless', () => {
    const { logger, lines } = recording({ isTTY: true });
    logger.info('a\x1b[2Jb\nc\u009b', { file: 'x\ry' });
    expect(lines[0]).toMatch(/a\\x1b\[2Jb\\x0ac\\x9b \(file=x\\x0dy\)\n$/);
    // eslint-disable-next-line no-control-regex -- control characters are what it is about
    expect(lines[0]!.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });
});

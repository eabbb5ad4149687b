import { expect, test } from 'vitest';
import { Retry } from '../../src/pipeline/retry.ts';

const pauses = (reason: string, random: number, count: number): number[] => {
  const retry = new Retry(() => random);
  return Array.from({ length: count }, () => {
    retry.failed(0, reason);
    return retry.atMs;
  });
};

test('pauses grow, up to 5 s', () => {
  expect(pauses('missing', 1, 9)).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
});

test('a lock passes soon: pauses grow slower', () => {
  expect(pauses('busy', 1, 4)).toEqual([50, 75, 112.5, 168.75]);
});

test('pauses are jittered down to their half', () => {
  expect(pauses('missing', 0, 2)).toEqual([25, 50]);
});

test('a success starts over', () => {
  const retry = new Retry(() => 1);
  retry.failed(0, 'missing');
  retry.failed(0, 'missing');
  retry.succeeded();
  expect(retry.atMs).toBe(-Infinity);
  retry.failed(1_000, 'missing');
  expect(retry.atMs).toBe(1_050);
});

test('a wake makes an attempt due within 250 ms of the last one, never later than it was', () => {
  const retry = new Retry(() => 1);
  retry.failed(1_000, 'missing');
  retry.woken();
  expect(retry.atMs).toBe(1_050);
  for (let attempt = 0; attempt < 10; attempt += 1) retry.failed(2_000, 'missing');
  expect(retry.atMs).toBe(7_000);
  retry.woken();
  expect(retry.atMs).toBe(2_250);
  retry.succeeded();
  retry.woken();
  expect(retry.atMs).toBe(-Infinity);
});

import { expect, test } from 'vitest';
import { Backoff } from '../../src/pipeline/backoff.ts';

const policy = {
  enabled: true,
  initialMs: 100,
  multiplier: 2,
  randomizationFactor: 0.5,
  maxMs: 500,
  maxElapsedMs: 0,
};

test('pauses grow up to the longest, half to one and a half times as long', () => {
  const middle = new Backoff(policy, () => 0.5);
  expect([0, 1, 2, 3, 4].map(() => middle.failed(0))).toEqual([100, 200, 400, 500, 500]);
  expect(new Backoff(policy, () => 0).failed(0)).toBe(50);
  expect(new Backoff(policy, () => 1).failed(0)).toBe(150);
});

test('a success begins anew', () => {
  const backoff = new Backoff(policy, () => 0.5);
  backoff.failed(0);
  expect(backoff.pausing).toBe(true);
  backoff.succeeded();
  expect(backoff.pausing).toBe(false);
  expect(backoff.failed(0)).toBe(100);
});

test('waits at least as long as the other side asks', () => {
  const backoff = new Backoff(policy, () => 0.5);
  expect([backoff.failed(0, 5000), backoff.failed(0, 1)]).toEqual([5000, 200]);
});

test('gives up after the time that it has, or at once', () => {
  const backoff = new Backoff({ ...policy, maxElapsedMs: 1000 }, () => 0.5);
  expect([backoff.failed(0), backoff.failed(999), backoff.failed(1000)]).toEqual([100, 200, undefined]);
  expect(new Backoff({ ...policy, enabled: false }).failed(0)).toBeUndefined();
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { THROTTLE, Throttle } from '../../src/http/throttle.ts';

function throttle(limits: Partial<typeof THROTTLE> = {}) {
  const clock = { nowMs: 1_000_000 };
  return { clock, it: new Throttle({ ...THROTTLE, ...limits }, () => clock.nowMs) };
}

test('lets a peer fail ten times, then once every six seconds', () => {
  const { it, clock } = throttle();
  for (let attempt = 0; attempt < 10; attempt += 1) expect(it.take('a')).toBe(0);
  expect(it.take('a')).toBe(6_000);
  clock.nowMs += 5_000;
  expect(Math.round(it.take('a'))).toBe(1_000);
  clock.nowMs += 1_000;
  expect(it.take('a')).toBe(0);
  expect(it.take('a')).toBe(6_000);
});

test('holds back answers from the fourth failure on, longer each time, up to a second', () => {
  const { it } = throttle();
  const delays = Array.from({ length: 10 }, () => (it.take('a'), it.failed('a')));
  expect(delays).toEqual([0, 0, 0, 100, 200, 400, 800, 1_000, 1_000, 1_000]);
});

test('takes nothing for what was good', () => {
  const { it } = throttle();
  for (let attempt = 0; attempt < 100; attempt += 1) {
    expect(it.take('a')).toBe(0);
    it.succeeded('a');
  }
});

test('holds strangers down together, and not those who have been in', () => {
  const { it, clock } = throttle();
  expect(it.take('friend')).toBe(0);
  it.succeeded('friend');
  const let_in = Array.from({ length: 100 }, (_, index) => it.take(`stranger ${index}`)).filter((ms) => ms === 0);
  expect(let_in).toHaveLength(30);
  expect(it.take('friend')).toBe(0);
  clock.nowMs += 3_600_001;
  for (let one = 0; one < 100; one += 1) it.take(`stranger ${one}`);
  expect(it.take('friend')).toBeGreaterThan(0);
});

test('refills nothing when the clock is set back', () => {
  const { it, clock } = throttle();
  for (let attempt = 0; attempt < 10; attempt += 1) it.take('a');
  clock.nowMs -= 60_000;
  expect(it.take('a')).toBe(6_000);
});

describe('whatever the peers and the pauses are', () => {
  const steps = fc.array(fc.record({ peer: fc.nat(5), pauseMs: fc.nat(3_000), good: fc.boolean() }), {
    maxLength: 300,
  });

  test('a peer never fails more often than its allowance', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const { it, clock } = throttle();
        const startMs = clock.nowMs;
        const failures = new Map<number, number>();
        let strangers = 0;
        const known = new Set<number>();
        for (const { peer, pauseMs, good } of list) {
          clock.nowMs += pauseMs;
          if (it.take(String(peer)) > 0) continue;
          if (good) {
            it.succeeded(String(peer));
            known.add(peer);
            continue;
          }
          it.failed(String(peer));
          failures.set(peer, (failures.get(peer) ?? 0) + 1);
          if (!known.has(peer)) strangers += 1;
        }
        const elapsedMs = clock.nowMs - startMs;
        for (const count of failures.values()) expect(count).toBeLessThanOrEqual(10 + elapsedMs / 6_000);
        expect(strangers).toBeLessThanOrEqual(30 + elapsedMs / 1_000);
      }),
    );
  });

  test('forgets the peer that was away longest, so that memory is bounded', () => {
    const { it } = throttle({ maxPeers: 2, strangersBurst: 1_000 });
    for (let attempt = 0; attempt < 10; attempt += 1) it.take('a');
    it.take('b');
    expect(it.take('a')).toBeGreaterThan(0);
    it.take('c');
    it.take('d');
    expect(it.take('a')).toBe(0);
  });
});

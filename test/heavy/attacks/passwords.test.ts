import { Agent } from 'node:http';
import { hashSync } from 'bcrypt';
import { describe, expect, test } from 'vitest';
import { BasicAuth } from '../../../extensions/basicauth/basicauth.ts';
import { BearerTokenAuth } from '../../../extensions/bearertokenauth/bearertokenauth.ts';
import { testSettings } from '../../component-suite.ts';
import { basic, latencies, PASSWORD, quantile, Target, USER, type Scraped } from './target.ts';

const GUESSES = 100_000;
const CONNECTIONS = 16;

interface Outcome {
  readonly counts: ReadonlyMap<number, number>;
  readonly seconds: number;
}

/** Guesses passwords of the user as fast as it goes; `more`: further headers of a guess. */
async function guess(
  target: Target,
  guesses: number,
  more: (guess: number) => Readonly<Record<string, string>> = () => ({}),
): Promise<Outcome> {
  const counts = new Map<number, number>();
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const begin = performance.now();
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < guesses) {
      next += 1;
      const headers = { authorization: basic(USER, `${PASSWORD}${next}`), ...more(next) };
      const { status } = await target.scrape({ agent, headers, timeout: 120_000 });
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, run));
  agent.destroy();
  return { counts, seconds: (performance.now() - begin) / 1_000 };
}

function expectUndisturbed(scraped: readonly Scraped[]): void {
  expect(scraped.filter(({ status }) => status !== 200)).toEqual([]);
  const p99 = quantile(
    scraped.map(({ milliseconds }) => milliseconds),
    0.99,
  );
  // Prometheus gives up then.
  expect(p99).toBeLessThan(10_000);
}

describe(`${GUESSES} wrong passwords, as fast as they go`, () => {
  test('from one address: sixteen or so are looked at, and a scraper of the same address notices nothing', async () => {
    await using target = await Target.start({ auth: true });
    const attack = guess(target, GUESSES);
    const [kept, anew] = await Promise.all([
      target.scrapeDuring(attack),
      target.scrapeDuring(attack, { agent: false }),
    ]);
    const { counts, seconds } = await attack;
    const looked = counts.get(401) ?? 0;
    console.log(`${GUESSES} guesses in ${seconds.toFixed(1)} s, ${looked} looked at`);
    console.log(`on one connection ${latencies(kept)}; on new ones ${latencies(anew)}`);
    expect([...counts.keys()].toSorted()).toEqual([401, 429]);
    expect(looked + (counts.get(429) ?? 0)).toBe(GUESSES);
    expect(looked).toBeLessThanOrEqual(10 + seconds / 6 + 1);
    expectUndisturbed(kept);
    expectUndisturbed(anew);
    expect(target.log).not.toContain(PASSWORD);
    expect(target.log.match(/too many wrong credentials/g)?.length).toBeLessThan(10);
  });

  test('from an address each: thirty at once and one a second are looked at', async () => {
    await using target = await Target.start({ auth: true });
    const forwarded = (index: number) => ({
      'x-forwarded-for': `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    });
    const attack = guess(target, 20_000, forwarded);
    const scraped = await target.scrapeDuring(attack);
    const { counts, seconds } = await attack;
    console.log(`20000 guesses in ${seconds.toFixed(1)} s, ${counts.get(401) ?? 0} looked at; ${latencies(scraped)}`);
    expect(counts.get(401) ?? 0).toBeLessThanOrEqual(30 + seconds + 1);
    expectUndisturbed(scraped);
    // One that has been in before is no stranger, on a new connection neither.
    expect((await target.scrape({ agent: false })).status).toBe(200);
  });
});

describe('the time that a guess takes', () => {
  /** Medians of the kinds, which take turns. */
  async function medians(
    rounds: number,
    ask: (kind: number, round: number) => unknown,
    kinds: number,
  ): Promise<number[]> {
    const times = Array.from({ length: kinds }, (): number[] => []);
    for (let round = 0; round < rounds; round += 1) {
      for (const [kind, list] of times.entries()) {
        const begin = performance.now();
        await ask(kind, round);
        list.push(performance.now() - begin);
      }
    }
    return times.map((list) => quantile(list, 0.5));
  }

  test('tells neither whether there is such a user nor how near the password is', async () => {
    const users = `${USER}:${hashSync(PASSWORD, 10)}`;
    const it = new BasicAuth({ htpasswd: { inline: users } }, testSettings('basicauth', { now: Date.now }));
    await it.start();
    const kinds = [
      (round: number) => basic(USER, `${PASSWORD}${round}`),
      (round: number) => basic(USER, `${round}`),
      (round: number) => basic(`user${round}`, PASSWORD),
    ];
    const found = await medians(40, (kind, round) => it.authenticate(kinds[kind]?.(round) ?? ''), kinds.length);
    console.log(`near, far, no such user: ${found.map((ms) => ms.toFixed(1)).join(', ')} ms`);
    expect(Math.max(...found) / Math.min(...found)).toBeLessThan(1.25);
  });

  test('does not tell how near a token is', async () => {
    const token = 'a'.repeat(64);
    const settings = testSettings('bearertokenauth', { now: Date.now });
    const it = new BearerTokenAuth({ token, scheme: 'Bearer' }, settings);
    await it.start();
    const kinds = [`${token.slice(1)}b`, `b${token.slice(1)}`, 'b'.repeat(64)];
    const found = await medians(20_000, (kind) => it.authenticate(`Bearer ${kinds[kind] ?? ''}`), kinds.length);
    console.log(`last, first, every character wrong: ${found.map((ms) => (ms * 1_000).toFixed(2)).join(', ')} us`);
    expect(Math.max(...found) / Math.min(...found)).toBeLessThan(1.5);
  });
});

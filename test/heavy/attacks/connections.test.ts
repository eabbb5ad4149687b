import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { requirement } from '../requirement.ts';
import { latencies, quantile, Target, type Scraped } from './target.ts';

const IDLE = 10_000;
/** The listener's own bound, and what it may be above for a moment. */
const MOST_DESCRIPTORS = 128 + 1_024 + 64;

/** Prometheus gives up after 10 s. */
const SCRAPE_TIMEOUT_MS = 10_000;

const limit = Number(spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).stdout);
const enough = requirement(`ulimit -n of ${IDLE + 1_000}`, limit >= IDLE + 1_000);

function expectServed(scraped: readonly Scraped[]): void {
  expect(scraped).not.toEqual([]);
  expect(scraped.filter(({ status }) => status !== 200)).toEqual([]);
  expect(
    quantile(
      scraped.map(({ milliseconds }) => milliseconds),
      1,
    ),
  ).toBeLessThan(SCRAPE_TIMEOUT_MS);
}

/** Keeps `count` connections open, each fed by `feed` every 200 ms; those that are closed are opened again. */
async function hold(target: Target, count: number, milliseconds: number, first: string, feed: string): Promise<number> {
  let opened = 0;
  const endMs = Date.now() + milliseconds;
  const one = async (): Promise<void> => {
    while (Date.now() < endMs) {
      const socket = await target.connect();
      opened += 1;
      socket.resume().write(first);
      while (!socket.closed && Date.now() < endMs) {
        if (socket.writable) socket.write(feed);
        await delay(200);
      }
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: count }, one));
  return opened;
}

describe('connections that are held', () => {
  test.each([
    ['headers that never end', 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n', 'X-a: b\r\n'],
    ['bodies that never end', 'POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n', 'x'],
    ['one request after the other', '', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ])('by %s do not keep a scrape out, on a new connection neither', async (_, first, feed) => {
    await using target = await Target.start({ auth: false });
    const attack = hold(target, 500, 7_000, first, feed);
    const scraped = await target.scrapeDuring(attack, { agent: false });
    console.log(`${await attack} connections; meanwhile ${latencies(scraped)}`);
    expectServed(scraped);
    expect(target.descriptors).toBeLessThan(MOST_DESCRIPTORS);
  });

  test('by clients that ask without end and read nothing do not keep a scrape out', async () => {
    await using target = await Target.start({ auth: false });
    const many = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1_000);
    const before = target.residentMiB;
    const attack = (async () => {
      for (let round = 0; round < 40; round += 1) {
        for (let client = 0; client < 5; client += 1) (await target.connect()).pause().write(many);
        await delay(100);
      }
    })();
    const scraped = await target.scrapeDuring(attack, { agent: false });
    console.log(`${(target.residentMiB - before).toFixed(1)} MiB more; meanwhile ${latencies(scraped)}`);
    expectServed(scraped);
    expect(target.residentMiB - before).toBeLessThan(60);
  });
});

describe('requests by the thousand, without waiting for answers, on 50 connections', () => {
  const get = (lines: string): string => `GET / HTTP/1.1\r\n${lines}\r\n`;
  test.each([
    ['for a page', get('Host: localhost\r\n')],
    ['for the metrics', 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['without a host', get('')],
    ['that expect what there is not', get('Host: localhost\r\nExpect: x\r\n')],
    ['of HTTP/1.0', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
  ])('%s do not keep a scrape out, on a connection that is kept or on a new one', async (_, request) => {
    await using target = await Target.start({ auth: false });
    const attack = hold(target, 50, 5_000, request.repeat(1_000_000 / request.length), request);
    const [kept, anew] = await Promise.all([
      target.scrapeDuring(attack),
      target.scrapeDuring(attack, { agent: false }),
    ]);
    console.log(`${await attack} connections; on one ${latencies(kept)}; on new ones ${latencies(anew)}`);
    expectServed(kept);
    expectServed(anew);
  });
});

describe.skipIf(!enough.met)(`${IDLE} idle connections${enough.reason}`, () => {
  test.each([false, true])('neither keep a scrape out nor grow memory (behind a password: %s)', async (auth) => {
    await using target = await Target.start({ auth });
    const before = target.residentMiB;
    const attack = (async () => {
      for (let opened = 0; opened < IDLE; opened += 250) {
        await Promise.all(Array.from({ length: 250 }, () => target.connect()));
      }
      await delay(1_000);
    })();
    // Without a password there is nothing that tells a scraper's connection from others while it asks for nothing.
    const scraped = await target.scrapeDuring(attack, auth ? {} : { agent: false });
    const grown = target.residentMiB - before;
    console.log(
      `${IDLE} connections, ${target.descriptors} descriptors left, ${grown.toFixed(1)} MiB more; ${latencies(scraped)}`,
    );
    expectServed(scraped);
    expect(grown).toBeLessThan(40);
    expect(target.descriptors).toBeLessThan(MOST_DESCRIPTORS);
    expect((await target.scrape({ agent: false })).status).toBe(200);
  });
});

/**
 * A process that scrapes: `scrape-client.ts HOST:PORT text|openmetrics none|gzip SECONDS`. Sends its parent one message when it
 * is warm, and one with what it measured.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

const SCRAPES_PER_SECOND = 100;

const ACCEPT = {
  text: 'text/plain;version=0.0.4',
  openmetrics: 'application/openmetrics-text;version=1.0.0',
} as const;

/** Times in milliseconds, from the request to the last byte. */
export interface Scraped {
  readonly times: readonly number[];
  readonly bytes: number;
  /** NaN where they were compressed. */
  readonly lines: number;
}

/** Warms up for a second, then measures. A bare socket, because Node's HTTP client takes longer than the exporter. */
async function scrape(address: string, format: keyof typeof ACCEPT, compression: string, seconds: number) {
  const url = new URL(`http://${address}`);
  const body = Buffer.alloc(4 * 1024 * 1024);
  let received = 0;
  let expected = Infinity;
  let done = (): void => undefined;
  const socket = connect({
    host: url.hostname,
    port: Number(url.port),
    noDelay: true,
    onread: {
      buffer: Buffer.alloc(512 * 1024),
      callback: (bytes, buffer) => {
        body.set(buffer.subarray(0, bytes), received);
        received += bytes;
        if (expected === Infinity) {
          const head = body.toString('latin1', 0, 1_024);
          expected = head.indexOf('\r\n\r\n') + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1]);
        }
        if (received >= expected) done();
        return true;
      },
    },
  });
  await once(socket, 'connect');
  const request =
    `GET /metrics HTTP/1.1\r\nHost: ${address}\r\nAccept: ${ACCEPT[format]}\r\n` +
    `Accept-Encoding: ${compression === 'gzip' ? 'gzip' : 'identity'}\r\n\r\n`;
  const scrapeOnce = () =>
    new Promise<void>((resolve) => {
      received = 0;
      expected = Infinity;
      done = resolve;
      socket.write(request);
    });
  const run = async (count: number): Promise<number[]> => {
    const times: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const begin = performance.now();
      await scrapeOnce();
      const took = performance.now() - begin;
      times.push(took);
      // At a steady rate, as a scraper asks: back to back it would measure its own load.
      await delay(Math.max(0, 1_000 / SCRAPES_PER_SECOND - took));
    }
    return times;
  };
  await run(SCRAPES_PER_SECOND);
  process.send!({});
  const times = await run(seconds * SCRAPES_PER_SECOND);
  const reply = body.toString('latin1', 0, received);
  const lines = compression === 'gzip' ? NaN : reply.slice(reply.indexOf('\r\n\r\n') + 4).split('\n').length - 1;
  process.send!({ times, bytes: received, lines } satisfies Scraped);
  socket.destroy();
  process.disconnect();
}

const [address = '', format, compression = 'none', seconds = '10'] = process.argv.slice(2);
await scrape(address, format === 'openmetrics' ? format : 'text', compression, Number(seconds));

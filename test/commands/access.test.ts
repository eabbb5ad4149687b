import fs from 'node:fs';
import { get as getHttps } from 'node:https';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Collector } from '../../src/commands/collector.ts';
import { ConfigError } from '../../src/errors.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { certificate } from '../http/certificates.ts';
import { freePort, jobsConfig, Reloading, type Section } from '../pipeline/reloading.ts';

const OLD = 'old-token-0123456789';
const NEW = 'new-token-0123456789';

let running: Reloading;
let collector: Collector | undefined;
let addresses: { readonly metrics: string; readonly health: string; readonly own: string };

beforeEach(async () => {
  running = new Reloading();
  running.jobs('jobs.db', 10);
  const [metrics, health, own] = [await freePort(), await freePort(), await freePort()];
  addresses = { metrics: `127.0.0.1:${metrics}`, health: `127.0.0.1:${health}`, own: `127.0.0.1:${own}` };
});

afterEach(async () => {
  await collector?.shutdown();
  collector = undefined;
  await running[Symbol.asyncDispose]();
});

/** Everything that listens behind one token. */
function written(
  token: string,
  extensions: readonly string[] = ['bearertokenauth', 'health_check'],
  own: Section = {},
) {
  const auth = { authenticator: 'bearertokenauth' };
  const config = jobsConfig(addresses.metrics);
  return {
    ...config,
    exporters: { prometheus: { endpoint: addresses.metrics, auth } },
    extensions: {
      ...config.extensions,
      bearertokenauth: { token },
      health_check: { endpoint: addresses.health, auth },
    },
    service: {
      ...config.service,
      extensions: ['file_storage', ...extensions],
      telemetry: { metrics: { address: addresses.own, auth, ...own } },
    },
  };
}

async function start(config: ReturnType<typeof written>): Promise<Collector> {
  const logger = createLogger({ level: 'error', stream: { write: () => undefined } });
  collector = await Collector.create(await running.load(config), logger);
  await collector.start();
  return collector;
}

async function ask(address: string, path: string, token?: string): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return (await fetch(`http://${address}${path}`, { headers })).status;
}

describe('one authenticator', () => {
  test('guards metrics, health and own metrics; only /healthz is open', async () => {
    await start(written(OLD));
    const paths = [
      [addresses.metrics, '/metrics'],
      [addresses.own, '/metrics'],
      [addresses.health, '/readyz'],
      [addresses.health, '/status'],
    ] as const;
    for (const [address, path] of paths) {
      expect([path, await ask(address, path), await ask(address, path, NEW)]).toEqual([path, 401, 401]);
      expect(await ask(address, path, OLD)).not.toBe(401);
    }
    expect(await ask(addresses.health, '/healthz')).toBe(200);
  });

  test('that a reload exchanges is exchanged for all of them', async () => {
    const started = await start(written(OLD));
    expect(await started.reload(() => running.load(written(NEW)))).toBe(true);
    for (const address of [addresses.metrics, addresses.own]) {
      expect([await ask(address, '/metrics', OLD), await ask(address, '/metrics', NEW)]).toEqual([401, 200]);
    }
  });

  test('stays, with those that ask it, when a reload leaves it alone', async () => {
    const started = await start(written(OLD));
    await started.reload(() => running.load(written(OLD)));
    expect(await ask(addresses.metrics, '/metrics', OLD)).toBe(200);
  });

  test('that stands after an extension that asks for it is refused, with what to do', async () => {
    await expect(start(written(OLD, ['health_check', 'bearertokenauth']))).rejects.toThrow(
      /otel-config\.yaml:\d+:\d+: extensions::health_check::auth::authenticator: "bearertokenauth" is no authenticator that the service starts; an extension that asks for one stands after it/,
    );
  });

  test('that is no authenticator is refused', async () => {
    const config = written(OLD);
    const exporters = { prometheus: { endpoint: addresses.metrics, auth: { authenticator: 'file_storage' } } };
    await expect(start({ ...config, exporters })).rejects.toThrow('"file_storage" is no authenticator');
  });

  test('that is not started is refused wherever it is named', async () => {
    const error: unknown = await running.load(written(OLD, ['health_check'])).catch((reason: unknown) => reason);
    if (!(error instanceof ConfigError)) throw new Error(String(error));
    expect(error.message).toContain('exporters::prometheus::auth::authenticator: references extension');
    expect(error.message).toContain('service::telemetry::metrics::auth::authenticator: references extension');
  });
});

describe('own metrics', () => {
  test('are served over TLS with files named relative to the configuration', async () => {
    const { cert, key } = certificate('own');
    fs.writeFileSync(running.folder.file('cert.pem'), cert);
    fs.writeFileSync(running.folder.file('key.pem'), key);
    await start(written(OLD, undefined, { tls: { cert_file: 'cert.pem', key_file: 'key.pem' } }));
    const headers = { authorization: `Bearer ${OLD}` };
    const status = await new Promise((resolve, reject) => {
      getHttps(`https://${addresses.own}/`, { ca: cert, headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      }).on('error', reject);
    });
    expect(status).toBe(200);
  });

  test('that others can reach are refused with the name of their own setting', async () => {
    await expect(running.load(written(OLD, undefined, { address: '0.0.0.0:9466' }))).rejects.toThrow(
      'service::telemetry::metrics::address: other machines could reach 0.0.0.0:9466, which has no TLS; set address to 127.0.0.1:9466',
    );
    await running.load(written(OLD, undefined, { address: '0.0.0.0:9466', allow_insecure_bind: true }));
  });

  test('have the same problems with certificates as everybody', async () => {
    const tls = { cert_file: 'c', key_file: 'k', min_version: '1.3', max_version: '1.2' };
    await expect(running.load(written(OLD, undefined, { tls }))).rejects.toThrow(
      'service::telemetry::metrics::tls::max_version: below min_version',
    );
  });
});

test('print-config shows neither tokens nor users', async () => {
  const hash = `$2b$10$${'x'.repeat(53)}`;
  const config = written(OLD);
  const extensions = { ...config.extensions, basicauth: { htpasswd: { inline: `alice:${hash}` } } };
  const printed = (await running.load({ ...config, extensions })).print();
  expect(printed).not.toMatch(/old-token|alice|xxxx/);
  expect(printed).toContain('token: "[REDACTED]"');
  expect(printed).toContain('inline: "[REDACTED]"');
});

test.each([
  ['a token of another type', { bearertokenauth: { token: [OLD] } }],
  ['a token that is none', { bearertokenauth: { token: `${OLD} and more` } }],
  ['an unknown key beside it', { bearertokenauth: { token: OLD, tokn: OLD } }],
  ['a user that is none', { basicauth: { htpasswd: { inline: OLD } } }],
])('what is wrong with %s is told without it', async (_, wrong) => {
  const config = written(OLD);
  const error: unknown = await running
    .load({ ...config, extensions: { ...config.extensions, ...wrong } })
    .catch((reason: unknown) => reason);
  if (!(error instanceof ConfigError)) throw new Error(String(error));
  expect(error.message).not.toContain(OLD);
});

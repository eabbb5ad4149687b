import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BearerTokenAuth } from '../../../extensions/bearertokenauth/bearertokenauth.ts';
import type { Config } from '../../../extensions/bearertokenauth/config.ts';
import { bearerTokenAuth } from '../../../extensions/bearertokenauth/factory.ts';
import { ConfigError } from '../../../src/errors.ts';
import { componentSuite, testSettings } from '../../component-suite.ts';
import { recorder } from '../../pipeline/ledger.ts';

const OLD = 'old-token-0123456789';
const NEW = 'new-token-0123456789';

let folder: string;
let filename: string;
let nowMs = 0;
let log = recorder();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agentcol-'));
  filename = join(folder, 'tokens');
  nowMs = 1_000_000;
  log = recorder();
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

componentSuite(bearerTokenAuth, { config: { token: OLD } });

function create(config: Config): BearerTokenAuth {
  const settings = testSettings('bearertokenauth', { logger: log, now: () => nowMs });
  return new BearerTokenAuth(config, settings);
}

async function started(config: Config): Promise<BearerTokenAuth> {
  const extension = create(config);
  await extension.start();
  return extension;
}

test('shows others the first of its tokens, as it is now', async () => {
  writeFileSync(filename, `${OLD}\n${NEW}\n`);
  const it = await started({ scheme: 'Bearer', filename });
  expect(it.credentials()).toBe(`Bearer ${OLD}`);
  writeFileSync(filename, `${NEW}\n`);
  nowMs += 1_000;
  expect(it.credentials()).toBe(`Bearer ${NEW}`);
});

test('lets in who shows any of the tokens, of the file and of the configuration', async () => {
  writeFileSync(filename, `${OLD}\n\n ${NEW} \r\n`);
  const it = await started({ scheme: 'Bearer', filename, token: 'third-token-0123456789==' });
  const good = [OLD, NEW, 'third-token-0123456789=='].map((token) => it.authenticate(`Bearer ${token}`));
  expect(good).toEqual([true, true, true]);
  expect(it.authenticate(`bEARER  ${OLD}`)).toBe(true);
});

test.each([
  '',
  OLD,
  'Bearer',
  'Bearer ',
  `Basic ${OLD}`,
  `Bearer ${OLD}x`,
  `Bearer ${OLD.slice(1)}`,
  `Bearer ${OLD} ${OLD}`,
])('does not let in who shows %j', async (authorization) => {
  expect((await started({ scheme: 'Bearer', token: OLD })).authenticate(authorization)).toBe(false);
});

test('lets nobody in before the start', () => {
  expect(create({ scheme: 'Bearer', token: OLD }).authenticate(`Bearer ${OLD}`)).toBe(false);
});

test('recognizes tokens of 16 characters and more, which nobody guesses, and only good ones', async () => {
  const it = await started({ scheme: 'Bearer', token: `${OLD}\nabcdefgh-1234567\nabcdefgh-123456` });
  const recognized = [OLD, 'abcdefgh-1234567', 'abcdefgh-123456', NEW].map((token) => it.recognizes(`Bearer ${token}`));
  expect(recognized).toEqual([true, true, false, false]);
  expect(it.recognizes(`Basic ${OLD}`)).toBe(false);
  expect(it.authenticate('Bearer abcdefgh-123456')).toBe(true);
});

test('asks in the words of its scheme', async () => {
  const it = await started({ token: OLD, scheme: 'Token' });
  expect(it.challenge).toBe('Token realm="agentcol"');
  expect([it.authenticate(`Token ${OLD}`), it.authenticate(`Bearer ${OLD}`)]).toEqual([true, false]);
});

test('reads the file again: an old token is bad as soon as it was taken out', async () => {
  writeFileSync(filename, OLD);
  const it = await started({ scheme: 'Bearer', filename });
  writeFileSync(filename, `${OLD}\n${NEW}`);
  nowMs += 1_000;
  expect([it.authenticate(`Bearer ${OLD}`), it.authenticate(`Bearer ${NEW}`)]).toEqual([true, true]);
  writeFileSync(filename, NEW);
  nowMs += 1_000;
  expect([it.authenticate(`Bearer ${OLD}`), it.authenticate(`Bearer ${NEW}`)]).toEqual([false, true]);
});

test('keeps the tokens of before when the file is not good, and says so', async () => {
  writeFileSync(filename, OLD);
  const it = await started({ scheme: 'Bearer', filename });
  writeFileSync(filename, 'a secret of two words');
  nowMs += 1_000;
  expect(it.authenticate(`Bearer ${OLD}`)).toBe(true);
  expect(it.failure?.message).toContain('line 1: a token has letters');
  expect(log.lines.join()).not.toContain('secret');
});

describe('what is no token', () => {
  test('is refused with its line, and not told', async () => {
    writeFileSync(filename, `${OLD}\ntwo words\n"quoted"`);
    const error: unknown = await started({ scheme: 'Bearer', filename }).catch((reason: unknown) => reason);
    if (!(error instanceof ConfigError)) throw new Error(String(error));
    expect(error.problems.map(({ path }) => path)).toEqual([['filename'], ['filename']]);
    expect(error.message).toContain('line 2: a token has letters');
    expect(error.message).not.toMatch(/two|quoted/);
    expect(await create({ scheme: 'Bearer', filename }).inspect()).toMatchObject([
      { severity: 'error' },
      { severity: 'error' },
    ]);
  });

  test('in the configuration is refused, too', async () => {
    const refused = async (token: string) => bearerTokenAuth.check?.({ token, scheme: 'Bearer' });
    await expect(refused('two words')).rejects.toMatchObject({ problems: [{ path: ['token'] }] });
    await expect(refused('  ')).rejects.toThrow('token holds no token; openssl rand -hex 32 makes one');
    expect(await bearerTokenAuth.check?.({ filename, scheme: 'Bearer' })).toEqual([]);
  });
});

test('a short token is worth a warning', async () => {
  expect(await create({ scheme: 'Bearer', token: 'short' }).inspect()).toMatchObject([{ severity: 'warning' }]);
  expect(await create({ scheme: 'Bearer', token: OLD }).inspect()).toEqual([]);
});

import { mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcrypt';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BasicAuth } from '../../../extensions/basicauth/basicauth.ts';
import type { HtpasswdConfig } from '../../../extensions/basicauth/config.ts';
import { basicAuth } from '../../../extensions/basicauth/factory.ts';
import { costOf, hashOfNobody, parseUsers } from '../../../extensions/basicauth/htpasswd.ts';
import { Verifications } from '../../../extensions/basicauth/verifications.ts';
import type { ClientAuthenticator } from '../../../src/component.ts';
import { ConfigError } from '../../../src/errors.ts';
import { componentSuite, testSettings } from '../../component-suite.ts';
import { recorder } from '../../pipeline/ledger.ts';

/** Cost 5, so that the tests are quick. */
const hash = (password: string): string => hashSync(password, 5);
const ALICE = `alice:${hash('correct horse')}`;
const BOB = `bob:${hash('böb:pass')}`;

let folder: string;
let file: string;
let nowMs = 0;
let log = recorder();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agentcol-'));
  file = join(folder, 'htpasswd');
  nowMs = 1_000_000;
  log = recorder();
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

componentSuite(basicAuth, { config: { htpasswd: { inline: ALICE } } });

async function started(htpasswd: HtpasswdConfig['htpasswd']): Promise<BasicAuth> {
  const extension = new BasicAuth({ htpasswd }, testSettings('basicauth', { logger: log, now: () => nowMs }));
  await extension.start();
  return extension;
}

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

describe('a pair', () => {
  test('of a user gets in, whichever way bcrypt is spelled', async () => {
    const spelled = ['$2a$', '$2b$', '$2y$'].map((prefix, index) => `u${index}:${hash('x').replace('$2b$', prefix)}`);
    const it = await started({ inline: [ALICE, BOB, ...spelled].join('\n') });
    expect(await it.authenticate(basic('alice:correct horse'))).toBe(true);
    expect(await it.authenticate(basic('bob:böb:pass'))).toBe(true);
    for (const name of ['u0', 'u1', 'u2']) expect(await it.authenticate(basic(`${name}:x`))).toBe(true);
    expect(await it.authenticate(basic('alice:correct horse').replace('Basic', 'bAsIc  '))).toBe(true);
  });

  test.each([
    basic('alice:correct hors'),
    basic('alice:correct horse '),
    basic('alice:correct horse\0'),
    basic('Alice:correct horse'),
    basic('alice:'),
    basic('alice'),
    basic(':correct horse'),
    basic('nobody:correct horse'),
    basic('__proto__:x'),
    'Basic',
    'Basic !',
    'Bearer YWxpY2U6Y29ycmVjdCBob3JzZQ==',
    '',
  ])('that is not does not: %s', async (authorization) => {
    expect(await (await started({ inline: ALICE })).authenticate(authorization)).toBe(false);
  });

  test('does not before the start', () => {
    const extension = new BasicAuth({ htpasswd: { inline: ALICE } }, testSettings('basicauth'));
    expect(extension.authenticate(basic('alice:correct horse'))).toBe(false);
  });

  test('of any text but the right one does not', async () => {
    const it = await started({ inline: ALICE });
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (name, password) => {
        fc.pre(name !== 'alice' || password !== 'correct horse');
        expect(await it.authenticate(basic(`${name}:${password}`))).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  test('that was good is so at once until it was not shown for five minutes, and its password is verified again then', async () => {
    const it = await started({ inline: ALICE });
    expect(it.authenticate(basic('alice:correct horse'))).toBeInstanceOf(Promise);
    await it.authenticate(basic('alice:correct horse'));
    for (let minutes = 0; minutes < 10; minutes += 1) {
      nowMs += 60_000;
      expect(it.authenticate(basic('alice:correct horse'))).toBe(true);
    }
    nowMs += 300_000;
    const again = it.authenticate(basic('alice:correct horse'));
    expect(again).toBeInstanceOf(Promise);
    expect(await again).toBe(true);
  });

  test('at the same time as an equal one is looked at once', async () => {
    const it = await started({ inline: ALICE });
    const first = it.authenticate(basic('alice:correct horse'));
    expect(it.authenticate(basic('alice:correct horse'))).toBe(first);
    expect(await first).toBe(true);
  });

  test('with a password of 16 characters and more, which nobody guesses, is recognized while it is remembered', async () => {
    const it = await started({ inline: `${ALICE}\ncarol:${hash('correct horse battery')}` });
    const [short, long] = [basic('alice:correct horse'), basic('carol:correct horse battery')];
    expect(it.recognizes(long)).toBe(false);
    await Promise.all([it.authenticate(short), it.authenticate(long)]);
    const wrong = [basic('carol:correct horse batterx'), basic('alice:correct horse battery'), 'Bearer x', ''];
    expect([short, long, ...wrong].map((pair) => it.recognizes(pair))).toEqual([
      false,
      true,
      ...wrong.map(() => false),
    ]);
    nowMs += 300_000;
    expect(it.recognizes(long)).toBe(false);
  });

  test('that was recognized is not once its user was taken out', async () => {
    writeFileSync(file, `carol:${hash('correct horse battery')}`);
    const it = await started({ file });
    await it.authenticate(basic('carol:correct horse battery'));
    writeFileSync(file, ALICE);
    nowMs += 1_000;
    expect(it.recognizes(basic('carol:correct horse battery'))).toBe(false);
  });

  test('is remembered for so many users and no more', async () => {
    const short = hashSync('x', 5);
    const users = Array.from({ length: 257 }, (_, index) => `u${index}`);
    const it = await started({ inline: users.map((name) => `${name}:${short}`).join('\n') });
    for (const name of users) await it.authenticate(basic(`${name}:x`));
    expect(it.authenticate(basic('u256:x'))).toBe(true);
    expect(it.authenticate(basic('u0:x'))).toBeInstanceOf(Promise);
  });
});

describe('the file', () => {
  test('is read again when it changes: a password that was taken back is bad at once, although it was remembered', async () => {
    writeFileSync(file, `${ALICE}\n# more\n\n${BOB}\r\n`);
    const it = await started({ file });
    await it.authenticate(basic('alice:correct horse'));
    writeFileSync(file, `alice:${hash('new')}\n`);
    nowMs += 1_000;
    expect(await it.authenticate(basic('alice:correct horse'))).toBe(false);
    expect(await it.authenticate(basic('alice:new'))).toBe(true);
    expect(await it.authenticate(basic('bob:böb:pass'))).toBe(false);
    expect(log.lines).toEqual(['info htpasswd: the files have changed and were read again']);
  });

  test('is read again when another takes its place, of the same size and time', async () => {
    writeFileSync(file, ALICE);
    const it = await started({ file });
    const { atimeMs, mtimeMs } = statSync(file);
    writeFileSync(`${file}.new`, `carol:${hash('correct horse')}`);
    utimesSync(`${file}.new`, atimeMs / 1_000, mtimeMs / 1_000);
    renameSync(`${file}.new`, file);
    nowMs += 1_000;
    expect(await it.authenticate(basic('carol:correct horse'))).toBe(true);
    expect(await it.authenticate(basic('alice:correct horse'))).toBe(false);
  });

  test('is looked at once a second', async () => {
    writeFileSync(file, ALICE);
    const it = await started({ file });
    writeFileSync(file, BOB);
    nowMs += 999;
    expect(await it.authenticate(basic('bob:böb:pass'))).toBe(false);
    nowMs += 1;
    expect(await it.authenticate(basic('bob:böb:pass'))).toBe(true);
  });

  test.each([
    ['is gone', () => rmSync(file), 'there is no such file'],
    ['is empty', () => writeFileSync(file, ''), 'holds no user'],
    ['holds what is no user', () => writeFileSync(file, `${ALICE}\nsecret`), 'line 2: not name:hash'],
  ])('that %s leaves the users of before, and says so until it is mended', async (_, spoil, reason) => {
    writeFileSync(file, ALICE);
    const it = await started({ file });
    spoil();
    for (let look = 0; look < 3; look += 1) {
      nowMs += 1_000;
      expect(await it.authenticate(basic('alice:correct horse'))).toBe(true);
    }
    expect(it.failure).toMatchObject({ reason: 'not_reloaded', sinceMs: 1_001_000 });
    expect(it.failure?.message).toContain(reason);
    expect(log.lines).toEqual([`error ${it.failure?.message ?? ''}`]);
    expect(log.lines.join()).not.toContain('secret');
    writeFileSync(file, BOB);
    nowMs += 1_000;
    expect(await it.authenticate(basic('bob:böb:pass'))).toBe(true);
    expect(it.failure).toBeUndefined();
  });

  test('gives way to what stands in the configuration', async () => {
    writeFileSync(file, `${ALICE}\n${BOB}`);
    const it = await started({ file, inline: `alice:${hash('other')}` });
    expect(await it.authenticate(basic('alice:other'))).toBe(true);
    expect(await it.authenticate(basic('alice:correct horse'))).toBe(false);
    expect(await it.authenticate(basic('bob:böb:pass'))).toBe(true);
  });

  test('that is missing at the start is an error of the setting', async () => {
    const error: unknown = await started({ file }).catch((reason: unknown) => reason);
    if (!(error instanceof ConfigError)) throw new Error(String(error));
    expect(error.problems).toEqual([{ path: ['htpasswd', 'file'], message: `read ${file}: there is no such file` }]);
  });
});

describe('htpasswd', () => {
  const refusal = (text: string): readonly string[] => {
    try {
      parseUsers(text, ['htpasswd', 'inline'], 'inline');
      return [];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.problems.map(({ message }) => message);
    }
  };

  test.each([
    ['MD5', 'secret:$apr1$mtQlV5s2$IbrKQdrqUSnFrNjl8D8Zq1'],
    ['SHA-1', 'secret:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='],
    ['crypt', 'secret:rqXexS6ZhobKA'],
    ['plain text', 'secret:secret'],
    ['SHA-512', 'secret:$6$salt$hash'],
  ])('of %s is refused, with what to do', (_, line) => {
    expect(refusal(`${ALICE}\n${line}`)).toEqual([
      'inline, line 2: not a bcrypt hash ($2a$, $2b$ or $2y$): write it with htpasswd -B -C 10 FILE NAME',
    ]);
  });

  test('of a cost that is too small or too large is refused', () => {
    expect(refusal(ALICE.replace('$05$', '$04$'))[0]).toContain('of cost 4, not of 5 to 14');
    expect(refusal(ALICE.replace('$05$', '$15$'))[0]).toContain('of cost 15, not of 5 to 14');
  });

  test('tells every line that is not good', () => {
    expect(refusal(`x\n:y\n${ALICE}\n${ALICE}`)).toEqual([
      'inline, line 1: not name:hash',
      'inline, line 2: not name:hash',
      'inline, line 4: a user of that name is there already',
    ]);
    expect(refusal('# nobody\n')[0]).toContain('inline holds no user');
  });

  test('is checked where it stands in the configuration', async () => {
    await expect(basicAuth.check?.({ htpasswd: { inline: 'x' } })).rejects.toMatchObject({
      problems: [{ path: ['htpasswd', 'inline'] }],
    });
    expect(await basicAuth.check?.({ htpasswd: { file } })).toEqual([]);
  });

  test('compares somebody who is no user with a hash that costs as much as those of users', async () => {
    const users = parseUsers(`${ALICE}\nbob:${hashSync('x', 6)}`, [], 'inline');
    expect(costOf(hashOfNobody(users))).toBe(6);
    expect(await new Verifications().verify('', hashOfNobody(users))).toBe(false);
  });

  test('of a small cost is worth a warning to validate, and a bad file an error', async () => {
    const inspect = (htpasswd: HtpasswdConfig['htpasswd']) =>
      new BasicAuth({ htpasswd }, testSettings('basicauth')).inspect();
    expect(await inspect({ inline: ALICE })).toMatchObject([{ severity: 'warning', path: ['htpasswd'] }]);
    expect(await inspect({ inline: `alice:${hashSync('x', 10)}` })).toEqual([]);
    expect(await inspect({ file })).toMatchObject([{ severity: 'error', path: ['htpasswd', 'file'] }]);
  });
});

describe('verifications', () => {
  test('that are too many are refused, and the others end', async () => {
    const verifications = new Verifications();
    const results = await Promise.all(Array.from({ length: 260 }, () => verifications.verify('x', 'no hash')));
    expect(results.every((good) => !good)).toBe(true);
    const [, right = ''] = ALICE.split(':');
    const many = Array.from({ length: 300 }, () => verifications.verify('correct horse', right));
    expect((await Promise.all(many)).filter(Boolean)).toHaveLength(258);
  });
});

describe('what is shown to others', () => {
  const client_auth = { username: 'alice', password: 'correct horse' };

  test('is the name and password of client_auth', async () => {
    const extension = await basicAuth.create({ client_auth }, testSettings('basicauth'));
    expect(extension).not.toHaveProperty('authenticate');
    expect('credentials' in extension && (extension as ClientAuthenticator).credentials()).toBe(
      basic('alice:correct horse'),
    );
  });

  test('stands in an extension of its own', async () => {
    expect(await basicAuth.check?.({ client_auth, htpasswd: { inline: ALICE } })).toMatchObject([
      { path: ['client_auth'] },
    ]);
    expect(await basicAuth.check?.({ client_auth })).toEqual([]);
  });
});

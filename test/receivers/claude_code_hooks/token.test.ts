import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OwnToken, readOrCreateToken, tokenFile } from '../../../receivers/claude_code_hooks/token.ts';
import { ConfigError } from '../../../src/errors.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-token-'));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

test('a token is made once, of 256 bits, for its owner alone', () => {
  const token = readOrCreateToken(folder);
  expect(Buffer.from(token, 'base64url')).toHaveLength(32);
  expect(fs.statSync(tokenFile(folder)).mode & 0o777).toBe(0o600);
  expect(readOrCreateToken(folder)).toBe(token);
  expect(fs.readdirSync(folder)).toEqual(['hooks.token']);
});

test('another folder has another token', () => {
  const other = path.join(folder, 'other');
  fs.mkdirSync(other);
  expect(readOrCreateToken(other)).not.toBe(readOrCreateToken(folder));
});

test('a token of the user is as good', () => {
  fs.writeFileSync(tokenFile(folder), '  my-own-token-0123456789==\n');
  expect(readOrCreateToken(folder)).toBe('my-own-token-0123456789==');
});

test.each(['', 'short', 'two words of a token of a user', 'ümlaut-0123456789-0123456789'])(
  'what is no token (%j) is refused, and not told',
  (text) => {
    fs.writeFileSync(tokenFile(folder), text);
    expect(() => readOrCreateToken(folder)).toThrow(ConfigError);
    expect(() => readOrCreateToken(folder)).toThrow(/^\S+hooks\.token holds no token: delete it/);
  },
);

test('a folder that is not there is an error that names the file', () => {
  expect(() => readOrCreateToken(path.join(folder, 'gone'))).toThrow(/^token of the hooks: .*gone\/hooks\.token/);
});

test('a file that cannot be read is an error that names it', () => {
  fs.mkdirSync(tokenFile(folder));
  expect(() => readOrCreateToken(folder)).toThrow(/^token of the hooks: .*hooks\.token: EISDIR/);
});

test('nobody gets in before there is a token', () => {
  expect(new OwnToken().authenticate('Bearer undefined')).toBe(false);
});

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileStorage } from '../../../extensions/file_storage/factory.ts';
import { FileStorage } from '../../../extensions/file_storage/storage.ts';
import { ConfigError } from '../../../src/errors.ts';
import { componentSuite } from '../../component-suite.ts';

const suiteFolder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-storage-suite-'));
componentSuite(fileStorage, { config: { directory: suiteFolder } });

let folder: string;
const opened: FileStorage[] = [];

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-storage-'));
});

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.shutdown();
  fs.rmSync(folder, { recursive: true, force: true });
});

const at = (...names: readonly string[]): string => path.join(folder, ...names);

function storageAt(directory: string): FileStorage {
  const storage = new FileStorage({ directory });
  opened.push(storage);
  return storage;
}

const mode = (file: string): number => fs.statSync(file).mode & 0o777;

describe('the folder', () => {
  test('is created with its parents, for this user alone', async () => {
    const storage = storageAt(at('a', 'b'));
    await storage.start();
    expect(storage.directory).toBe(at('a', 'b'));
    expect([mode(at('a')), mode(at('a', 'b'))]).toEqual([0o700, 0o700]);
  });

  test.each([0o770, 0o702])('is refused when others may write to it (%o)', async (bits) => {
    fs.mkdirSync(at('open'));
    fs.chmodSync(at('open'), bits);
    await expect(storageAt(at('open')).start()).rejects.toThrow(/can be written to by other users: chmod 700 it/);
  });

  test('is refused when it is a file, or below one', async () => {
    fs.writeFileSync(at('file'), '');
    await expect(storageAt(at('file')).start()).rejects.toThrow(ConfigError);
    await expect(storageAt(at('file', 'below')).start()).rejects.toThrow(/^create .*ENOTDIR/);
  });

  test.skipIf(process.getuid?.() !== 0)('is refused when it belongs to another user (needs root to test)', async () => {
    fs.mkdirSync(at('theirs'), { mode: 0o700 });
    fs.chownSync(at('theirs'), 12_345, 12_345);
    await expect(storageAt(at('theirs')).start()).rejects.toThrow(/belongs to user id 12345, agentcol runs as 0/);
  });

  test.skipIf(process.getuid?.() !== 0)('is refused when another user points to it (needs root to test)', async () => {
    fs.mkdirSync(at('ours'), { mode: 0o700 });
    fs.symlinkSync(at('ours'), at('link'));
    fs.lchownSync(at('link'), 12_345, 12_345);
    await expect(storageAt(at('link')).start()).rejects.toThrow(/symbolic link made by user id 12345/);
  });

  test('may be a symbolic link of our own', async () => {
    fs.mkdirSync(at('ours'), { mode: 0o700 });
    fs.symlinkSync(at('ours'), at('link'));
    await storageAt(at('link')).start();
    expect(fs.existsSync(at('ours', 'lock.db'))).toBe(true);
  });
});

/** A process that takes the lock, says so, and waits to be killed. */
async function otherProcess(directory: string): Promise<ChildProcess> {
  const script = `
    const Database = require('better-sqlite3');
    const lock = new Database(${JSON.stringify(path.join(directory, 'lock.db'))});
    lock.exec('BEGIN EXCLUSIVE');
    console.log('locked');
    setInterval(() => lock, 1000);
  `;
  const child = spawn(process.execPath, ['-e', script], { cwd: process.cwd(), stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

describe('the lock', () => {
  test('refuses a second collector, with the folder and what to do', async () => {
    await storageAt(folder).start();
    await expect(storageAt(folder).start()).rejects.toThrow(
      `another agentcol uses ${folder}: stop it, or give this one a file_storage::directory of its own`,
    );
  });

  test('is let go at shutdown', async () => {
    const first = storageAt(folder);
    await first.start();
    await first.start();
    await first.shutdown();
    await storageAt(folder).start();
  });

  test('is held by other processes too, and freed by the kernel when they are killed', async () => {
    const child = await otherProcess(folder);
    await expect(storageAt(folder).start()).rejects.toThrow(/another agentcol uses/);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await storageAt(folder).start();
  });

  test('is on a private file, and a file that was not becomes one', async () => {
    const storage = storageAt(folder);
    await storage.start();
    expect(mode(at('lock.db'))).toBe(0o600);
    await storage.shutdown();
    fs.chmodSync(at('lock.db'), 0o644);
    await storage.start();
    expect(mode(at('lock.db'))).toBe(0o600);
  });

  test('is not lost when this process is refused a second one', async () => {
    await storageAt(folder).start();
    await expect(storageAt(folder).start()).rejects.toThrow(/another agentcol uses/);
    const script = `new (require('better-sqlite3'))(${JSON.stringify(at('lock.db'))}, { timeout: 0 }).exec('BEGIN EXCLUSIVE')`;
    const { stderr, status } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    expect([stderr.includes('SQLITE_BUSY'), status]).toEqual([true, 1]);
  });

  test('says why it cannot be taken', async () => {
    fs.mkdirSync(at('lock.db'));
    await expect(storageAt(folder).start()).rejects.toThrow(/^lock .*lock\.db: /);
  });
});

describe('a secret', () => {
  test('is 32 random bytes, the same ever after, in a private file', async () => {
    const storage = storageAt(folder);
    await storage.start();
    const secret = storage.secret('digest');
    expect(secret).toHaveLength(32);
    expect(storage.secret('digest')).toEqual(secret);
    expect(storage.secret('hash')).not.toEqual(secret);
    expect(mode(at('digest.key'))).toBe(0o600);
    await storage.shutdown();
    const again = storageAt(folder);
    await again.start();
    expect(again.secret('digest')).toEqual(secret);
    expect(fs.readdirSync(folder).sort()).toEqual(['digest.key', 'hash.key', 'lock.db']);
  });

  test('is not there before start', () => {
    expect(() => storageAt(folder).secret('digest')).toThrow('the storage has not started');
  });

  test('that is damaged is never replaced', async () => {
    fs.writeFileSync(at('digest.key'), 'short');
    const storage = storageAt(folder);
    await storage.start();
    expect(() => storage.secret('digest')).toThrow(/digest\.key holds 5 bytes instead of 32: restore it, or delete it/);
    expect(fs.readFileSync(at('digest.key'), 'utf8')).toBe('short');
  });

  test('is made whole after a process died while making it', async () => {
    fs.writeFileSync(at('digest.key.new'), 'half');
    const storage = storageAt(folder);
    await storage.start();
    expect(storage.secret('digest')).toHaveLength(32);
    expect(fs.existsSync(at('digest.key.new'))).toBe(false);
  });

  test('that cannot be read says which file, and why', async () => {
    fs.mkdirSync(at('digest.key'));
    const storage = storageAt(folder);
    await storage.start();
    expect(() => storage.secret('digest')).toThrow(/key file .*digest\.key: EISDIR/);
  });

  test('has a name that is no path', async () => {
    const storage = storageAt(folder);
    await storage.start();
    expect(() => storage.secret('../x')).toThrow(/not a name for a key file/);
  });
});

describe('a storage that is taken away', () => {
  test('is made again, with the secrets it had, and locked', async () => {
    const storage = storageAt(folder);
    await storage.start();
    const secret = storage.secret('digest');
    fs.rmSync(folder, { recursive: true });
    storage.reclaim();
    expect(fs.readFileSync(at('digest.key'))).toEqual(secret);
    await expect(storageAt(folder).start()).rejects.toThrow(/another agentcol uses/);
    await storage.shutdown();
    await storageAt(folder).start();
  });

  test('is not taken back from another collector that has it now', async () => {
    const storage = storageAt(folder);
    await storage.start();
    const secret = storage.secret('digest');
    fs.rmSync(folder, { recursive: true });
    const other = storageAt(folder);
    await other.start();
    expect(() => storage.reclaim()).toThrow(/another agentcol uses/);
    await other.shutdown();
    storage.reclaim();
    expect(fs.readFileSync(at('digest.key'))).toEqual(secret);
  });

  test('cannot be, before start', () => {
    expect(() => storageAt(folder).reclaim()).toThrow('the storage has not started');
  });
});
